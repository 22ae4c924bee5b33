//! Dialects: the wire formats of model requests. Pure: no I/O, no clock.
//!
//! A [`Dialect`] decodes a body into a [`protocol::Request`] and reports fields that have no effect. Its
//! encoder turns [`protocol::Event`]s into the bytes that a client expects. [`DIALECTS`] is the registry,
//! which the routes, the guard and the check of the OpenAPI document use. HTTP statuses and headers are set
//! by `proxy`.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

mod anthropic;
mod api_family;
mod dialect;
mod encode;
mod file;
mod image;
mod invalid_request;
mod json_fields;
pub mod ollama;
mod openai_chat;
mod openai_completions;
mod openai_error;
mod openai_models;
mod openai_responses;
mod openai_tools;
mod reasoning_effort;
mod shared_params;
mod sse;

pub use anthropic::{
    decode_prompt as decode_anthropic_prompt, model as anthropic_model, models as anthropic_models,
    token_count as anthropic_count,
};
pub use api_family::ApiFamily;
pub use dialect::{DIALECTS, Decoded, Dialect, ReplyMeta};
pub use encode::{Encode, StoredResponse};
pub use invalid_request::{InvalidCode, InvalidRequest};
pub use openai_models::{ModelEntry, model as openai_model, models as openai_models};
pub use openai_responses::{ItemTools, ResponsesState, delete_body as response_deleted};
pub use reasoning_effort::{SuffixMatch, split_effort_suffix};

use dialect::DecodedRequest;
use encode::{ReplyContext, ReplyOptions};

#[cfg(test)]
mod tests;
