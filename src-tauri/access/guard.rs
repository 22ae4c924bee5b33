//! The guard: the questions in their order.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Uri};

use super::authority::{self, Authority, Invalid};
use super::path::{self, Found, Table};
use super::refusal::{Reason, Refusal, Refused};
use super::route::{Dialect, Route, Scope};
use super::sessions::Sessions;
use super::turned_away::{Counts, TurnedAway};
use super::{Keys, Policy, Serving, content, credential, keys, origin};

const MAX_HEADERS: usize = 64 << 10;
const MAX_URI: usize = 8 << 10;

/// The name of everybody on the port without a key; no key can have it.
const KEYLESS: &str = "(no key)";

/// The one guard before every route.
pub struct Guard {
    table: Table,
    policy: Arc<RwLock<Arc<Policy>>>,
    keys: Keys,
    control: [u8; 32],
    serving: Serving,
    sessions: Sessions,
    keyless: bool,
    turned_away: Counts,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Anybody: the route needs no credential.
    Public,
    /// The holder of a client key.
    Client {
        /// The name of the key.
        name: Arc<str>,
    },
    /// The holder of the control token.
    Control,
}

/// A request that may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Place of the route in the table that the guard was made with. A `HEAD` has the place of its public `GET`.
    pub route: usize,
    /// The canonical path, by which everything behind the guard must route: `/v1/models/gpt-4.1` for `/models/gpt-4%2E1`.
    pub path: String,
    /// The decoded value of the route's segment in braces.
    pub param: Option<String>,
    /// The form in which errors of this request are written.
    pub dialect: Dialect,
    /// Who calls.
    pub caller: Caller,
    /// The listed origin that may read the answer; see [`super::allow_origin`].
    pub cors: Option<HeaderValue>,
}

impl Guard {
    /// A guard over this table. `control` is the [`super::digest`] of the control token.
    pub fn new(routes: Vec<Route>, policy: Policy, keys: Keys, control: [u8; 32]) -> Self {
        let policy = Arc::new(RwLock::new(Arc::new(policy)));
        let (serving, sessions) = (Serving::default(), Sessions::default());
        let turned_away = Counts::default();
        Self {
            table: Table::new(routes),
            policy,
            keys,
            control,
            serving,
            sessions,
            keyless: false,
            turned_away,
        }
    }

    /// The same guard with a switch that stops the dialects.
    #[must_use]
    pub fn with_serving(mut self, serving: Serving) -> Self {
        self.serving = serving;
        self
    }

    /// The same guard with the browsers that signed in.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
        self
    }

    /// A guard over other routes that asks no client for its key; whatever one sends as a key is passed over. Its lists of
    /// hosts and origins and its switch are those of this one, also when they change.
    #[must_use]
    pub fn without_key(&self, routes: Vec<Route>) -> Self {
        let other = Self::new(routes, Policy::default(), Keys::new(), [0; 32]);
        Self { policy: Arc::clone(&self.policy), serving: self.serving.clone(), keyless: true, ..other }
    }

    /// The table, in the order that [`Admitted::route`] counts in.
    pub fn routes(&self) -> &[Route] {
        self.table.routes()
    }

    /// Replaces the lists of hosts and origins, for the next request on.
    pub fn set_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Judges a request by its head.
    ///
    /// # Errors
    /// The first question that the request fails, in the order: sizes, Host, page of origin, route, method, protocol
    /// change, key, content type, whether clients are served at all.
    pub fn admit(&self, head: &Parts) -> Result<Admitted, Refused> {
        let policy = Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner));
        let found = self.table.find(head.uri.path());
        let mut judge = Judge { guard: self, head, found, cors: None };
        match judge.answer(&policy) {
            Ok((route, caller)) => Ok(judge.admitted(route, caller)),
            Err(refused) => {
                if judge.meant().is_none_or(|route| route.scope == Scope::Client) {
                    self.turned_away.note(&refused.refusal, &head.method, SystemTime::now());
                }
                Err(refused)
            }
        }
    }

    /// Why clients were not let in since the start, the latest reason first.
    pub fn turned_away(&self) -> Vec<TurnedAway> {
        self.turned_away.all()
    }
}

/// One request before the guard.
struct Judge<'a> {
    guard: &'a Guard,
    head: &'a Parts,
    found: Found,
    cors: Option<HeaderValue>,
}

