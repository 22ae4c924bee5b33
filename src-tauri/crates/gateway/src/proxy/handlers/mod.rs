//! Handlers that need no upstream call.

mod count_tokens;
mod models;
mod responses;

pub(super) use count_tokens::count_tokens;
pub(super) use models::{get_model, list_models, ollama_show, ollama_tags};
pub(super) use responses::{delete_response, get_response};
