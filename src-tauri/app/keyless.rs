//! The second port, on which no key is asked: for clients that cannot send one, and only where the user opened it.
//!
//! It listens on 127.0.0.1 whatever `host` says, answers the dialects' routes and nothing else, and judges Host, Origin
//! and content type as the first port does, so that no web page gets in. Every program of this machine does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use warp::Filter;

use super::front::Front;
use crate::access::{Dialect, Guard, Keys, Policy, Route, Scope, Serving};
use crate::config::Config;
use crate::control::Said;
use crate::proxy::{self, Answer, Proxy};
use crate::server::{self, Bound, Limits, Server};

/// What Ollama's clients look for at the root before they ask anything.
const GREETING: &str = "Ollama is running";

/// Takes the port, if one is set. What stands in the way is a notice: the first port is no worse for it.
pub(super) async fn bind(config: &Config, notices: &mut Vec<Said>) -> Option<Bound> {
    let port = config.keyless_port?;
    match server::bind((Ipv4Addr::LOCALHOST, port).into()).await {
        Ok(bound) => {
            notices.push(Said::Keyless { port });
            Some(bound)
        }
        Err(error) => {
            notices.push(Said::KeylessClosed { detail: error.to_string() });
            None
        }
    }
}

/// Serves it.
pub(super) fn start(bound: Bound, proxy: &Proxy, policy: Policy, serving: Serving, limits: Limits) -> Server {
    let guard = Guard::new(table(), policy, Keys::new(), [0; 32]).with_serving(serving).without_key();
    let greeting = warp::path::end().and(warp::get()).map(|| Answer::text(200, GREETING));
    let routes = proxy::routes(proxy).or(greeting).unify().recover(proxy::unanswered).unify().boxed();
    Server::start(bound, Front::new(Arc::new(guard), proxy.clone(), routes), limits)
}

fn table() -> Vec<Route> {
    let root = Route { method: http::Method::GET, path: "/", scope: Scope::Public, dialect: Dialect::Plain };
    let spoken = proxy::table().into_iter().filter(|route| route.dialect != Dialect::Plain);
    spoken.chain([root]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_asks_for_a_clients_key_is_served_without_one() {
        for route in table().into_iter().filter(|route| route.path != "/") {
            assert_eq!(route.scope, Scope::Client, "{}", route.path);
            assert!(!route.path.starts_with("/control") && route.path != "/metrics", "{}", route.path);
        }
    }
}
