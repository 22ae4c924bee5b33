//! Streaming parser of a complete reply: reasoning, text and calls in their order, and prompts for repairs.

use std::sync::Arc;

use super::parser::{CallParser, Segment};
use super::reasoning_tags::{ReasoningSplit, ReasoningTags};
use super::tool_set::ToolSet;
use super::{json_output, prompt};
use protocol::{Request, ResponseFormat, ToolChoice};

/// Maximum size of the held text after a broken call, or of an answer in JSON. A larger one passes unchanged.
const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;
/// Maximum of a reply without its required call that a repair prompt repeats, bytes.
const MAX_REPEATED_BYTES: usize = 16 * 1024;

/// Log note for a call or answer that was too complex to be checked against its schema.
const UNCHECKED_NOTE: &str = "unchecked";

/// A parsed part of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyPart {
    Text(String),
    Reasoning(String),
    Call { name: String, arguments: String },
}

/// A repair prompt: the model's reply so far, and the user turn that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairPrompt {
    pub previous_reply: String,
    pub instruction: String,
}

/// Reason for a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RepairReason {
    BrokenCall,
    MissingCall,
    InvalidJson,
}

/// Streaming parser of a reply.
#[derive(Debug)]
pub struct ReplyParser {
    tools: Arc<ToolSet>,
    reasoning: ReasoningTags,
    /// Parser of calls; `None` if no tools are offered.
    parser: Option<CallParser>,
    /// Required JSON format of the answer.
    format: Option<ResponseFormat>,
    /// The JSON answer so far.
    held_json: String,
    /// The first broken call and everything after it.
    held_segments: Vec<Segment>,
    held_segment_bytes: usize,
    /// The text that came instead of a required call.
    said: String,
    called: bool,
    pending_repair: Option<RepairReason>,
    note: Option<&'static str>,
    /// Whether the JSON answer was too complex to be checked.
    unchecked: bool,
}

impl ReplyParser {
    pub fn new(request: &Request) -> Self {
        let tools = Arc::new(ToolSet::from_request(request));
        let parser = (!tools.is_empty()).then(|| CallParser::new(Arc::clone(&tools)));
        let format = Some(request.format.clone()).filter(|format| *format != ResponseFormat::Text);
        Self {
            tools,
            reasoning: ReasoningTags::default(),
            parser,
            format,
            held_json: String::new(),
            held_segments: Vec::new(),
            held_segment_bytes: 0,
            said: String::new(),
            called: false,
            pending_repair: None,
            note: None,
            unchecked: false,
        }
    }

    /// Parses the next text.
    pub fn push(&mut self, text: String, parts: &mut Vec<ReplyPart>) {
        let split = self.reasoning.push(text);
        self.push_split(split, parts);
    }

    /// Whether work waits for [`ReplyParser::resume`], to be called on a blocking thread.
    pub fn is_postponed(&self) -> bool {
        self.parser.as_ref().is_some_and(CallParser::is_postponed)
    }

    /// Does the work that [`ReplyParser::push`] postponed. Call it on a blocking thread.
    pub fn resume(&mut self, parts: &mut Vec<ReplyPart>) {
        let mut pieces = Vec::new();
        if let Some(parser) = &mut self.parser {
            parser.resume(&mut pieces);
        }
        pieces.into_iter().for_each(|piece| self.push_segment(piece, parts));
    }

    /// Whether [`ReplyParser::finish`] may be slow and belongs on a blocking thread.
    pub fn is_finish_slow(&self) -> bool {
        !self.held_json.is_empty() || self.parser.as_ref().is_some_and(CallParser::is_in_candidate)
    }

    /// Whether the rest of the reply is ignored.
    pub fn is_over(&self) -> bool {
        self.parser.as_ref().is_some_and(CallParser::is_finished) && self.held_segments.is_empty()
    }

    /// Whether the reply has a tool call.
    pub fn called(&self) -> bool {
        self.called
    }

