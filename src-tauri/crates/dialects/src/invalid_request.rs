//! The error of a request that no dialect can decode.

/// The kind of complaint about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidCode {
    /// The body does not have the dialect's form.
    InvalidRequest,
    /// A wish that would change the meaning of the reply and cannot be honoured.
    UnsupportedParameter,
    /// An image that cannot be used.
    InvalidImage,
    /// A conversation that Anthropic's servers would keep.
    ThreadUnsupported,
}

/// Why a request was refused before anything was asked upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidRequest {
    pub code: InvalidCode,
    /// The path of the field, as in `messages[0].content`.
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
