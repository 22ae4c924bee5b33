//! The program's route tables, for tests that must cover every route.

use gateway::auth::Route;
use gateway::{management, proxy};
use http::Method;

/// All routes of the program and of its page; the page's other files are excluded.
pub fn every_route() -> Vec<Route> {
    let page = management::ui::route_table().into_iter().filter(|route| route.path == "/").collect();
    [proxy::route_table(dialects::DIALECTS), management::http::route_table(), page].concat()
}

/// A path that matches the route.
pub fn path_of(route: &Route) -> String {
    route.path.replace("{id}", "gpt-4.1").replace("{name}", "status")
}

/// A valid body for the route.
pub fn body_of(route: &Route) -> &'static str {
    match (&route.method, route.path) {
        (&Method::POST, "/v1/chat/completions") => {
            r#"{"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}]}"#
        }
        (&Method::POST, "/v1/completions") => r#"{"model":"gpt-4.1","prompt":"hi"}"#,
        (&Method::POST, "/v1/messages" | "/v1/messages/count_tokens") => {
            r#"{"model":"gpt-4.1","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#
        }
        (&Method::POST, "/v1/responses") => r#"{"model":"gpt-4.1","input":"hi"}"#,
        (&Method::POST, "/api/chat") => r#"{"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}]}"#,
        (&Method::POST, "/api/generate") => r#"{"model":"gpt-4.1","prompt":"hi"}"#,
        (&Method::POST, "/api/embed") => r#"{"model":"text-embedding-3-small","input":"hi"}"#,
        (&Method::POST, "/api/embeddings") => r#"{"model":"text-embedding-3-small","prompt":"hi"}"#,
        (&Method::POST, "/api/show") => r#"{"model":"gpt-4.1"}"#,
        (&Method::POST, "/v1/embeddings") => r#"{"model":"text-embedding-3-small","input":"hi"}"#,
        _ => "",
    }
}
