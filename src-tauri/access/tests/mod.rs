//! The attack list against the guard, on heads alone. The same cases over a socket are in the integration tests.

use http::request::{Builder, Parts};
use http::{Method, Request};
use proptest::prelude::*;

use super::*;
use crate::secrets::Secret;

mod auth;
mod network;

const KEY: &str = "mp-a-client-key-0123456789";
const CONTROL: &str = "mp-the-control-token-0123456789";

fn routes() -> Vec<Route> {
    let route = |method, path, scope, dialect| Route { method, path, scope, dialect };
    vec![
        route(Method::POST, "/v1/chat/completions", Scope::Client, Dialect::OpenAi),
        route(Method::GET, "/v1/models", Scope::Client, Dialect::OpenAi),
        route(Method::GET, "/v1/models/{id}", Scope::Client, Dialect::OpenAi),
        route(Method::POST, "/v1/responses", Scope::Client, Dialect::OpenAi),
        route(Method::POST, "/v1/messages", Scope::Client, Dialect::Anthropic),
        route(Method::GET, "/api/tags", Scope::Client, Dialect::Ollama),
        route(Method::GET, "/metrics", Scope::Client, Dialect::Plain),
        route(Method::GET, "/healthz", Scope::Public, Dialect::Plain),
        route(Method::GET, "/", Scope::Public, Dialect::Plain),
        route(Method::GET, "/assets/{file}", Scope::Public, Dialect::Plain),
        route(Method::POST, "/control/{name}", Scope::Control, Dialect::Plain),
        route(Method::GET, "/control/events", Scope::Control, Dialect::Plain),
    ]
}

fn guard_with(hosts: &[&str], origins: &[&str]) -> Guard {
    let keys = Keys::new();
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

/// From an allowed host, without a key.
fn local(method: &str, path: &str) -> Builder {
    request(method, path).header("host", "127.0.0.1:3000")
}

/// As a client sends it: nothing wrong with it.
fn good(method: &str, path: &str) -> Builder {
    let builder = local(method, path).header("authorization", format!("Bearer {KEY}"));
    if method == "POST" { builder.header("content-type", "application/json") } else { builder }
}

fn every_route() -> Vec<(Method, String)> {
    let path = |route: &Route| {
        route.path.replace("{id}", "gpt-4.1").replace("{name}", "x").replace("{file}", "x.js")
    };
    routes().iter().map(|route| (route.method.clone(), path(route))).collect()
}

fn refused(guard: &Guard, builder: Builder) -> Refused {
    guard.admit(&head(builder)).expect_err("must be refused")
}

fn refusal(guard: &Guard, builder: Builder) -> Refusal {
    refused(guard, builder).refusal
}

fn client() -> Caller {
    Caller::Client { name: "ide".into() }
}

#[test]
fn good_requests_are_admitted_with_their_canonical_path() {
    let admitted = guard().admit(&head(good("POST", "/v1//chat/completions?key=x"))).expect("admitted");
    assert_eq!((admitted.route, admitted.path.as_str()), (0, "/v1/chat/completions"));
    assert_eq!((admitted.caller, admitted.cors, admitted.param), (client(), None, None));
    let model = guard().admit(&head(good("GET", "/models/a%2Fb"))).expect("admitted");
    assert_eq!((model.path.as_str(), model.param.as_deref()), ("/v1/models/a/b", Some("a/b")));
    let health = guard().admit(&head(local("GET", "/healthz"))).expect("admitted");
    assert_eq!(health.caller, Caller::Public);
}

#[test]
fn p03_packed_bodies_are_refused() {
    let post = || good("POST", "/v1/chat/completions");
    for packing in ["gzip", "zstd", "br", "deflate", "gzip, gzip", "identity, gzip", ""] {
        assert_eq!(
            refusal(&guard(), post().header("content-encoding", packing)),
            Refusal::UnsupportedMediaType,
            "{packing}"
        );
    }
    assert!(guard().admit(&head(post().header("content-encoding", "identity"))).is_ok());
}

#[test]
fn p08_long_heads_are_refused_and_close() {
    let cookie = refused(&guard(), good("GET", "/v1/models").header("cookie", "x".repeat(65 << 10)));
    assert_eq!((cookie.refusal, cookie.close), (Refusal::HeadersTooLarge, true));
    let uri = refused(&guard(), good("GET", &format!("/v1/models?{}", "x".repeat(9 << 10))));
    assert_eq!((uri.refusal, uri.close), (Refusal::UriTooLong, true));
}

#[test]
fn errors_are_written_in_the_form_of_the_caller() {
    let dialect = |builder| refused(&guard(), builder).dialect;
    assert_eq!(dialect(local("POST", "/messages")), Dialect::Anthropic);
    assert_eq!(dialect(local("GET", "/v1/api/tags")), Dialect::Ollama);
    assert_eq!(dialect(local("GET", "/v1/models")), Dialect::OpenAi);
    assert_eq!(
        dialect(local("GET", "/v1/models").header("anthropic-version", "2023-06-01")),
        Dialect::Anthropic
    );
    assert_eq!(dialect(local("POST", "/control/x")), Dialect::Plain);
    assert_eq!(dialect(local("GET", "/nowhere")), Dialect::OpenAi);
    assert_eq!(dialect(local("POST", "/api/nowhere")), Dialect::Ollama);
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
