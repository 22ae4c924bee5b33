//! Malicious replies that cost minutes or gigabytes where the work per character grows with the length.

use super::*;

#[test]
fn many_ambiguous_parameters_are_read_in_one_pass() {
    let many = 50_000;
    let parameters: String = (0..many).map(|n| format!("<parameter=p{n}>x</parameter>- ")).collect();
    let reply = format!("<function=get_time>{parameters}</function>");
    let pieces = parse(&tool_set(), [reply.as_str()]);
    let [Segment::Call(call)] = pieces.as_slice() else { panic!("{} pieces", pieces.len()) };
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!(arguments.as_object().map(serde_json::Map::len), Some(many));
}

#[test]
fn a_long_run_of_backticks_is_text_in_any_chunking() {
    let run = "`".repeat(200_000);
    let text = [Segment::Text(run.clone())];
    assert_eq!(parse(&tool_set(), [run.as_str()]), text);
    assert_eq!(parse(&tool_set(), characters(&run)), text);
}

#[test]
fn a_block_of_very_many_calls_is_one_broken_call() {
    let call = "{\"name\": \"no such tool\", \"arguments\": {}}\n";
    let reply = format!("<tool_call>\n{}</tool_call>", call.repeat(10_000));
    let pieces = parse(&tool_set(), [reply.as_str()]);
    assert!(matches!(pieces.as_slice(), [Segment::Broken { text, .. }] if *text == reply));
}

#[test]
fn several_broken_calls_in_one_block_repeat_its_text_once() {
    let call = "{\"name\": \"bash\", \"arguments\": {\"cmd\": 1}}\n";
    let reply = format!("<tool_call>\n{}</tool_call>", call.repeat(3));
    let texts: usize = parse(&tool_set(), [reply.as_str()])
        .iter()
        .map(|piece| match piece {
            Segment::Broken { text, .. } => text.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(texts, reply.len());
}

#[test]
fn expensive_work_is_postponed_without_loss() {
    let call = json!({"name": "write_file", "arguments": {"path": "a", "content": "x".repeat(100_000)}});
    let reply = format!("<tool_call>\n{call}\n</tool_call>\n<tool_call>\n{call}\n</tool_call>");
    let (mut parser, mut pieces) = (CallParser::new(tool_set()), Vec::new());
    parser.push(&reply, &mut pieces);
    assert!(parser.is_postponed() && pieces.is_empty());
    parser.resume(&mut pieces);
    assert!(!parser.is_postponed());
    parser.finish(&mut pieces);
    assert_eq!(pieces, parse(&tool_set(), characters(&reply)));
    assert!(matches!(pieces.as_slice(), [Segment::Call(_), Segment::Call(_)]));
}
