//! A reply that may call a tool, with any schema and any arguments: reading it ends, says the same in any pieces, and what
//! is passed on as a call has an object as its arguments. libFuzzer's timeout is the bound on the work.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{Request, Tool};
use prompted_tools::{ReplyParser, ReplyPart};
use serde_json::Value;

// The first line is the schema of the one tool, what follows is the reply.
fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (schema, reply) = input.split_once('\n').unwrap_or(("{}", input));
    let Ok(parameters) = serde_json::from_str::<Value>(schema) else { return };
    let tool = Tool { name: "build".into(), description: None, parameters, strict: true };
    let request = Request { tools: vec![tool], ..Request::default() };
    let whole = hear(&request, std::iter::once(reply));
    let middle = reply.floor_char_boundary(reply.len() / 2);
    let (first, second) = reply.split_at(middle);
    assert_eq!(whole, hear(&request, [first, second].into_iter()));
    for (name, arguments) in whole.0 {
        assert_eq!(name, "build");
        assert!(serde_json::from_str::<Value>(&arguments).is_ok_and(|value| value.is_object()));
    }
});

/// The calls, and the text around them.
fn hear<'a>(request: &Request, pieces: impl Iterator<Item = &'a str>) -> (Vec<(String, String)>, String) {
    let mut hearing = ReplyParser::new(request);
    let mut heard = Vec::new();
    pieces.for_each(|piece| hearing.push(piece.to_owned(), &mut heard));
    if hearing.finish(&mut heard).is_some() {
        hearing.receive_repair(None, &mut heard);
    }
    let (mut calls, mut said) = (Vec::new(), String::new());
    for heard in heard {
        match heard {
            ReplyPart::Call { name, arguments } => calls.push((name, arguments)),
            ReplyPart::Text(text) | ReplyPart::Reasoning(text) => said.push_str(&text),
        }
    }
    (calls, said)
}
