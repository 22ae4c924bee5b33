//! The error of a request that no dialect can decode.

/// Error code of an invalid request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidCode {
    /// The body is not valid in the dialect.
    InvalidRequest,
    /// A parameter that is not supported and that would change the meaning of the reply.
    UnsupportedParameter,
    /// An image that cannot be used.
    InvalidImage,
    /// A `thread`: a conversation that Anthropic's servers would keep.
    ThreadUnsupported,
}

/// Reason why a request was rejected before any upstream call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidRequest {
    pub code: InvalidCode,
    /// Path of the field, such as `messages[0].content`.
    pub param: Option<String>,
    pub message: String,
}

impl InvalidRequest {
    pub(crate) fn new(param: impl Into<Option<String>>, message: impl Into<String>) -> Self {
        Self { code: InvalidCode::InvalidRequest, param: param.into(), message: message.into() }
    }

    pub(crate) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self {
            code: InvalidCode::UnsupportedParameter,
            param: Some(param.to_owned()),
            message: message.into(),
        }
    }

    pub(crate) fn invalid_image(param: impl Into<Option<String>>, message: impl Into<String>) -> Self {
        Self { code: InvalidCode::InvalidImage, param: param.into(), message: message.into() }
    }
}
