//! The page at `/`: it says what runs here and knows nothing else, since it is shown without a key.

use http::Method;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Reply};

use crate::access::{Dialect, Route, Scope};

const PAGE: &str = include_str!("page.html");
const DEMO: &str = "<p class=\"demo\">Demo: every answer comes from the built-in simulator.</p>";
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The routes of this page, for the guard.
pub fn table() -> Vec<Route> {
    vec![Route { method: Method::GET, path: "/", scope: Scope::Public, dialect: Dialect::Plain }]
}

/// The filter behind [`table`].
pub fn routes(demo: bool) -> BoxedFilter<(Response,)> {
    let page = PAGE.replace("{demo}", if demo { DEMO } else { "" });
    warp::path::end().and(warp::get()).map(move || answer(page.clone())).boxed()
}

fn answer(page: String) -> Response {
    let mut response = warp::reply::html(page).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
