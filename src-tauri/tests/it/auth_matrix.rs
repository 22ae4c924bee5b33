//! Test of authorisation (U03): the status of every route with every credential. A route that is missing in
//! the matrix fails.

use gateway::auth::Scope;
use http::Method;

use crate::support::{Answer, KEY, Program, body_of, check_headers, every_route, path_of, simulator};

/// Method and path, then the status without a credential, with a wrong one, with the client key, and with the
/// control token.
const MATRIX: &[(&str, &str, [u16; 4])] = &[
    ("POST", "/v1/chat/completions", [401, 401, 200, 401]),
    ("POST", "/v1/messages", [401, 401, 200, 401]),
    ("POST", "/v1/responses", [401, 401, 200, 401]),
    ("POST", "/v1/completions", [401, 401, 200, 401]),
    ("POST", "/v1/embeddings", [401, 401, 400, 401]),
    ("GET", "/v1/models", [401, 401, 200, 401]),
    ("GET", "/v1/models/{id}", [401, 401, 200, 401]),
    ("GET", "/v1/responses/{id}", [401, 401, 404, 401]),
    ("DELETE", "/v1/responses/{id}", [401, 401, 404, 401]),
    ("POST", "/v1/messages/count_tokens", [401, 401, 200, 401]),
    ("POST", "/api/event_logging/batch", [401, 401, 200, 401]),
    ("GET", "/api/claude_cli/bootstrap", [401, 401, 200, 401]),
    ("HEAD", "/api/hello", [401, 401, 200, 401]),
    ("POST", "/api/chat", [401, 401, 200, 401]),
    ("POST", "/api/generate", [401, 401, 200, 401]),
    ("POST", "/api/embed", [401, 401, 400, 401]),
    ("POST", "/api/embeddings", [401, 401, 400, 401]),
    ("POST", "/api/show", [401, 401, 200, 401]),
    ("GET", "/api/tags", [401, 401, 200, 401]),
    ("GET", "/api/version", [401, 401, 200, 401]),
    ("GET", "/api/ps", [401, 401, 200, 401]),
    ("GET", "/openapi.json", [401, 401, 200, 401]),
    ("GET", "/metrics", [401, 401, 200, 401]),
    ("GET", "/healthz", [200, 200, 200, 200]),
    ("GET", "/control/events", [401, 401, 403, 200]),
    ("POST", "/control/session", [400, 400, 400, 400]),
    ("DELETE", "/control/session", [401, 401, 403, 204]),
    ("POST", "/control/{name}", [401, 401, 403, 200]),
    ("GET", "/", [200, 200, 200, 200]),
];

#[test]
fn u03_the_matrix_names_every_route_once_and_no_other() {
    let mut routes: Vec<_> = every_route().into_iter().map(|r| (r.method.to_string(), r.path)).collect();
    let mut listed: Vec<_> = MATRIX.iter().map(|(method, path, _)| ((*method).to_owned(), *path)).collect();
    routes.sort();
    listed.sort();
    assert_eq!(routes, listed, "write the new route down here with what it answers to whom");
}

#[test]
fn the_openapi_file_describes_every_route_of_the_dialects_and_no_other() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../crates/gateway/src/proxy/openapi.json"))
            .expect("the file is JSON");
    let paths = file["paths"].as_object().expect("paths");
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in paths {
        let methods = methods.as_object().expect("methods").keys();
        described.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    let routes = gateway::proxy::route_table(dialects::DIALECTS).into_iter();
    let mut routes: Vec<_> = routes.map(|r| (r.method.to_string(), r.path.to_owned())).collect();
    routes.sort();
    described.sort();
    assert_eq!(described, routes, "describe the new route in proxy/openapi.json");
}

#[test]
fn u03_nothing_is_public_but_health_and_the_page() {
    let routes = every_route();
    let public = routes.iter().filter(|route| route.scope == Scope::Public);
    assert_eq!(public.map(|route| route.path).collect::<Vec<_>>(), ["/healthz", "/"]);
}

#[tokio::test]
async fn u03_every_route_answers_every_credential_as_the_matrix_says() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let control = program.control_token();
    for route in every_route() {
        let expected = MATRIX.iter().find(|(method, path, _)| route.method == *method && route.path == *path);
        let (_, _, statuses) = expected.expect("the other test names the missing route");
        let credentials = [None, Some("wrong-key-0123456789abcdef"), Some(KEY), Some(&*control)];
        for (credential, status) in credentials.into_iter().zip(*statuses) {
            let answer = ask(&program, &route.method, &path_of(&route), credential, body_of(&route)).await;
            let what = format!("{} {} with {credential:?}", route.method, route.path);
            assert_eq!(answer.0, status, "{what}");
            check_headers(&answer.1, &what);
        }
    }
    let health = Answer::of(program.http.get(format!("{}/healthz", program.base)).send().await).await;
    assert_eq!(&*health.body, br#"{"status":"ok"}"#);
}

/// Sends a request. Only status and headers are read, because the event stream has no end.
async fn ask(
    program: &Program,
    method: &Method,
    path: &str,
    credential: Option<&str>,
    body: &'static str,
) -> (u16, http::HeaderMap) {
    let mut request = program.http.request(method.clone(), format!("{}{path}", program.base));
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    let answer =
        request.header("content-type", "application/json").body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test]
async fn u08_a_client_key_opens_no_command() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    for name in gateway::management::command_names().chain(["nothing"]) {
        let answer = program.post(&format!("/control/{name}"), &serde_json::json!({ "reveal": true })).await;
        assert_eq!(answer.error(), (403, "forbidden".to_owned()), "{name}");
    }
    assert_eq!(program.get("/control/events").await.status, 403);
    assert_ne!(program.control_token(), KEY);
}