impl<'a> Judge<'a> {
    /// The questions in their order: the place of the route, and who calls.
    fn answer(&mut self, policy: &Policy) -> Result<(usize, Caller), Refused> {
        self.sizes()?;
        let host = self.host(policy)?;
        self.page(policy, host)?;
        let place = self.route()?;
        let route = self.at(place);
        self.protocol()?;
        let caller = self.caller(route.scope)?;
        self.content(route)?;
        self.served(route)?;
        Ok((place, caller))
    }

    fn sizes(&self) -> Result<(), Refused> {
        if headers_size(&self.head.headers) > MAX_HEADERS {
            return Err(self.close(Refusal::HeadersTooLarge));
        }
        if uri_size(&self.head.uri) > MAX_URI {
            return Err(self.close(Refusal::UriTooLong));
        }
        Ok(())
    }

    /// The value of `Host`, once it is known to be single, sound and allowed.
    fn host(&self, policy: &Policy) -> Result<&'a str, Refused> {
        let value = self.single_host()?;
        let host = authority::parse(value.as_bytes()).map_err(|reason| self.bad_host(reason))?;
        self.target(&host)?;
        if !policy.allows_host(host.host) {
            return Err(self.refuse(Refusal::HostNotAllowed));
        }
        value.to_str().map_err(|_| self.bad_host(Invalid::Byte))
    }

    fn single_host(&self) -> Result<&'a HeaderValue, Refused> {
        let mut hosts = self.head.headers.get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => Ok(host),
            (None, _) => Err(self.bad(Reason::HostMissing)),
            (Some(_), Some(_)) => Err(self.bad(Reason::HostRepeated)),
        }
    }

    fn bad_host(&self, reason: Invalid) -> Refused {
        match reason {
            Invalid::Empty | Invalid::Byte | Invalid::Port => self.bad(Reason::HostInvalid),
            Invalid::Shape => self.refuse(Refusal::HostNotAllowed),
        }
    }

    /// A request line may name the host again; then both must say the same.
    fn target(&self, host: &Authority<'_>) -> Result<(), Refused> {
        let uri = &self.head.uri;
        let scheme_ok = uri.scheme_str().is_none_or(|scheme| scheme == "http");
        let named = uri.authority().map(|named| authority::parse(named.as_str().as_bytes()));
        let same = named.is_none_or(|named| named.is_ok_and(|named| named.same_as(host)));
        if scheme_ok && same { Ok(()) } else { Err(self.bad(Reason::TargetDiffers)) }
    }

    /// An unknown path is judged as the API would be, so that a page learns nothing from it.
    fn page(&mut self, policy: &Policy, host: &str) -> Result<(), Refused> {
        let scope = self.meant().map_or(Scope::Client, |route| route.scope);
        self.cors = origin::check(&self.head.headers, policy, host, scope)
            .map_err(|origin::NotAllowed| self.refuse(Refusal::OriginNotAllowed))?;
        Ok(())
    }

    /// The route by path and method.
    fn route(&self) -> Result<usize, Refused> {
        if self.found.routes.is_empty() {
            return Err(self.refuse(Refusal::NotFound));
        }
        self.answering().ok_or_else(|| self.other_method())
    }

    /// The place of the route that has the path and the method.
    fn answering(&self) -> Option<usize> {
        self.found.routes.iter().copied().find(|place| self.at(*place).answers(&self.head.method))
    }

    fn at(&self, place: usize) -> &'a Route {
        &self.guard.routes()[place]
    }

    fn other_method(&self) -> Refused {
        if self.head.method == Method::GET && asks_for_websocket(&self.head.headers) {
            return self.refuse(Refusal::WebSocket);
        }
        let asked = origin::preflight(&self.head.headers);
        let asked = asked.filter(|_| self.head.method == Method::OPTIONS && self.cors.is_some());
        let refusal = asked.map_or(Refusal::MethodNotAllowed, Refusal::Preflight);
        Refused { allow: Some(self.methods()), ..self.refuse(refusal) }
    }

    fn methods(&self) -> String {
        let mut methods: Vec<&str> = Vec::new();
        for place in &self.found.routes {
            let route = self.at(*place);
            let head = route.allows_head().then_some("HEAD");
            for method in std::iter::once(route.method.as_str()).chain(head) {
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
        methods.join(", ")
    }

    /// No protocol but HTTP/1.1 is spoken here. `h2c` alone is passed over: Java's HTTP client offers it with every
    /// request and goes on well without it.
    fn protocol(&self) -> Result<(), Refused> {
        let mut offers = self.head.headers.get_all(header::UPGRADE).iter();
        let harmless = offers.all(|offer| offer.as_bytes().eq_ignore_ascii_case(b"h2c"));
        if harmless { Ok(()) } else { Err(self.bad(Reason::Upgrade)) }
    }

    fn caller(&self, scope: Scope) -> Result<Caller, Refused> {
        let presented = credential::presented(&self.head.headers);
        let key = |presented: &[u8]| self.guard.keys.find(presented);
        match scope {
            Scope::Public | Scope::SignIn => Ok(Caller::Public),
            Scope::Client if self.guard.keyless => Ok(Caller::Client { name: KEYLESS.into() }),
            Scope::Client => match presented.and_then(key) {
                Some(name) => Ok(Caller::Client { name }),
                None => Err(self.refuse(Refusal::InvalidApiKey)),
            },
            Scope::Control => {
                let Some(presented) = presented else { return self.browser() };
                match (keys::is_secret_of(presented, &self.guard.control), key(presented)) {
                    (true, _) => Ok(Caller::Control),
                    (false, Some(_)) => Err(self.refuse(Refusal::Forbidden)),
                    (false, None) => Err(self.refuse(Refusal::InvalidApiKey)),
                }
            }
        }
    }

    /// A cookie is sent along with whatever another page of this host makes the browser send, and to every port of this
    /// host; the session token in the header is not.
    fn browser(&self) -> Result<Caller, Refused> {
        let bare = !self.head.headers.contains_key(header::AUTHORIZATION);
        let session = || self.guard.sessions.find(&self.head.headers, Instant::now());
        if bare && session().is_some() {
            return Ok(Caller::Control);
        }
        Err(self.refuse(Refusal::InvalidApiKey))
    }

    /// Ollama's clients may say nothing of what they post, as LiteLLM does. A page cannot post without saying where it
    /// comes from.
    fn content(&self, route: &Route) -> Result<(), Refused> {
        let judged = matches!(route.scope, Scope::Client | Scope::SignIn) && self.head.method == Method::POST;
        let headers = &self.head.headers;
        let may_be_silent = route.dialect == Dialect::Ollama && !headers.contains_key(header::ORIGIN);
        if judged && !content::is_plain_json(headers, may_be_silent) {
            return Err(self.refuse(Refusal::UnsupportedMediaType));
        }
        Ok(())
    }

    /// Whoever has a key is told; metrics go on.
    fn served(&self, route: &Route) -> Result<(), Refused> {
        let dialect = route.scope == Scope::Client && route.dialect != Dialect::Plain;
        if dialect && !self.guard.serving.is_on() { Err(self.refuse(Refusal::NotServing)) } else { Ok(()) }
    }

    fn admitted(self, place: usize, caller: Caller) -> Admitted {
        let dialect = self.dialect();
        let route = self.at(place);
        let param = self.found.param.filter(|_| path::takes_param(route));
        Admitted {
            route: place,
            path: path::canonical(route, param.as_deref()),
            param,
            dialect,
            caller,
            cors: self.cors,
        }
    }

    /// The route that the path means most, for questions that come before the method is judged.
    fn meant(&self) -> Option<&'a Route> {
        self.answering().or_else(|| self.found.routes.first().copied()).map(|place| self.at(place))
    }

    /// Some paths, such as the list of models, are asked for by clients of several dialects.
    fn dialect(&self) -> Dialect {
        let anthropic = self.head.headers.contains_key("anthropic-version");
        match self.meant().map(|route| route.dialect) {
            Some(Dialect::OpenAi) | None if anthropic => Dialect::Anthropic,
            Some(dialect) => dialect,
            None if self.head.uri.path().starts_with("/api/") => Dialect::Ollama,
            None => Dialect::OpenAi,
        }
    }

    fn bad(&self, reason: Reason) -> Refused {
        self.close(Refusal::BadRequest(reason))
    }

    fn close(&self, refusal: Refusal) -> Refused {
        Refused { close: true, ..self.refuse(refusal) }
    }

    fn refuse(&self, refusal: Refusal) -> Refused {
        Refused { refusal, dialect: self.dialect(), allow: None, close: false, cors: self.cors.clone() }
    }
}

/// Names, values and the four characters that each line adds.
fn headers_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Whether one of the protocols that the head offers is WebSocket (RFC 6455, 4.2.1).
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}

fn uri_size(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path().len() + uri.query().map_or(0, str::len)
}
