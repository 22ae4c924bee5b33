//! Tool calling by prompt, for models behind an upstream that has none of its own. Pure: no I/O, no clock, no chance.
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
//! with the opening tag at the beginning of a line; several blocks are several calls. What comes of a call stands in the
//! user's next turn ([`History`]) as
//!
//! ```text
//! <tool_result name="TOOL">
//! …
//! </tool_result>
//! ```
//!
//! with `call="2"` where a turn made several calls, `failed="true"` where the tool could not do it, and `end="1"` in both
//! tags where the content holds a closing tag itself. Earlier calls are written in the same form, so the model sees its
//! own past. Why this one: open model families were trained on these tags, the others follow them easily; the end of JSON
//! is known while it comes, so content may hold anything, the closing tag included; and no usual text has the tag at the
//! beginning of a line with the name of an offered tool behind it.
//!
//! # What is read
//!
//! [`Hearing`] takes a reply as it comes. Text passes at once, and only what may still become a call is held. A call is
//! given when it is complete, because its arguments are checked against the tool's schema first. The forms that models
//! learned elsewhere are read too: fences, bare JSON, the tags of Claude, Qwen, Llama, GLM, DeepSeek, Kimi and Mistral.
//! They count only with the name of an offered tool and, without marks of their own, only at the end of a reply that did
//! not announce an example. `corpus/` holds what all this is tested on.
//!
//! What can be meant in one way only is repaired ([`lenient_json`]). Everything else is asked for once more, if a call to the
//! upstream is left; then a broken call is passed on as text, with a note for the log. Nothing of a broken call has gone
//! out before, and what follows it waits. An answer that is to be JSON is held until it is whole, so that it can be
//! checked and asked for once more in the same way; a client gets it in one piece.

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
