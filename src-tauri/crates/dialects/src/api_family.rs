//! API families: the vendors' APIs, which differ in the format of errors and model lists.

/// API family of a route, which decides the format of errors and model lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiFamily {
    /// OpenAI's API and compatible ones.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Ollama's own API.
    Ollama,
    /// Management, health and UI files: errors as in OpenAI's API.
    Plain,
}

impl ApiFamily {
    /// The body of an error response. `code` is our own error code, `param` the path of the field that is wrong.
    pub fn error_body(self, status: u16, code: &str, message: &str, param: Option<&str>) -> String {
        match self {
            Self::OpenAi | Self::Plain => crate::openai_error::error_body(status, code, message, param),
            Self::Anthropic => crate::anthropic::error_body(status, code, message, param),
            Self::Ollama => crate::ollama::error_body(code, message),
        }
    }
}
