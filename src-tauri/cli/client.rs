//! Asking the running instance.
//!
//! The control token is sent only to the address that the lock's holder wrote: a program that merely listens on the
//! same port never gets it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::args::Place;
use super::{Stop, out, serve};
use crate::app::{self, CONTROL_TOKEN, Instance, Parts, Stored};
use crate::config::Config;
use crate::control::{self, ControlError};
use crate::secrets::{self, ExposeSecret};
use crate::server::dial_addr;

/// A check of several accounts may take this long, each of them up to its own time limits.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running instance and the means to ask it.
pub(super) struct Client {
    pub(super) instance: Instance,
    token: String,
    http: reqwest::Client,
}

/// Where the stored state is, and who runs on it.
pub(super) struct Found {
    pub(super) data_dir: PathBuf,
    pub(super) config: Config,
    pub(super) parts: Parts,
    pub(super) client: Option<Client>,
}

/// Looks for the instance that is meant: in the data directory, else in its demo.
pub(super) fn find(place: &Place) -> Result<Found, Stop> {
    let (config, parts) = serve::read(place)?;
    let dir = config.data_dir.clone();
    if let Some(client) = connect(&dir)? {
        return Ok(Found { data_dir: dir, config, parts, client: Some(client) });
    }
    let demo = dir.join("demo");
    if !place.demo
        && let Some(client) = connect(&demo)?
    {
        out::note("(the running demo answers)");
        return Ok(Found { data_dir: demo, config, parts, client: Some(client) });
    }
    Ok(Found { data_dir: dir, config, parts, client: None })
}

/// Carries out a command in the running instance, or on the stored state where none runs.
pub(super) fn ask<T: DeserializeOwned>(place: &Place, name: &str, args: Value) -> Result<T, Stop> {
    let found = find(place)?;
    block_on(async move {
        match found.client {
            Some(client) => client.ask(name, args).await,
            None => {
                let stored = stored(&found.config, found.parts, control::changes(name)).await?;
                ask_stored(&stored, name, args).await
            }
        }
    })
}

/// The stored state, where nobody runs.
pub(super) async fn stored(config: &Config, parts: Parts, changes: bool) -> Result<Stored, Stop> {
    Stored::open(config, parts, changes).await.map_err(|error| Stop::failed(error.to_string()))
}

/// Carries out a command on the stored state.
pub(super) async fn ask_stored<T: DeserializeOwned>(
    stored: &Stored,
    name: &str,
    args: Value,
) -> Result<T, Stop> {
    let answer = stored.ask(name, args).await.map_err(|error| Stop::failed(error.message))?;
    serde_json::from_value(answer).map_err(|error| Stop::failed(error.to_string()))
}

/// The instance that runs on this data directory.
pub(super) fn connect(data_dir: &Path) -> Result<Option<Client>, Stop> {
    let Some(instance) = app::running(data_dir) else { return Ok(None) };
    let token = secrets::read_token(&data_dir.join(CONTROL_TOKEN))
        .map_err(|error| Stop::failed(format!("the control token cannot be read: {error}")))?;
    // The client wants to know its cryptography even though it will speak plain HTTP to this machine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| Stop::failed(error.to_string()))?;
    Ok(Some(Client { instance, token: token.expose_secret().to_owned(), http }))
}

impl Client {
    /// Carries out a command.
    pub(super) async fn ask<T: DeserializeOwned>(&self, name: &str, args: impl Serialize) -> Result<T, Stop> {
        let body = serde_json::to_vec(&args).map_err(|error| Stop::failed(error.to_string()))?;
        let request = self.request(reqwest::Method::POST, name).timeout(PATIENCE).body(body);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let answer = response.bytes().await.map_err(|error| unreachable(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&answer)
                .map_err(|_| Stop::failed("the running proxy is of another version"));
        }
        Err(Stop::failed(reason(&answer)))
    }

    /// The live feed.
    pub(super) async fn events(&self) -> Result<reqwest::Response, Stop> {
        let request = self.request(reqwest::Method::GET, "events");
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        response.error_for_status().map_err(|error| unreachable(&error))
    }

    fn request(&self, method: reqwest::Method, name: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/control/{name}", dial_addr(self.instance.address));
        self.http.request(method, url).bearer_auth(&self.token).header("content-type", "application/json")
    }
}

fn unreachable(error: &reqwest::Error) -> Stop {
    let what = if error.is_timeout() { "does not answer" } else { "cannot be reached" };
    Stop::failed(format!("the running proxy {what}"))
}

fn reason(answer: &[u8]) -> String {
    let error = serde_json::from_slice::<Value>(answer)
        .ok()
        .and_then(|mut answer| answer.get_mut("error").map(Value::take));
    let told = error.and_then(|error| serde_json::from_value::<ControlError>(error).ok());
    told.map_or_else(|| "the running proxy refused the command".to_owned(), |error| error.message)
}

/// A small runtime for one command.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Stop::failed(error.to_string()))?.block_on(work)
}
