use serde_json::Value;

use super::*;

const FILES: [(&str, &str); 5] = [
    ("documented", include_str!("../corpus/documented.txt")),
    ("repaired", include_str!("../corpus/repaired.txt")),
    ("families", include_str!("../corpus/families.txt")),
    ("broken", include_str!("../corpus/broken.txt")),
    ("talk", include_str!("../corpus/talk.txt")),
];

/// An output of a model and the expected result.
struct Case {
    name: String,
    /// `call`: a valid call; `broken`: an invalid call; `talk`: text.
    kind: &'static str,
    expected: Vec<Expected>,
    output: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
enum Expected {
    Text(String),
    Call(String, Value),
    Broken,
}

impl From<&Segment> for Expected {
    fn from(piece: &Segment) -> Self {
        match piece {
            Segment::Text(text) => Self::Text(text.clone()),
            Segment::Call(call) => {
                Self::Call(call.name.clone(), serde_json::from_str(&call.arguments).unwrap())
            }
            Segment::Broken { .. } => Self::Broken,
        }
    }
}

fn expected(line: &str) -> Expected {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("text", text) => Expected::Text(serde_json::from_str(text).unwrap()),
        ("call", call) => {
            let (name, arguments) = call.split_once(' ').unwrap();
            Expected::Call(name.to_owned(), serde_json::from_str(arguments).unwrap())
        }
        ("broken", "") => Expected::Broken,
        _ => panic!("{line}"),
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (file, text) in FILES {
        let text = text.strip_suffix('\n').unwrap();
        for case in text.strip_prefix("==== ").unwrap().split("\n==== ") {
            let (head, output) = case.split_once("\n----\n").unwrap();
            let mut lines = head.lines();
            let (kind, name) = lines.next().unwrap().split_once(" | ").unwrap();
            cases.push(Case {
                name: format!("{file}: {name}"),
                kind,
                expected: lines.map(|line| expected(line.strip_prefix("> ").unwrap())).collect(),
                output,
            });
        }
    }
    cases
}

fn expected_from(pieces: &[Segment]) -> Vec<Expected> {
    pieces.iter().map(Expected::from).collect()
}

fn calls(pieces: &[Expected]) -> Vec<&Expected> {
    pieces.iter().filter(|piece| matches!(piece, Expected::Call(..))).collect()
}

#[test]
fn outputs_parse_as_expected() {
    let (offer, cases) = (tool_set(), cases());
    assert!(cases.len() >= 150, "{} outputs", cases.len());
    let (mut meant, mut right) = (0_u32, 0_u32);
    let mut wrong = Vec::new();
    for case in &cases {
        let seen = expected_from(&parse(&offer, [case.output]));
        if case.kind != "talk" {
            meant += 1;
            right += u32::from(!calls(&seen).is_empty() && calls(&seen) == calls(&case.expected));
        } else {
            assert!(calls(&seen).is_empty(), "a false call in {}: {seen:?}", case.name);
        }
        if seen != case.expected {
            wrong.push(format!("{}: {seen:#?} instead of {:#?}", case.name, case.expected));
        }
    }
    let share = f64::from(right) / f64::from(meant);
    println!(
        "{} outputs; {right} of {meant} meant calls are right at once ({:.1} %)",
        cases.len(),
        share * 100.0
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(share >= 0.85, "only {share}");
}

#[test]
fn any_chunking_gives_the_same_result() {
    let offer = tool_set();
    for case in cases() {
        let whole = parse(&offer, [case.output]);
        assert_eq!(parse(&offer, characters(case.output)), whole, "{} in characters", case.name);
        for (at, _) in case.output.char_indices() {
            let (one, two) = case.output.split_at(at);
            assert_eq!(parse(&offer, [one, two]), whole, "{} cut at {at}", case.name);
        }
    }
}

/// Whether a call is one of the expected ones or its beginning: arguments may be missing, but none may
/// differ.
fn begins_one(call: &Expected, expected: &[Expected]) -> bool {
    let Expected::Call(name, arguments) = call else { return true };
    expected.iter().any(|other| match other {
        Expected::Call(other, whole) => {
            let members = arguments.as_object().unwrap();
            name == other && members.iter().all(|(key, value)| whole.get(key) == Some(value))
        }
        Expected::Text(_) | Expected::Broken => false,
    })
}

#[test]
fn a_truncated_reply_makes_no_other_call() {
    let offer = tool_set();
    for case in cases().iter().filter(|case| case.kind != "talk") {
        for (at, _) in case.output.char_indices() {
            let seen = expected_from(&parse(&offer, [&case.output[..at]]));
            for call in calls(&seen) {
                assert!(begins_one(call, &case.expected), "{} ends at {at}: {call:?}", case.name);
            }
        }
    }
}

#[test]
fn a_huge_argument_is_kept() {
    let content = "fn main() { println!(\"</tool_call> 中文 \\n\"); }\n".repeat(40_000);
    let call = json!({"name": "write_file", "arguments": {"path": "a", "content": content}});
    let output = format!("Writing.\n<tool_call>\n{call}\n</tool_call>");
    let offer = tool_set();
    let whole = parse(&offer, [output.as_str()]);
    assert_eq!(expected_from(&whole)[1], Expected::Call("write_file".into(), call["arguments"].clone()));
    let slices: Vec<String> =
        output.chars().collect::<Vec<_>>().chunks(1021).map(String::from_iter).collect();
    assert_eq!(parse(&offer, slices.iter().map(String::as_str)), whole);
}
