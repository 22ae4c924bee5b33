//! The settings of the web upstream, in that room's own terms.

use crate::config::{self, WebShape};
use crate::upstreams::web::{Layout, Shape};

pub(super) fn layout(layout: config::Layout) -> Layout {
    match layout {
        config::Layout::Turns => Layout::Turns,
        config::Layout::Transcript => Layout::Transcript,
    }
}

/// The built-in shape with what the user overrides.
pub(super) fn shape(overrides: &WebShape) -> Shape {
    let WebShape {
        request_shape,
        cookie_name,
        chat_path,
        upload_path,
        user_path,
        recent_usage_path,
        current_usage_path,
        model_field,
        preprompt_field,
        messages_field,
    } = overrides.clone();
    let built_in = Shape::default();
    Shape {
        name: request_shape.unwrap_or(built_in.name),
        cookie: cookie_name.unwrap_or(built_in.cookie),
        chat_path: chat_path.unwrap_or(built_in.chat_path),
        upload_path: upload_path.unwrap_or(built_in.upload_path),
        user_path: user_path.unwrap_or(built_in.user_path),
        recent_usage_path: recent_usage_path.unwrap_or(built_in.recent_usage_path),
        current_usage_path: current_usage_path.unwrap_or(built_in.current_usage_path),
        model_field: model_field.unwrap_or(built_in.model_field),
        preprompt_field: preprompt_field.unwrap_or(built_in.preprompt_field),
        messages_field: messages_field.unwrap_or(built_in.messages_field),
        ..built_in
    }
}
