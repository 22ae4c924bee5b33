//! The guard: all checks of a request in their fixed order.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::Method;
use http::header::{self, HeaderValue};
use http::request::Parts;
use parking_lot::RwLock;

use super::authority::{self, Authority, InvalidAuthority};
use super::head::{headers_size, offers_websocket, uri_size};
use super::rejection::{BadRequestReason, RejectReason, Rejection};
use super::rejection_counts::{RejectionCount, RejectionCounts};
use super::route::{Route, Scope};
use super::route_match::{self, RouteMatch, RouteTable};
use super::sessions::Sessions;
use super::{KeyDigests, PauseSwitch, Policy, client_keys, content_type, credential, origin};
use dialects::ApiFamily;

const MAX_HEADERS_BYTES: usize = 64 << 10;
const MAX_URI_BYTES: usize = 8 << 10;

/// The client name of all requests on the keyless port. No key can have this name.
const KEYLESS_CLIENT_NAME: &str = "(no key)";

/// The guard that checks every request before its route.
pub struct Guard {
    route_table: RouteTable,
    policy: Arc<RwLock<Arc<Policy>>>,
    keys: KeyDigests,
    control_digest: [u8; 32],
    pause_switch: PauseSwitch,
    sessions: Sessions,
    keyless: bool,
    rejection_counts: RejectionCounts,
}

/// Caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The route needs no credential.
    Public,
    /// The holder of a client key.
    Client {
        /// The name of the key.
        name: Arc<str>,
    },
    /// The holder of the control token.
    Control,
}

/// A request that passed all checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// Index of the route in the guard's route table. A `HEAD` request has the index of the public `GET` route.
    pub route: usize,
    /// The canonical path: `/v1/models/gpt-4.1` for `/models/gpt-4%2E1`. Routing behind the guard must use this path.
    pub path: String,
    /// The decoded value of the route's segment in braces.
    pub param: Option<String>,
    /// The API family whose error format is used for this request.
    pub api_family: ApiFamily,
    /// Caller of a request.
    pub caller: Caller,
    /// The listed origin that may read the response; see [`super::add_cors_headers`].
    pub cors: Option<HeaderValue>,
}

impl Guard {
    /// A guard for this route table. `control_digest` is the [`super::digest`] of the control token.
    pub fn new(routes: Vec<Route>, policy: Policy, keys: KeyDigests, control_digest: [u8; 32]) -> Self {
        let policy = Arc::new(RwLock::new(Arc::new(policy)));
        let (pause_switch, sessions) = (PauseSwitch::default(), Sessions::default());
        let rejection_counts = RejectionCounts::default();
        Self {
            route_table: RouteTable::new(routes),
            policy,
            keys,
            control_digest,
            pause_switch,
            sessions,
            keyless: false,
            rejection_counts,
        }
    }

    /// The same guard with a switch that pauses the client API routes.
    #[must_use]
    pub fn with_pause_switch(mut self, pause_switch: PauseSwitch) -> Self {
        self.pause_switch = pause_switch;
        self
    }

    /// The same guard with the sessions of signed-in browsers.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
        self
    }

    /// A guard for other routes that asks for no client key and ignores a key that is sent. It shares the allow lists
    /// and the pause switch with this guard, including later changes.
    #[must_use]
    pub fn without_key(&self, routes: Vec<Route>) -> Self {
        let other = Self::new(routes, Policy::default(), KeyDigests::new(), [0; 32]);
        Self {
            policy: Arc::clone(&self.policy),
            pause_switch: self.pause_switch.clone(),
            keyless: true,
            ..other
        }
    }

    /// The route table. [`Authorized::route`] is an index into it.
    pub fn routes(&self) -> &[Route] {
        self.route_table.routes()
    }

    /// Replaces the allow lists of hosts and origins. Applies from the next request on.
    pub fn set_policy(&self, policy: Policy) {
        *self.policy.write() = Arc::new(policy);
    }

    /// Checks the head of a request.
    ///
    /// # Errors
    /// The first check that fails, in this order: sizes, Host, origin, route, method, protocol upgrade, key, content
    /// type, pause switch.
    pub fn admit(&self, head: &Parts) -> Result<Authorized, Rejection> {
        let policy = Arc::clone(&self.policy.read());
        let route_match = self.route_table.find(head.uri.path());
        let mut check = RequestCheck { guard: self, head, route_match, cors: None };
        match check.run(&policy) {
            Ok((route, caller)) => Ok(check.authorized(route, caller)),
            Err(rejection) => {
                if check.likely_route().is_none_or(|route| route.scope == Scope::Client) {
                    self.rejection_counts.record(&rejection.reason, &head.method, SystemTime::now());
                }
                Err(rejection)
            }
        }
    }

    /// Counts of rejected client requests since the start, the latest first.
    pub fn rejection_counts(&self) -> Vec<RejectionCount> {
        self.rejection_counts.newest_first()
    }
}

