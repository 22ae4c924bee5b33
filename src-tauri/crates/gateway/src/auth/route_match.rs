//! Matches request paths with the route table.
//!
//! Clients join base URLs in different ways, so client API routes match with no `/v1`, one or two, and with
//! the doubled slash that a base URL with a slash at the end causes. Everything else must be spelled exactly:
//! no dot segments, no escapes in fixed parts, no other case, no slash at the end. A path that two parts of a
//! program read differently can bypass a guard (CVE-2026-49468).

use std::collections::HashMap;

use super::route::Route;
use dialects::ApiFamily;

/// The prefixes that may precede the part of a client API route. The first is the canonical one.
const BASE_PATH_PREFIXES: [&str; 6] = ["/v1", "", "/v1/v1", "/v1/", "/v1//v1", "/v1/v1/"];

/// The route table with an index by path.
pub(super) struct RouteTable {
    routes: Vec<Route>,
    /// Matches of the paths that are spelled as in the table. Nearly all requests have such a path and need no search.
    exact: HashMap<&'static str, RouteMatch>,
}

impl RouteTable {
    pub(super) fn new(routes: Vec<Route>) -> Self {
        let paths = routes.iter().filter(|route| !takes_param(route)).map(|route| route.path);
        let exact = paths.map(|path| (path, find_routes(&routes, path))).collect();
        Self { routes, exact }
    }

    pub(super) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Returns all routes that match the path, for any method. Empty if there is none.
    pub(super) fn find(&self, path: &str) -> RouteMatch {
        self.exact.get(path).cloned().unwrap_or_else(|| find_routes(&self.routes, path))
    }
}

/// The result of matching a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteMatch {
    /// Indices in the route table, the most literal path first. The routes differ in method or in the name of the
    /// parameter.
    pub(super) routes: Vec<usize>,
    /// The decoded parameter of the first of `routes` that has one.
    pub(super) param: Option<String>,
}

fn find_routes(table: &[Route], path: &str) -> RouteMatch {
    let mut literal = Vec::new();
    let mut param_routes = Vec::new();
    let mut value = None;
    let remainders: Vec<&str> =
        BASE_PATH_PREFIXES.iter().filter_map(|prefix| path.strip_prefix(prefix)).collect();
    for (index, route) in table.iter().enumerate() {
        match matches(route, path, &remainders) {
            Some(None) => literal.push(index),
            Some(Some(param)) => {
                param_routes.push(index);
                value.get_or_insert(param);
            }
            None => {}
        }
    }
    literal.append(&mut param_routes);
    RouteMatch { routes: literal, param: value }
}

/// The canonical path of a route, with its parameter inserted.
pub(super) fn canonical_path(route: &Route, param: Option<&str>) -> String {
    match (split_param(route.path), param) {
        (Some((fixed, _)), Some(value)) => format!("{fixed}{}", encode_percent(value)),
        (Some(_), None) | (None, _) => route.path.to_owned(),
    }
}

/// Whether the route has a parameter.
pub(super) fn takes_param(route: &Route) -> bool {
    split_param(route.path).is_some()
}

/// Matches one route. `remainders` are the parts of the path after each prefix that may precede a client API route.
fn matches(route: &Route, path: &str, remainders: &[&str]) -> Option<Option<String>> {
    let own = route.path.strip_prefix("/v1").filter(|_| route.api_family != ApiFamily::Plain);
    match (own, route.api_family) {
        (None, ApiFamily::Plain) => matches_exactly(route.path, path),
        (own, ApiFamily::OpenAi | ApiFamily::Anthropic | ApiFamily::Ollama | ApiFamily::Plain) => {
            let own = own.unwrap_or(route.path);
            remainders.iter().find_map(|remainder| matches_exactly(own, remainder))
        }
    }
}

fn matches_exactly(pattern: &str, path: &str) -> Option<Option<String>> {
    let Some((fixed, name)) = split_param(pattern) else {
        return (pattern == path).then_some(None);
    };
    let value = path.strip_prefix(fixed)?;
    if name == "id" { decode_id(value).map(Some) } else { plain_segment(value).map(Some) }
}

/// Splits `/v1/models/{id}` into `/v1/models/` and `id`.
fn split_param(pattern: &str) -> Option<(&str, &str)> {
    let (fixed, name) = pattern.strip_suffix('}')?.split_once('{')?;
    Some((fixed, name))
}

