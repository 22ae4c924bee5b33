use serde_json::json;

use super::*;
use protocol::Tool;

const GOOD: &str = "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n</tool_call>";
const BROKEN: &str = "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"cmd\": \"ls\"}}\n</tool_call>";

fn request() -> Request {
    let parameters = json!({"type": "object", "required": ["command"],
        "properties": {"command": {"type": "string"}}});
    let tool = Tool { name: "bash".into(), description: None, parameters, strict: false };
    Request { tools: vec![tool], ..Request::default() }
}

fn parse_reply(parser: &mut ReplyParser, text: &str) -> (Vec<ReplyPart>, Option<RepairPrompt>) {
    let mut heard = Vec::new();
    parser.push(text.to_owned(), &mut heard);
    let question = parser.finish(&mut heard);
    (heard, question)
}

fn text(text: &str) -> ReplyPart {
    ReplyPart::Text(text.to_owned())
}

fn call() -> ReplyPart {
    ReplyPart::Call { name: "bash".into(), arguments: "{\"command\": \"ls\"}".into() }
}

#[test]
fn reasoning_text_and_calls_keep_their_order() {
    let mut hearing = ReplyParser::new(&request());
    let (heard, question) = parse_reply(&mut hearing, &format!("<think>hm</think>\nI look.\n{GOOD}"));
    assert_eq!(heard, [ReplyPart::Reasoning("hm".into()), text("I look.\n"), call()]);
    assert!(question.is_none() && hearing.called() && hearing.note().is_none());
}

#[test]
fn a_broken_call_is_repaired_and_keeps_its_place() {
    let mut hearing = ReplyParser::new(&request());
    let (mut heard, question) = parse_reply(&mut hearing, &format!("One.\n{BROKEN}\nTwo.\n{GOOD}"));
    assert_eq!(heard, [text("One.\n")]);
    let question = question.unwrap();
    assert!(question.previous_reply == BROKEN && question.instruction.contains("\"command\""));
    hearing.receive_repair(Some(format!("Sorry!\n{GOOD}")), &mut heard);
    assert_eq!(heard, [text("One.\n"), call(), text("\nTwo.\n"), call()]);
    assert!(hearing.called() && hearing.note().is_none());
}

#[test]
fn a_call_that_stays_broken_becomes_text_with_a_note() {
    for reply in [None, Some(BROKEN.to_owned()), Some("I cannot.".to_owned())] {
        let mut hearing = ReplyParser::new(&request());
        let (mut heard, question) = parse_reply(&mut hearing, BROKEN);
        assert!(question.is_some());
        hearing.receive_repair(reply, &mut heard);
        assert_eq!(heard, [text(BROKEN)]);
        assert!(!hearing.called() && hearing.note().is_some());
    }
}

#[test]
fn a_missing_required_call_is_requested() {
    let mut hearing = ReplyParser::new(&Request { tool_choice: ToolChoice::Required, ..request() });
    let (mut heard, question) = parse_reply(&mut hearing, "I would rather not.");
    assert_eq!(question.unwrap().previous_reply, "I would rather not.");
    hearing.receive_repair(Some(GOOD.to_owned()), &mut heard);
    assert_eq!(heard, [text("I would rather not."), call()]);
    assert!(hearing.called());
}

#[test]
fn json_is_held_until_it_is_valid() {
    let wish = Request { format: ResponseFormat::JsonObject, ..Request::default() };
    let mut hearing = ReplyParser::new(&wish);
    assert_eq!(parse_reply(&mut hearing, "Here: {\"a\": 1}!"), (vec![text("{\"a\": 1}")], None));
    let mut hearing = ReplyParser::new(&wish);
    let (mut heard, question) = parse_reply(&mut hearing, "none");
    assert!(heard.is_empty() && question.is_some());
    hearing.receive_repair(Some("```json\n{}\n```".to_owned()), &mut heard);
    assert_eq!((heard, hearing.note()), (vec![text("{}")], None));
    let mut hearing = ReplyParser::new(&wish);
    let (mut heard, _) = parse_reply(&mut hearing, "none");
    hearing.receive_repair(None, &mut heard);
    assert!(heard == [text("none")] && hearing.note().is_some());
}

#[test]
fn a_single_tool_call_ends_the_reply() {
    let mut hearing = ReplyParser::new(&Request { single_tool_call: true, ..request() });
    let mut heard = Vec::new();
    hearing.push(format!("{GOOD}{GOOD} and more"), &mut heard);
    assert!(hearing.is_over() && heard == [call()]);
}
