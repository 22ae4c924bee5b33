//! The keyless port: a second port that needs no client key, for clients that cannot send one. It is closed unless the
//! user opens it.
//!
//! The port is bound to 127.0.0.1 regardless of `host` and serves only the routes of the dialects. It checks
//! Host, Origin and content type as the main port does, which keeps web pages out. Every program of this
//! machine has access.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use warp::{Filter, Reply};

use super::service::HttpService;
use crate::auth::{Guard, Route, Scope};
use crate::management::UserMessage;
use crate::proxy::{self, Proxy};
use crate::server::{self, ConnectionLimits, Server, SwitchError};
use dialects::ApiFamily;

/// The text that Ollama's clients expect at the root path.
const ROOT_GREETING: &str = "Ollama is running";
/// Grace period for in-flight replies after the keyless port is closed; short, as closing it is a security action.
const CLOSE_GRACE_PERIOD: Duration = Duration::from_secs(2);

/// The keyless port, open or closed.
pub(super) struct KeylessListener {
    service: HttpService,
    limits: ConnectionLimits,
    /// Locked during a change, so that changes happen one at a time.
    server: tokio::sync::Mutex<Option<Server>>,
    /// The message for the user about the port.
    message: Mutex<Option<UserMessage>>,
}

impl KeylessListener {
    /// Creates the port, closed. `main` is the guard of the main port.
    pub(super) fn new(main: &Guard, proxy: &Proxy, limits: ConnectionLimits) -> Self {
        let greeting = warp::path::end().and(warp::get()).map(|| ROOT_GREETING.into_response());
        let routes =
            proxy::routes(proxy).or(greeting).unify().recover(proxy::handle_rejection).unify().boxed();
        let service = HttpService::new(Arc::new(main.without_key(keyless_routes())), proxy.clone(), routes);
        Self { service, limits, server: tokio::sync::Mutex::default(), message: Mutex::default() }
    }

    /// Opens the port if the settings name one. An error only becomes a message, as the main port does not depend on
    /// this one.
    pub(super) async fn start(&self, port: Option<u16>) {
        if let Err(error) = self.set_port(port, || Ok(())).await {
            self.set_message(Some(UserMessage::KeylessClosed { detail: error.to_string() }));
        }
    }

    /// Opens the port, moves it, or closes it, and saves the change. The change completes even if the caller is
    /// dropped.
    ///
    /// # Errors
    /// The new port cannot be bound, or the change cannot be saved. Nothing is changed then.
    pub(super) async fn set_port(
        &self,
        port: Option<u16>,
        save: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), SwitchError> {
        let mut server = self.server.lock().await;
        let save_and_report =
            || save().map(|()| self.set_message(port.map(|port| UserMessage::Keyless { port })));
        match (port, server.as_ref()) {
            (Some(port), Some(server)) => drop(server.switch(loopback(port), |_| save_and_report()).await?),
            (Some(port), None) => {
                let bound = server::bind(loopback(port)).await?;
                save_and_report().map_err(SwitchError::Save)?;
                *server = Some(Server::start(bound, self.service.clone(), self.limits.clone()));
            }
            (None, _) => {
                save_and_report().map_err(SwitchError::Save)?;
                close(server.take(), CLOSE_GRACE_PERIOD).await;
            }
        }
        Ok(())
    }

    /// The message that the port is open, or why it is not.
    pub(super) fn message(&self) -> Option<UserMessage> {
        self.lock().clone()
    }

    /// Closes the port for good.
    pub(super) async fn stop(&self, grace: Duration) {
        close(self.server.lock().await.take(), grace).await;
    }

    fn set_message(&self, said: Option<UserMessage>) {
        if let Some(message) = &said {
            tracing::warn!("{message}");
        }
        *self.lock() = said;
    }

    fn lock(&self) -> MutexGuard<'_, Option<UserMessage>> {
        self.message.lock()
    }
}

async fn close(server: Option<Server>, grace: Duration) {
    if let Some(server) = server {
        // The number of interrupted replies is reported for the main port only.
        let _ = server.stop(grace).await;
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn keyless_routes() -> Vec<Route> {
    let root =
        Route { method: http::Method::GET, path: "/", scope: Scope::Public, api_family: ApiFamily::Plain };
    let client_api_routes = proxy::route_table(dialects::DIALECTS)
        .into_iter()
        .filter(|route| route.api_family != ApiFamily::Plain);
    client_api_routes.chain([root]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serves_only_client_routes() {
        for route in keyless_routes().into_iter().filter(|route| route.path != "/") {
            assert_eq!(route.scope, Scope::Client, "{}", route.path);
            assert!(!route.path.starts_with("/control") && route.path != "/metrics", "{}", route.path);
        }
    }
}