/// The checks of one request.
struct RequestCheck<'a> {
    guard: &'a Guard,
    head: &'a Parts,
    route_match: RouteMatch,
    cors: Option<HeaderValue>,
}

impl<'a> RequestCheck<'a> {
    /// Runs the checks in their order; returns the index of the route and the caller.
    fn run(&mut self, policy: &Policy) -> Result<(usize, Caller), Rejection> {
        self.check_sizes()?;
        let host = self.check_host(policy)?;
        self.check_origin(policy, host)?;
        let index = self.find_route()?;
        let route = self.route_at(index);
        self.check_upgrade()?;
        let caller = self.authenticate(route.scope)?;
        self.check_content_type(route)?;
        self.check_not_paused(route)?;
        Ok((index, caller))
    }

    fn check_sizes(&self) -> Result<(), Rejection> {
        if headers_size(&self.head.headers) > MAX_HEADERS_BYTES {
            return Err(self.reject_and_close(RejectReason::HeadersTooLarge));
        }
        if uri_size(&self.head.uri) > MAX_URI_BYTES {
            return Err(self.reject_and_close(RejectReason::UriTooLong));
        }
        Ok(())
    }

    /// The value of `Host`, which must be present once, valid and allowed.
    fn check_host(&self, policy: &Policy) -> Result<&'a str, Rejection> {
        let value = self.single_host()?;
        let host = authority::parse(value.as_bytes()).map_err(|reason| self.host_rejection(reason))?;
        self.check_target(&host)?;
        if !policy.allows_host(host.host) {
            return Err(self.reject(RejectReason::HostNotAllowed));
        }
        value.to_str().map_err(|_| self.host_rejection(InvalidAuthority::Byte))
    }

    fn single_host(&self) -> Result<&'a HeaderValue, Rejection> {
        let mut hosts = self.head.headers.get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => Ok(host),
            (None, _) => Err(self.bad_request(BadRequestReason::HostMissing)),
            (Some(_), Some(_)) => Err(self.bad_request(BadRequestReason::HostRepeated)),
        }
    }

    fn host_rejection(&self, error: InvalidAuthority) -> Rejection {
        match error {
            InvalidAuthority::Empty | InvalidAuthority::Byte | InvalidAuthority::Port => {
                self.bad_request(BadRequestReason::HostInvalid)
            }
            InvalidAuthority::Shape => self.reject(RejectReason::HostNotAllowed),
        }
    }

    /// Compares an absolute request target with `Host`: both must name the same authority.
    fn check_target(&self, host: &Authority<'_>) -> Result<(), Rejection> {
        let uri = &self.head.uri;
        let scheme_ok = uri.scheme_str().is_none_or(|scheme| scheme == "http");
        let target = uri.authority().map(|named| authority::parse(named.as_str().as_bytes()));
        let same = target.is_none_or(|named| named.is_ok_and(|named| named.same_as(host)));
        if scheme_ok && same { Ok(()) } else { Err(self.bad_request(BadRequestReason::TargetDiffers)) }
    }

    /// Checks the origin. An unknown path is checked like an API path, so that a page learns nothing from the
    /// difference.
    fn check_origin(&mut self, policy: &Policy, host: &str) -> Result<(), Rejection> {
        let scope = self.likely_route().map_or(Scope::Client, |route| route.scope);
        self.cors = origin::check(&self.head.headers, policy, host, scope)
            .map_err(|origin::OriginNotAllowed| self.reject(RejectReason::OriginNotAllowed))?;
        Ok(())
    }

    /// The index of the route by path and method.
    fn find_route(&self) -> Result<usize, Rejection> {
        if self.route_match.routes.is_empty() {
            return Err(self.reject(RejectReason::NotFound));
        }
        self.matching_route().ok_or_else(|| self.method_rejection())
    }

    /// The index of the route that has the path and the method.
    fn matching_route(&self) -> Option<usize> {
        self.route_match
            .routes
            .iter()
            .copied()
            .find(|index| self.route_at(*index).matches_method(&self.head.method))
    }

    fn route_at(&self, index: usize) -> &'a Route {
        &self.guard.routes()[index]
    }

    fn method_rejection(&self) -> Rejection {
        if self.head.method == Method::GET && offers_websocket(&self.head.headers) {
            return self.reject(RejectReason::WebSocket);
        }
        let preflight = origin::preflight(&self.head.headers);
        let preflight = preflight.filter(|_| self.head.method == Method::OPTIONS && self.cors.is_some());
        let refusal = preflight.map_or(RejectReason::MethodNotAllowed, RejectReason::Preflight);
        Rejection { allow: Some(self.allowed_methods()), ..self.reject(refusal) }
    }

    fn allowed_methods(&self) -> String {
        let mut methods: Vec<&str> = Vec::new();
        for index in &self.route_match.routes {
            let route = self.route_at(*index);
            let head = route.answers_head().then_some("HEAD");
            for method in std::iter::once(route.method.as_str()).chain(head) {
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
        methods.join(", ")
    }

    /// Rejects protocol upgrades, since the server only speaks HTTP/1.1. An offer of `h2c` is ignored: Java's HTTP
    /// client sends it with every request and continues without it.
    fn check_upgrade(&self) -> Result<(), Rejection> {
        let mut offers = self.head.headers.get_all(header::UPGRADE).iter();
        let harmless = offers.all(|offer| offer.as_bytes().eq_ignore_ascii_case(b"h2c"));
        if harmless { Ok(()) } else { Err(self.bad_request(BadRequestReason::Upgrade)) }
    }

    fn authenticate(&self, scope: Scope) -> Result<Caller, Rejection> {
        let presented = credential::presented_key(&self.head.headers);
        let key = |presented: &[u8]| self.guard.keys.find(presented);
        match scope {
            Scope::Public | Scope::SignIn => Ok(Caller::Public),
            Scope::Client if self.guard.keyless => Ok(Caller::Client { name: KEYLESS_CLIENT_NAME.into() }),
            Scope::Client => match presented.and_then(key) {
                Some(name) => Ok(Caller::Client { name }),
                None => Err(self.reject(RejectReason::InvalidApiKey)),
            },
            Scope::Control => {
                let Some(presented) = presented else { return self.authenticate_session() };
                match (client_keys::is_secret_of(presented, &self.guard.control_digest), key(presented)) {
                    (true, _) => Ok(Caller::Control),
                    (false, Some(_)) => Err(self.reject(RejectReason::Forbidden)),
                    (false, None) => Err(self.reject(RejectReason::InvalidApiKey)),
                }
            }
        }
    }

    /// Authorizes by the two secrets of a browser session. The cookie alone is not enough: the browser also sends it
    /// with requests that other pages cause, and to every port of this host.
    fn authenticate_session(&self) -> Result<Caller, Rejection> {
        let without_authorization = !self.head.headers.contains_key(header::AUTHORIZATION);
        let session = || self.guard.sessions.find(&self.head.headers, Instant::now());
        if without_authorization && session().is_some() {
            return Ok(Caller::Control);
        }
        Err(self.reject(RejectReason::InvalidApiKey))
    }

    /// Checks the content type of a body. Ollama's clients may omit it, as LiteLLM does, if there is no `Origin`: a
    /// page always sends an `Origin` when it posts.
    fn check_content_type(&self, route: &Route) -> Result<(), Rejection> {
        let is_checked =
            matches!(route.scope, Scope::Client | Scope::SignIn) && self.head.method == Method::POST;
        let headers = &self.head.headers;
        let may_be_undeclared =
            route.api_family == ApiFamily::Ollama && !headers.contains_key(header::ORIGIN);
        if is_checked && !content_type::is_plain_json(headers, may_be_undeclared) {
            return Err(self.reject(RejectReason::UnsupportedMediaType));
        }
        Ok(())
    }

    /// Checked after the key, so that only clients with a key learn of a pause; metrics are still served.
    fn check_not_paused(&self, route: &Route) -> Result<(), Rejection> {
        let is_client_api_route = route.scope == Scope::Client && route.api_family != ApiFamily::Plain;
        if is_client_api_route && !self.guard.pause_switch.is_serving() {
            Err(self.reject(RejectReason::NotServing))
        } else {
            Ok(())
        }
    }

    fn authorized(self, index: usize, caller: Caller) -> Authorized {
        let api_family = self.api_family();
        let route = self.route_at(index);
        let param = self.route_match.param.filter(|_| route_match::takes_param(route));
        Authorized {
            route: index,
            path: route_match::canonical_path(route, param.as_deref()),
            param,
            api_family,
            caller,
            cors: self.cors,
        }
    }

    /// The route by path and method, or else the most literal match of the path, for checks that run before the method
    /// is checked.
    fn likely_route(&self) -> Option<&'a Route> {
        self.matching_route()
            .or_else(|| self.route_match.routes.first().copied())
            .map(|place| self.route_at(place))
    }

    /// The API family of the request. Clients of several dialects ask for some paths, such as the list of models; the
    /// header `anthropic-version` decides there.
    fn api_family(&self) -> ApiFamily {
        let has_anthropic_version = self.head.headers.contains_key("anthropic-version");
        match self.likely_route().map(|route| route.api_family) {
            Some(ApiFamily::OpenAi) | None if has_anthropic_version => ApiFamily::Anthropic,
            Some(family) => family,
            None if self.head.uri.path().starts_with("/api/") => ApiFamily::Ollama,
            None => ApiFamily::OpenAi,
        }
    }

    fn bad_request(&self, reason: BadRequestReason) -> Rejection {
        self.reject_and_close(RejectReason::BadRequest(reason))
    }

    fn reject_and_close(&self, reason: RejectReason) -> Rejection {
        Rejection { close: true, ..self.reject(reason) }
    }

    fn reject(&self, reason: RejectReason) -> Rejection {
        Rejection {
            reason,
            api_family: self.api_family(),
            allow: None,
            close: false,
            cors: self.cors.clone(),
        }
    }
}