    /// Note for the request log; contains no part of the conversation.
    pub fn note(&self) -> Option<&'static str> {
        let unchecked = self.unchecked || self.parser.as_ref().is_some_and(CallParser::is_unchecked);
        self.note.or(unchecked.then_some(UNCHECKED_NOTE))
    }

    /// Ends the reply. Returns a repair prompt if one is needed.
    pub fn finish(&mut self, parts: &mut Vec<ReplyPart>) -> Option<RepairPrompt> {
        let split = self.reasoning.finish();
        self.push_split(split, parts);
        let mut pieces = Vec::new();
        if let Some(parser) = &mut self.parser {
            parser.finish(&mut pieces);
        }
        pieces.into_iter().for_each(|piece| self.push_segment(piece, parts));
        let question = self.repair_prompt(parts);
        if question.is_none() && !self.held_json.is_empty() {
            parts.push(ReplyPart::Text(std::mem::take(&mut self.held_json)));
        }
        question
    }

    /// Applies the reply to a repair prompt, `None` if there is none, and returns the rest of the reply. May be slow.
    pub fn receive_repair(&mut self, reply: Option<String>, parts: &mut Vec<ReplyPart>) {
        match self.pending_repair.take() {
            Some(RepairReason::BrokenCall) => self.apply_repair(reply, parts),
            Some(RepairReason::MissingCall) => match reply.and_then(|reply| self.parse_repaired_calls(reply))
            {
                Some(calls) => calls.into_iter().for_each(|piece| self.push_segment(piece, parts)),
                None => self.note = Some("no_call"),
            },
            Some(RepairReason::InvalidJson) => {
                let wish = self.format.take().unwrap_or_default();
                let held = std::mem::take(&mut self.held_json);
                let json =
                    reply.and_then(|reply| json_output::extract_json(&without_reasoning(reply), &wish).ok());
                match &json {
                    None => self.note = Some("not_json"),
                    Some(json) => self.unchecked |= json.unchecked,
                }
                let json = json.map(|json| json.text);
                parts.extend(Some(json.unwrap_or(held)).filter(|text| !text.is_empty()).map(ReplyPart::Text));
            }
            None => {}
        }
    }

    fn push_split(
        &mut self,
        ReasoningSplit { reasoning: thought, text: said }: ReasoningSplit,
        parts: &mut Vec<ReplyPart>,
    ) {
        if !thought.is_empty() {
            parts.push(ReplyPart::Reasoning(thought));
        }
        if said.is_empty() {
            return;
        }
        let Some(parser) = &mut self.parser else { return self.push_text(said, parts) };
        let mut pieces = Vec::new();
        parser.push(&said, &mut pieces);
        pieces.into_iter().for_each(|piece| self.push_segment(piece, parts));
    }

    fn push_segment(&mut self, segment: Segment, parts: &mut Vec<ReplyPart>) {
        if !self.held_segments.is_empty() || matches!(segment, Segment::Broken { .. }) {
            self.held_segment_bytes += segment.len();
            self.held_segments.push(segment);
            if self.held_segment_bytes > MAX_HELD_BYTES {
                self.apply_repair(None, parts);
            }
            return;
        }
        match segment {
            Segment::Text(text) | Segment::Broken { text, .. } => self.push_text(text, parts),
            Segment::Call(call) => {
                if !self.held_json.is_empty() {
                    parts.push(ReplyPart::Text(std::mem::take(&mut self.held_json)));
                }
                self.called = true;
                parts.push(ReplyPart::Call { name: call.name, arguments: call.arguments });
            }
        }
    }

    fn push_text(&mut self, text: String, parts: &mut Vec<ReplyPart>) {
        if self.must_call() && self.said.len() < MAX_REPEATED_BYTES {
            self.said.push_str(&text[..text.floor_char_boundary(MAX_REPEATED_BYTES)]);
        }
        if self.format.is_none() || self.called {
            parts.push(ReplyPart::Text(text));
            return;
        }
        self.held_json.push_str(&text);
        if self.held_json.len() > MAX_HELD_BYTES {
            self.format = None;
            self.note = Some("json_unchecked");
            parts.push(ReplyPart::Text(std::mem::take(&mut self.held_json)));
        }
    }

    fn must_call(&self) -> bool {
        matches!(self.tools.choice, ToolChoice::Required | ToolChoice::Named(_)) && !self.tools.is_empty()
    }

    fn repair_prompt(&mut self, parts: &mut Vec<ReplyPart>) -> Option<RepairPrompt> {
        if !self.held_segments.is_empty() {
            let broken = || {
                self.held_segments.iter().filter_map(|piece| match piece {
                    Segment::Broken { text, reason: why } => Some((text.as_str(), why.as_str())),
                    Segment::Text(_) | Segment::Call(_) => None,
                })
            };
            let said =
                broken().map(|(text, _)| text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
            let ask = prompt::repair_call_prompt(&broken().map(|(_, why)| why).collect::<Vec<_>>());
            self.pending_repair = Some(RepairReason::BrokenCall);
            return Some(RepairPrompt { previous_reply: said, instruction: ask });
        }
        if self.must_call() && !self.called {
            self.pending_repair = Some(RepairReason::MissingCall);
            let said = std::mem::take(&mut self.said);
            return Some(RepairPrompt {
                previous_reply: said,
                instruction: prompt::missing_call_prompt(&self.tools.choice),
            });
        }
        let wish = self.format.as_ref().filter(|_| !self.called)?;
        match json_output::extract_json(&self.held_json, wish) {
            Ok(json) => {
                self.held_json.clear();
                self.unchecked |= json.unchecked;
                parts.push(ReplyPart::Text(json.text));
                None
            }
            Err(why) => {
                self.pending_repair = Some(RepairReason::InvalidJson);
                Some(RepairPrompt {
                    previous_reply: self.held_json.clone(),
                    instruction: prompt::repair_json_prompt(&why),
                })
            }
        }
    }

    /// The calls of the repair reply, if all are valid. Its text is not passed on.
    fn parse_repaired_calls(&mut self, reply: String) -> Option<Vec<Segment>> {
        let mut pieces = Vec::new();
        let mut parser = CallParser::new(Arc::clone(&self.tools));
        parser.push(&without_reasoning(reply), &mut pieces);
        parser.finish(&mut pieces);
        self.unchecked |= parser.is_unchecked();
        let broken = pieces.iter().any(|piece| matches!(piece, Segment::Broken { .. }));
        pieces.retain(|piece| matches!(piece, Segment::Call(_)));
        (!broken && !pieces.is_empty()).then_some(pieces)
    }

    /// Replaces the first broken call by the repaired calls, or returns the broken calls as text.
    fn apply_repair(&mut self, reply: Option<String>, parts: &mut Vec<ReplyPart>) {
        let calls = reply.and_then(|reply| self.parse_repaired_calls(reply));
        if calls.is_none() {
            self.note = Some("broken_call");
        }
        let mut calls = calls.map(Vec::into_iter);
        for piece in std::mem::take(&mut self.held_segments) {
            match (piece, &mut calls) {
                (Segment::Broken { .. }, Some(calls)) => {
                    calls
                        .by_ref()
                        .collect::<Vec<_>>()
                        .into_iter()
                        .for_each(|call| self.push_segment(call, parts));
                }
                (Segment::Broken { text, .. }, None) if text.is_empty() => {}
                (Segment::Broken { text, .. }, None) => self.push_text(text, parts),
                (piece, _) => self.push_segment(piece, parts),
            }
        }
        self.held_segment_bytes = 0;
    }
}

/// The repair reply without its reasoning.
fn without_reasoning(reply: String) -> String {
    let mut reasoning = ReasoningTags::default();
    let mut said = reasoning.push(reply).text;
    said.push_str(&reasoning.finish().text);
    said
}

#[cfg(test)]
mod tests;