fn plain_segment(value: &str) -> Option<String> {
    let plain = value.bytes().all(is_unreserved);
    (plain && !is_empty_or_dots(value)).then(|| value.to_owned())
}

/// The decoded id. It is checked after decoding, so that an escape cannot contain what is rejected unescaped.
fn decode_id(value: &str) -> Option<String> {
    let id = decode_percent(value)?;
    let is_valid = id.split('/').all(|segment| !is_empty_or_dots(segment)) && !id.contains(char::is_control);
    is_valid.then_some(id)
}

fn is_empty_or_dots(segment: &str) -> bool {
    matches!(segment, "" | "." | "..")
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn encode_percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) || b":@/+".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::route::Scope;
    use super::*;
    use http::Method;

    fn table() -> Vec<Route> {
        let route = |path, api_family| Route { method: Method::GET, path, scope: Scope::Client, api_family };
        vec![
            route("/v1/chat/completions", ApiFamily::OpenAi),
            route("/v1/models", ApiFamily::OpenAi),
            route("/v1/models/{id}", ApiFamily::OpenAi),
            route("/api/chat", ApiFamily::Ollama),
            route("/control/{name}", ApiFamily::Plain),
            route("/control/events", ApiFamily::Plain),
            route("/", ApiFamily::Plain),
        ]
    }

    /// The index and the canonical path of the route that matches `path`.
    fn canonical_match(path: &str) -> Option<(usize, String)> {
        let table = table();
        let route_match = RouteTable::new(table.clone()).find(path);
        let index = *route_match.routes.first()?;
        let param = route_match.param.as_deref().filter(|_| takes_param(&table[index]));
        Some((index, canonical_path(&table[index], param)))
    }

    #[test]
    fn all_base_url_prefixes_match_the_same_route() {
        for prefix in BASE_PATH_PREFIXES {
            let expected = Some((0, "/v1/chat/completions".to_owned()));
            assert_eq!(canonical_match(&format!("{prefix}/chat/completions")), expected, "{prefix}");
            assert_eq!(
                canonical_match(&format!("{prefix}/api/chat")),
                Some((3, "/api/chat".to_owned())),
                "{prefix}"
            );
        }
        assert_eq!(canonical_match("/v1/control/events"), None);
        assert_eq!(canonical_match("/v1/"), None);
    }

    #[test]
    fn an_id_may_hold_slashes_and_escapes() {
        for path in ["/v1/models/a/b", "/models/a%2Fb", "/v1/v1/models/a%2fb"] {
            assert_eq!(RouteTable::new(table()).find(path).param.as_deref(), Some("a/b"), "{path}");
        }
        let escaped = RouteTable::new(table()).find("/v1/models/%E4%BD%A0%2541");
        assert_eq!(escaped.param.as_deref(), Some("你%41"));
    }

    #[test]
    fn a_literal_path_comes_before_one_with_a_parameter() {
        assert_eq!(RouteTable::new(table()).find("/control/events").routes, [5, 4]);
        assert_eq!(RouteTable::new(table()).find("/control/keys.add").routes, [4]);
        assert!(RouteTable::new(table()).find("/control/keys/add").routes.is_empty());
    }

    #[test]
    fn u04_other_spellings_match_no_route() {
        let long = format!("/v1/{}", "a".repeat(4096));
        for path in [
            "//v1/models",
            "/v1/./models",
            "/v1/../v1/models",
            "/v1/models/",
            "/V1/models",
            "/v1/Models",
            "/v1%2fmodels",
            "/v1/models%00",
            "/v1/models/%00",
            "/v1/models/a%0d%0ab",
            "/v1/models/..",
            "/v1/models/%2e%2e/x",
            "/v1/models/a//b",
            "/v1/models/a%zz",
            "/v1/models/a%4",
            "/v1/models/%ff",
            "/v1/models;x",
            "/v1///models",
            "/v1/v1/v1/models",
            "/ui/../admin",
            "/control/..",
            "/control/%65vents",
            "/control/events/",
            "*",
            "",
            &long,
        ] {
            assert_eq!(canonical_match(path), None, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_canonical_path_leads_to_itself(path in "(/v1)?/{0,2}(v1/)?(models|api/chat|control)/[ -~é%]{0,12}") {
            if let Some((place, path)) = canonical_match(&path) {
                proptest::prop_assert_eq!(canonical_match(&path), Some((place, path)));
            }
        }
    }
}
