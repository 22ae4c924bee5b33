//! The attack list against the guard, on heads alone. The same cases over a socket are in the integration tests.

use http::request::{Builder, Parts};
use http::{Method, Request};
use proptest::prelude::*;

use super::*;
use dialects::ApiFamily;
use storage::secrets::Secret;

mod auth;
mod network;

const KEY: &str = "mp-a-client-key-0123456789";
const CONTROL: &str = "mp-the-control-token-0123456789";

fn routes() -> Vec<Route> {
    let route = |method, path, scope, dialect| Route { method, path, scope, api_family: dialect };
    vec![
        route(Method::POST, "/v1/chat/completions", Scope::Client, ApiFamily::OpenAi),
        route(Method::GET, "/v1/models", Scope::Client, ApiFamily::OpenAi),
        route(Method::GET, "/v1/models/{id}", Scope::Client, ApiFamily::OpenAi),
        route(Method::POST, "/v1/responses", Scope::Client, ApiFamily::OpenAi),
        route(Method::POST, "/v1/messages", Scope::Client, ApiFamily::Anthropic),
        route(Method::GET, "/api/tags", Scope::Client, ApiFamily::Ollama),
        route(Method::GET, "/metrics", Scope::Client, ApiFamily::Plain),
        route(Method::GET, "/healthz", Scope::Public, ApiFamily::Plain),
        route(Method::GET, "/", Scope::Public, ApiFamily::Plain),
        route(Method::GET, "/assets/{file}", Scope::Public, ApiFamily::Plain),
        route(Method::POST, "/control/{name}", Scope::Control, ApiFamily::Plain),
        route(Method::GET, "/control/events", Scope::Control, ApiFamily::Plain),
    ]
}

fn guard_with(hosts: &[&str], origins: &[&str]) -> Guard {
    let keys = KeyDigests::new();
    keys.insert("other", &generate_key());
    keys.insert("ide", &Secret::from(KEY));
    Guard::new(routes(), Policy::new(hosts, origins).expect("sound lists"), keys, digest(CONTROL))
}

fn guard() -> Guard {
    guard_with(&[], &[])
}

fn request(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

fn head(builder: Builder) -> Parts {
    builder.body(()).expect("a request that can be sent").into_parts().0
}

/// A request from an allowed host, without a key.
fn unauthenticated_request(method: &str, path: &str) -> Builder {
    request(method, path).header("host", "127.0.0.1:3000")
}

/// A valid request of a client.
fn valid_request(method: &str, path: &str) -> Builder {
    let builder = unauthenticated_request(method, path).header("authorization", format!("Bearer {KEY}"));
    if method == "POST" { builder.header("content-type", "application/json") } else { builder }
}

fn all_routes() -> Vec<(Method, String)> {
    let path = |route: &Route| {
        route.path.replace("{id}", "gpt-4.1").replace("{name}", "x").replace("{file}", "x.js")
    };
    routes().iter().map(|route| (route.method.clone(), path(route))).collect()
}

fn rejection(guard: &Guard, builder: Builder) -> Rejection {
    guard.admit(&head(builder)).expect_err("must be refused")
}

fn reject_reason(guard: &Guard, builder: Builder) -> RejectReason {
    rejection(guard, builder).reason
}

fn client() -> Caller {
    Caller::Client { name: "ide".into() }
}

#[test]
fn good_requests_are_admitted_with_their_canonical_path() {
    let admitted =
        guard().admit(&head(valid_request("POST", "/v1//chat/completions?key=x"))).expect("admitted");
    assert_eq!((admitted.route, admitted.path.as_str()), (0, "/v1/chat/completions"));
    assert_eq!((admitted.caller, admitted.cors, admitted.param), (client(), None, None));
    let model = guard().admit(&head(valid_request("GET", "/models/a%2Fb"))).expect("admitted");
    assert_eq!((model.path.as_str(), model.param.as_deref()), ("/v1/models/a/b", Some("a/b")));
    let health = guard().admit(&head(unauthenticated_request("GET", "/healthz"))).expect("admitted");
    assert_eq!(health.caller, Caller::Public);
}

#[test]
fn p03_compressed_bodies_are_rejected() {
    let post = || valid_request("POST", "/v1/chat/completions");
    for encoding in ["gzip", "zstd", "br", "deflate", "gzip, gzip", "identity, gzip", ""] {
        assert_eq!(
            reject_reason(&guard(), post().header("content-encoding", encoding)),
            RejectReason::UnsupportedMediaType,
            "{encoding}"
        );
    }
    assert!(guard().admit(&head(post().header("content-encoding", "identity"))).is_ok());
}

#[test]
fn p08_oversized_heads_are_rejected_and_close_the_connection() {
    let cookie =
        rejection(&guard(), valid_request("GET", "/v1/models").header("cookie", "x".repeat(65 << 10)));
    assert_eq!((cookie.reason, cookie.close), (RejectReason::HeadersTooLarge, true));
    let uri = rejection(&guard(), valid_request("GET", &format!("/v1/models?{}", "x".repeat(9 << 10))));
    assert_eq!((uri.reason, uri.close), (RejectReason::UriTooLong, true));
}

#[test]
fn errors_are_written_in_the_caller_s_api_family() {
    let api_family = |builder| rejection(&guard(), builder).api_family;
    assert_eq!(api_family(unauthenticated_request("POST", "/messages")), ApiFamily::Anthropic);
    assert_eq!(api_family(unauthenticated_request("GET", "/v1/api/tags")), ApiFamily::Ollama);
    assert_eq!(api_family(unauthenticated_request("GET", "/v1/models")), ApiFamily::OpenAi);
    assert_eq!(
        api_family(unauthenticated_request("GET", "/v1/models").header("anthropic-version", "2023-06-01")),
        ApiFamily::Anthropic
    );
    assert_eq!(api_family(unauthenticated_request("POST", "/control/x")), ApiFamily::Plain);
    assert_eq!(api_family(unauthenticated_request("GET", "/nowhere")), ApiFamily::OpenAi);
    assert_eq!(api_family(unauthenticated_request("POST", "/api/nowhere")), ApiFamily::Ollama);
}

proptest! {
    #[test]
    fn no_head_makes_the_guard_panic_and_only_listed_hosts_pass(
        host in "[ -~]{0,24}|localhost(:[0-9]{1,6})?",
        path in "/[!-~]{0,30}",
        key in "[ -~]{0,40}",
    ) {
        let built = request("GET", "/").uri(path).header("host", &host).header("authorization", key).body(());
        prop_assume!(built.is_ok());
        let head = built.expect("assumed").into_parts().0;
        if guard().admit(&head).is_ok() {
            let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
            prop_assert!(host.starts_with("[::1]") || name == "127.0.0.1" || name == "localhost");
        }
    }
}
