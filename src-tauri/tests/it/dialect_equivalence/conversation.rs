//! Generated conversations and request options, independent of a dialect.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub system: Vec<String>,
    pub turns: Vec<ConversationTurn>,
    pub tools: Vec<Tool>,
    pub options: RequestOptions,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConversationTurn {
    User(Vec<ContentPart>),
    /// A system message in the middle of the conversation.
    System(String),
    /// An assistant message. It is never empty: without a text it has calls.
    Assistant {
        thought: Option<String>,
        text: Option<String>,
        calls: Vec<ToolCall>,
        /// Whether the results are in reverse order of the calls.
        results_reversed: bool,
    },
}

/// A tool call with its result.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: Value,
    pub result: Vec<ContentPart>,
    /// Whether the call failed. Its result then begins with a text.
    pub failed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ContentPart {
    Text(String),
    Picture(u8),
    Link(u8),
    Document(String, u8),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    pub schema: Value,
    pub strict: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice {
    Auto,
    None,
    Required,
    /// The first tool is required.
    First,
}

#[derive(Debug, Clone, PartialEq)]
pub enum JsonFormat {
    Object,
    Schema { name: String, schema: Value, strict: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub struct RequestOptions {
    pub stream: bool,
    pub max_tokens: Option<u64>,
    pub stop: Vec<String>,
    /// Tool choice; only if there are tools.
    pub choice: Option<ToolChoice>,
    pub one_call: bool,
    pub format: Option<JsonFormat>,
    /// Reasoning effort. `none` is not generated, because it is not passed on: models without reasoning
    /// reject it.
    pub effort: Option<&'static str>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub seed: Option<i64>,
}

/// Results of calls in the order of their messages.
pub fn results(calls: &[ToolCall], backwards: bool) -> Vec<&ToolCall> {
    if backwards { calls.iter().rev().collect() } else { calls.iter().collect() }
}

impl ContentPart {
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Conversation {
    /// All lists of content parts.
    pub fn pieces(&mut self) -> impl Iterator<Item = &mut Vec<ContentPart>> {
        self.turns.iter_mut().flat_map(|turn| match turn {
            ConversationTurn::User(pieces) => vec![pieces],
            ConversationTurn::System(_) => Vec::new(),
            ConversationTurn::Assistant { calls, .. } => {
                calls.iter_mut().map(|call| &mut call.result).collect()
            }
        })
    }

    /// All tool calls.
    pub fn calls(&mut self) -> impl Iterator<Item = &mut ToolCall> {
        self.turns.iter_mut().flat_map(|turn| match turn {
            ConversationTurn::User(_) | ConversationTurn::System(_) => [].iter_mut(),
            ConversationTurn::Assistant { calls, .. } => calls.iter_mut(),
        })
    }

    /// All texts of the system, the user, the model and the tools, and the names of all tools.
    pub fn texts(&self) -> Vec<&str> {
        let turns = self.turns.iter().flat_map(|turn| match turn {
            ConversationTurn::User(pieces) => pieces.iter().filter_map(ContentPart::text).collect(),
            ConversationTurn::System(text) => vec![text.as_str()],
            ConversationTurn::Assistant { text, calls, .. } => {
                let results = calls.iter().flat_map(|call| &call.result).filter_map(ContentPart::text);
                let names = calls.iter().map(|call| call.name.as_str());
                text.as_deref().into_iter().chain(results).chain(names).collect()
            }
        });
        let system = self.system.iter().map(String::as_str);
        // Tools that must not be called are not in the prompt.
        let callable = match self.options.choice {
            None | Some(ToolChoice::Auto | ToolChoice::Required) => self.tools.as_slice(),
            Some(ToolChoice::First) => &self.tools[..1],
            Some(ToolChoice::None) => &[],
        };
        turns.chain(system).chain(callable.iter().map(|tool| tool.name.as_str())).collect()
    }

    /// Replaces links and documents by images: a link would be fetched from the network, and web sessions
    /// have no documents.
    pub fn with_pictures_alone(mut self) -> Self {
        self.pieces().for_each(|pieces| {
            for piece in pieces {
                if let ContentPart::Link(number) | ContentPart::Document(_, number) = *piece {
                    *piece = ContentPart::Picture(number);
                }
            }
        });
        self
    }

    /// Restores the invariants of a conversation after generation or removal of parts.
    fn into_valid(mut self) -> Self {
        let names: Vec<String> = self.tools.iter().map(|tool| tool.name.clone()).collect();
        let mut names = names.into_iter().cycle();
        let mut number = 0;
        for call in self.calls() {
            number += 1;
            call.id = format!("call_{number:03}");
            if let Some(name) = names.next() {
                call.name = name;
            }
            if call.failed && call.result.first().and_then(ContentPart::text).is_none() {
                call.result.insert(0, ContentPart::Text("no".to_owned()));
            }
        }
        let mut turns: Vec<ConversationTurn> = Vec::new();
        for turn in std::mem::take(&mut self.turns) {
            let open =
                matches!(turns.last(), Some(ConversationTurn::Assistant { calls, .. }) if calls.is_empty());
            if open && matches!(turn, ConversationTurn::Assistant { .. }) {
                turns.push(ConversationTurn::User(vec![ContentPart::Text("go on".to_owned())]));
            }
            turns.push(turn);
        }
        self.turns = turns;
        self.options.choice = self.options.choice.filter(|_| !self.tools.is_empty());
        self.options.one_call &= !self.tools.is_empty();
        self
    }
}

/// Short texts with characters that need escaping. None is a directive to the mock, which would need a colon.
fn text() -> impl Strategy<Value = String> {
    "[a-c \n\t\"'\\\\<>{}/é北🦣\u{2028}]{1,9}"
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z_-]{0,7}"
}

fn piece() -> impl Strategy<Value = ContentPart> {
    prop_oneof![
        6 => text().prop_map(ContentPart::Text),
        2 => (0..30_u8).prop_map(ContentPart::Picture),
        1 => (0..30_u8).prop_map(ContentPart::Link),
        1 => ("[a-z]{1,4}\\.pdf", 0..9_u8).prop_map(|(name, number)| ContentPart::Document(name, number)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-100..100_i32).prop_map(|tenths| json!(f64::from(tenths) / 10.0)),
        text().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(word(), inner, 0..3).prop_map(object),
        ]
    })
}

fn object(members: BTreeMap<String, Value>) -> Value {
    Value::Object(members.into_iter().collect())
}

fn call() -> impl Strategy<Value = ToolCall> {
    let arguments = btree_map(word(), value(), 0..3).prop_map(object);
    (word(), arguments, vec(piece(), 0..3), any::<bool>()).prop_map(|(name, arguments, result, failed)| {
        ToolCall { id: String::new(), name, arguments, result, failed }
    })
}

fn turn() -> impl Strategy<Value = ConversationTurn> {
    let assistant = (of(text()), of(text()), vec(call(), 0..4), any::<bool>());
    let assistant = assistant.prop_map(|(thought, text, calls, backwards)| {
        let text = if calls.is_empty() { text.or(Some("yes".to_owned())) } else { text };
        ConversationTurn::Assistant { thought, text, calls, results_reversed: backwards }
    });
    prop_oneof![
        4 => vec(piece(), 1..4).prop_map(ConversationTurn::User),
        1 => text().prop_map(ConversationTurn::System),
        4 => assistant,
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    let kind = select(vec!["string", "integer", "boolean", "array", "object"]);
    btree_map(word(), (kind, of(text())), 0..3).prop_map(|members| {
        let property = |(kind, description): (&str, Option<String>)| match description {
            Some(text) => json!({ "type": kind, "description": text }),
            None => json!({ "type": kind }),
        };
        let required: Vec<String> = members.keys().take(1).cloned().collect();
        let properties = object(members.into_iter().map(|(name, about)| (name, property(about))).collect());
        json!({ "type": "object", "properties": properties, "required": required })
    })
}

fn tools() -> impl Strategy<Value = Vec<Tool>> {
    btree_map(word(), (of(text()), schema(), any::<bool>()), 0..3).prop_map(|tools| {
        let tool = |(name, (description, schema, strict))| Tool { name, description, schema, strict };
        tools.into_iter().map(tool).collect()
    })
}

fn format() -> impl Strategy<Value = JsonFormat> {
    let schema = (word(), schema(), any::<bool>());
    prop_oneof![
        Just(JsonFormat::Object),
        schema.prop_map(|(name, schema, strict)| JsonFormat::Schema { name, schema, strict }),
    ]
}

fn tenths(from: i32, to: i32) -> impl Strategy<Value = Option<f64>> {
    of((from..=to).prop_map(|tenths| f64::from(tenths) / 10.0))
}

fn any_options() -> impl Strategy<Value = RequestOptions> {
    let choice = select(vec![ToolChoice::Auto, ToolChoice::None, ToolChoice::Required, ToolChoice::First]);
    let effort = of(select(vec!["minimal", "low", "medium", "high"]));
    let about_tools = (of(choice), any::<bool>());
    let lengths = (any::<bool>(), of(50..5_000_u64), vec(text(), 0..3));
    let numbers =
        (tenths(0, 20), tenths(1, 10), of(1..100_u64), tenths(-20, 20), tenths(-20, 20), of(0..999_i64));
    (lengths, about_tools, of(format()), effort, numbers).prop_map(
        |(lengths, about, format, effort, numbers)| {
            let (stream, max_tokens, stop) = lengths;
            let (choice, one_call) = about;
            let (temperature, top_p, top_k, presence_penalty, frequency_penalty, seed) = numbers;
            RequestOptions {
                stream,
                max_tokens,
                stop,
                choice,
                one_call,
                format,
                effort,
                temperature,
                top_p,
                top_k,
                presence_penalty,
                frequency_penalty,
                seed,
            }
        },
    )
}

pub fn any_conversation() -> impl Strategy<Value = Conversation> {
    (vec(text(), 0..3), vec(turn(), 1..6), tools(), any_options()).prop_map(
        |(system, turns, tools, wishes)| Conversation { system, turns, tools, options: wishes }.into_valid(),
    )
}
