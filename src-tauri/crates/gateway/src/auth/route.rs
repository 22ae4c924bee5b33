//! Routes: method, path, required credential and error format.

use http::Method;

use dialects::ApiFamily;

/// The credential that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// None.
    Public,
    /// A client key.
    Client,
    /// No credential, but only from the UI's own page, which posts the control token to sign in.
    SignIn,
    /// The control token; a client key is not enough.
    Control,
}

/// One route of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method of the route.
    pub method: Method,
    /// The canonical path, such as `/v1/chat/completions`.
    ///
    /// A last segment `{id}` matches a percent-decoded value that may contain slashes, as model ids do. Any other name
    /// in braces, such as `{name}`, matches one plain segment.
    pub path: &'static str,
    /// The credential that the route requires.
    pub scope: Scope,
    /// The API family whose error format is used.
    pub api_family: ApiFamily,
}

impl Route {
    /// Whether the route accepts the method. A public `GET` route also accepts `HEAD`, which health checks use; a
    /// public route has nothing private to reveal.
    pub(super) fn matches_method(&self, method: &Method) -> bool {
        self.method == *method || (*method == Method::HEAD && self.answers_head())
    }

    pub(super) fn answers_head(&self) -> bool {
        self.scope == Scope::Public && self.method == Method::GET
    }
}
