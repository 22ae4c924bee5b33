//! Parsing of a reply that may call a tool, with any schema and any arguments: parsing ends, the result does
//! not depend on the chunks, and the arguments of a call that is passed on are an object. libFuzzer's timeout
//! is the bound on the work.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prompted_tools::{ReplyParser, ReplyPart};
use protocol::{Request, Tool};
use serde_json::Value;

// The first line is the schema of the one tool, what follows is the reply.
fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (schema, reply) = input.split_once('\n').unwrap_or(("{}", input));
    let Ok(parameters) = serde_json::from_str::<Value>(schema) else { return };
    let tool = Tool { name: "build".into(), description: None, parameters, strict: true };
    let request = Request { tools: vec![tool], ..Request::default() };
    let whole = parse(&request, std::iter::once(reply));
    let middle = reply.floor_char_boundary(reply.len() / 2);
    let (first, second) = reply.split_at(middle);
    assert_eq!(whole, parse(&request, [first, second].into_iter()));
    for (name, arguments) in whole.0 {
        assert_eq!(name, "build");
        assert!(serde_json::from_str::<Value>(&arguments).is_ok_and(|value| value.is_object()));
    }
});

/// Parses the reply. Returns the calls and the text around them.
fn parse<'a>(request: &Request, pieces: impl Iterator<Item = &'a str>) -> (Vec<(String, String)>, String) {
    let mut parser = ReplyParser::new(request);
    let mut parts = Vec::new();
    pieces.for_each(|piece| parser.push(piece.to_owned(), &mut parts));
    if parser.finish(&mut parts).is_some() {
        parser.receive_repair(None, &mut parts);
    }
    let (mut calls, mut text_around) = (Vec::new(), String::new());
    for part in parts {
        match part {
            ReplyPart::Call { name, arguments } => calls.push((name, arguments)),
            ReplyPart::Text(text) | ReplyPart::Reasoning(text) => text_around.push_str(&text),
        }
    }
    (calls, text_around)
}
