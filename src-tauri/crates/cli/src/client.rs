//! Client of the running instance's management API.
//!
//! The control token is sent only to the address that the holder of the lock wrote: another program that listens on the
//! same port does not receive it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::args::GlobalArgs;
use super::{ExitError, output, serve};
use gateway::app::{self, AppParts, CONTROL_TOKEN_FILE, OfflineApp, RunningInstance};
use gateway::management::{self, ControlError};
use gateway::server::dial_addr;
use storage::config::Config;
use storage::secrets::{self, ExposeSecret};

/// Timeout of a command. A check of several accounts takes up to the sum of their own timeouts.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// Connection to a running instance.
pub(super) struct Client {
    pub(super) instance: RunningInstance,
    token: String,
    http: reqwest::Client,
}

/// A data directory and the instance that runs on it, if any.
pub(super) struct TargetInstance {
    pub(super) data_dir: PathBuf,
    pub(super) config: Config,
    pub(super) parts: AppParts,
    pub(super) client: Option<Client>,
}

/// Finds the instance: on the data directory, otherwise on its demo directory.
pub(super) fn find_target(global: &GlobalArgs) -> Result<TargetInstance, ExitError> {
    let (config, parts) = serve::read_settings(global)?;
    let dir = config.data_dir.clone();
    if let Some(client) = connect(&dir)? {
        return Ok(TargetInstance { data_dir: dir, config, parts, client: Some(client) });
    }
    let demo = dir.join("demo");
    if !global.demo
        && let Some(client) = connect(&demo)?
    {
        output::note("(the running demo answers)");
        return Ok(TargetInstance { data_dir: demo, config, parts, client: Some(client) });
    }
    Ok(TargetInstance { data_dir: dir, config, parts, client: None })
}

/// The running instance, for commands that need one.
///
/// # Errors
/// No instance runs on this data directory.
pub(super) fn running(global: &GlobalArgs) -> Result<Client, ExitError> {
    find_target(global)?.client.ok_or_else(|| {
        ExitError::failed(
            "the proxy does not run: start the desktop program or 'mammouth-proxy serve', then try again",
        )
    })
}

/// Runs a command in the running instance, or on the stored state if none runs.
pub(super) fn run_command<T: DeserializeOwned>(
    global: &GlobalArgs,
    name: &str,
    args: Value,
) -> Result<T, ExitError> {
    let target = find_target(global)?;
    block_on(async move {
        match target.client {
            Some(client) => client.call(name, args).await,
            None => {
                let stored =
                    open_offline(&target.config, target.parts, management::changes_state(name)).await?;
                run_offline(&stored, name, args).await
            }
        }
    })
}

/// Opens the stored state while no instance runs.
pub(super) async fn open_offline(
    config: &Config,
    parts: AppParts,
    changes: bool,
) -> Result<OfflineApp, ExitError> {
    OfflineApp::open(config, parts, changes).await.map_err(|error| ExitError::failed(error.to_string()))
}

/// Runs a command on the stored state.
pub(super) async fn run_offline<T: DeserializeOwned>(
    stored: &OfflineApp,
    name: &str,
    args: Value,
) -> Result<T, ExitError> {
    let answer = stored.dispatch(name, args).await.map_err(|error| ExitError::failed(error.message))?;
    serde_json::from_value(answer).map_err(|error| ExitError::failed(error.to_string()))
}

/// Connects to the instance that runs on this data directory; `None` if there is none.
pub(super) fn connect(data_dir: &Path) -> Result<Option<Client>, ExitError> {
    let Some(instance) = app::find_running(data_dir) else { return Ok(None) };
    let token = secrets::read_token(&data_dir.join(CONTROL_TOKEN_FILE))
        .map_err(|error| ExitError::failed(format!("the control token cannot be read: {error}")))?;
    // reqwest requires a crypto provider even though all requests are plain HTTP to this machine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| ExitError::failed(error.to_string()))?;
    Ok(Some(Client { instance, token: token.expose_secret().to_owned(), http }))
}

impl Client {
    /// Runs a command.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        name: &str,
        args: impl Serialize,
    ) -> Result<T, ExitError> {
        let body = serde_json::to_vec(&args).map_err(|error| ExitError::failed(error.to_string()))?;
        let request = self.request(reqwest::Method::POST, name).timeout(COMMAND_TIMEOUT).body(body);
        let response = request.send().await.map_err(|error| connection_error(&error))?;
        let status = response.status();
        let answer = response.bytes().await.map_err(|error| connection_error(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&answer)
                .map_err(|_| ExitError::failed("the running proxy is of another version"));
        }
        Err(ExitError::failed(error_message(&answer)))
    }

    /// Opens the event feed.
    pub(super) async fn events(&self) -> Result<reqwest::Response, ExitError> {
        let request = self.request(reqwest::Method::GET, "events");
        let response = request.send().await.map_err(|error| connection_error(&error))?;
        response.error_for_status().map_err(|error| connection_error(&error))
    }

    fn request(&self, method: reqwest::Method, name: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/control/{name}", dial_addr(self.instance.address));
        self.http.request(method, url).bearer_auth(&self.token).header("content-type", "application/json")
    }
}

fn connection_error(error: &reqwest::Error) -> ExitError {
    let what = if error.is_timeout() { "does not answer" } else { "cannot be reached" };
    ExitError::failed(format!("the running proxy {what}"))
}

fn error_message(answer: &[u8]) -> String {
    let error = serde_json::from_slice::<Value>(answer)
        .ok()
        .and_then(|mut answer| answer.get_mut("error").map(Value::take));
    let control_error = error.and_then(|error| serde_json::from_value::<ControlError>(error).ok());
    control_error.map_or_else(|| "the running proxy refused the command".to_owned(), |error| error.message)
}

/// Runs a command on a single-threaded runtime.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, ExitError>>) -> Result<T, ExitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| ExitError::failed(error.to_string()))?.block_on(work)
}
