//! The table of routes: what exists, who may call it, and in which form its errors are written.

use http::Method;

/// The wire form of a route, in which its errors are written too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiFamily {
    /// OpenAI's API and everything that imitates it.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Ollama's own API.
    Ollama,
    /// Control, health and the UI's files: a plain error body.
    Plain,
}

/// Which credential a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// None.
    Public,
    /// A client key.
    Client,
    /// None, but only our own page may ask: it posts the control token to sign in.
    SignIn,
    /// The control token; a client key is not enough.
    Control,
}

/// One route of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The one method it answers.
    pub method: Method,
    /// The canonical path, such as `/v1/chat/completions`.
    ///
    /// A last segment `{id}` stands for a percent-decoded value that may hold slashes (model ids do); any other name
    /// in braces, such as `{name}`, for one plain segment.
    pub path: &'static str,
    /// Who may call it.
    pub scope: Scope,
    /// How its errors are written.
    pub api_family: ApiFamily,
}

impl Route {
    /// `HEAD` is answered wherever a public `GET` is: health checks ask that way, and nothing private can leak.
    pub(super) fn matches_method(&self, method: &Method) -> bool {
        self.method == *method || (*method == Method::HEAD && self.answers_head())
    }

    pub(super) fn answers_head(&self) -> bool {
        self.scope == Scope::Public && self.method == Method::GET
    }
}
