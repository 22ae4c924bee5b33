//! Tool calling by prompt, for an upstream without a tools API. Pure: no I/O, no clock, no randomness.
//!
//! # The form
//!
//! The tools are described in the system prompt ([`instructions`]), and a model calls one by writing
//!
//! ```text
//! <tool_call>
//! {"name": "TOOL", "arguments": {"PARAMETER": "VALUE"}}
//! </tool_call>
//! ```
//!
//! with the opening tag at the beginning of a line; several blocks are several calls. The result of a call is in the
//! next user turn ([`History`]):
//!
//! ```text
//! <tool_result name="TOOL">
//! …
//! </tool_result>
//! ```
//!
//! with `call="2"` where a turn made several calls, `failed="true"` where the tool reported an error, and `end="1"` in
//! both tags where the content contains a closing tag. Earlier calls are written in the same form. The reasons for this
//! form: open model families were trained on these tags, and the others follow them; the end of JSON is known while it
//! streams, so arguments may contain anything, the closing tag included; and ordinary text does not have the tag at the
//! beginning of a line, followed by the name of an offered tool.
//!
//! # Parsing
//!
//! [`ReplyParser`] parses a reply while it streams. Text passes at once; only text that may become a call is held. A
//! call is returned when it is complete, because its arguments are checked against the tool's schema first. Other forms are
//! accepted too: fences, bare JSON, the tags of Claude, Qwen, Llama, GLM, DeepSeek, Kimi and Mistral. They count only
//! with the name of an offered tool and, without tags, only at the end of a reply that did not announce an example. The
//! test data is in `corpus/`.
//!
//! A malformed call is repaired where only one reading is possible (`lenient_json`). Otherwise the model is asked once
//! more, if an upstream call is left; if that fails too, the broken call is passed on as text, with a note for the log.
//! Until then, the broken call and everything after it is held. An answer in JSON is held until it is complete, so that
//! it can be checked and requested again in the same way; the client receives it in one event.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

mod budget;
mod call_reader;
mod call_start;
mod candidate;
mod history;
mod json_output;
mod json_scanner;
mod lenient_json;
mod parser;
mod preceding_text;
mod prompt;
mod reasoning_tags;
mod reply_parser;
mod schema;
mod tool_set;
mod xml_calls;

#[cfg(test)]
mod tests;

pub use history::History;
pub use prompt::instructions;
pub use reply_parser::{RepairPrompt, ReplyParser, ReplyPart};
