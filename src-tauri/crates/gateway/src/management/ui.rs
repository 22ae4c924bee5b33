//! The user interface for browsers. Its files are compiled in, so that no path leads to the disk.
//!
//! The files contain no data of this installation. All data comes through the management API, which requires a sign-in.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::auth::{Route, Scope};
use dialects::ApiFamily;

/// A file of the built user interface.
struct File {
    /// The path of the URL, such as `/` or `/assets/index-1a2b3c.js`.
    path: &'static str,
    bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// The page at `/` if the user interface was not built.
const UNBUILT_PAGE: &[u8] = include_bytes!("unbuilt.html");

/// The content security policy: nothing is loaded from other hosts, and no other page may frame this one.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// Prefix of files with a hash of their content in their names.
const HASHED_ASSETS_PREFIX: &str = "/assets/";

/// The routes of the user interface for the guard, one per file.
pub fn route_table() -> Vec<Route> {
    let page = std::iter::once("/");
    let others = FILES.iter().map(|file| file.path).filter(|path| *path != "/");
    let route =
        |path| Route { method: Method::GET, path, scope: Scope::Public, api_family: ApiFamily::Plain };
    page.chain(others).map(route).collect()
}

/// The filter behind [`route_table`].
pub fn routes() -> BoxedFilter<(Response,)> {
    warp::get()
        .and(warp::path::full())
        .and_then(|path: warp::path::FullPath| async move {
            find_file(path.as_str()).ok_or_else(warp::reject::not_found)
        })
        .boxed()
}

fn find_file(path: &str) -> Option<Response> {
    let file = FILES.iter().find(|file| file.path == path);
    match (file, path) {
        (Some(file), _) => Some(response(file.path, file.bytes)),
        (None, "/") => Some(response("/", UNBUILT_PAGE)),
        (None, _) => None,
    }
}

fn response(path: &str, bytes: &'static [u8]) -> Response {
    let mut response = Response::new(bytes::Bytes::from_static(bytes).into());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    if path.starts_with(HASHED_ASSETS_PREFIX) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        None | Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w02_the_policy_lets_nothing_in_from_elsewhere() {
        let page = find_file("/").unwrap();
        assert_eq!(
            page.headers()[CONTENT_SECURITY_POLICY],
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
    }

    #[test]
    fn w04_only_files_that_were_compiled_in_are_answered() {
        for path in ["/nothing", "/assets/", "/../Cargo.toml", "/%2e%2e/x", "//etc/passwd", "", "/index.html"]
        {
            assert!(find_file(path).is_none(), "{path}");
        }
        for file in FILES {
            assert!(!file.path.ends_with(".map") && !file.path.contains("/."), "{}", file.path);
            assert_ne!(content_type(file.path), "application/octet-stream", "{}", file.path);
        }
    }

    #[test]
    fn hashed_files_are_kept_by_browsers_and_the_page_is_not() {
        assert!(!find_file("/").unwrap().headers().contains_key(CACHE_CONTROL));
        let hashed = response("/assets/index-1a2b.js", b"");
        assert!(hashed.headers()[CACHE_CONTROL].to_str().unwrap().ends_with("immutable"));
        assert_eq!(hashed.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
    }
}
