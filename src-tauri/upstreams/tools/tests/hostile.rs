//! Replies that are made to cost much more than their length. Each of these took minutes or gigabytes where the work per
//! character grew with the length.

use super::*;

#[test]
fn many_parameters_whose_ends_are_not_clear_are_read_in_one_pass() {
    let many = 50_000;
    let parameters: String = (0..many).map(|n| format!("<parameter=p{n}>x</parameter>- ")).collect();
    let reply = format!("<function=get_time>{parameters}</function>");
    let pieces = parse(&offer(), [reply.as_str()]);
    let [Piece::Call(call)] = pieces.as_slice() else { panic!("{} pieces", pieces.len()) };
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!(arguments.as_object().map(serde_json::Map::len), Some(many));
}

#[test]
fn a_long_run_of_backticks_is_text_whatever_the_slices() {
    let run = "`".repeat(200_000);
    let text = [Piece::Text(run.clone())];
    assert_eq!(parse(&offer(), [run.as_str()]), text);
    assert_eq!(parse(&offer(), characters(&run)), text);
}

#[test]
fn a_block_of_very_many_calls_is_one_broken_call() {
    let call = "{\"name\": \"no such tool\", \"arguments\": {}}\n";
    let reply = format!("<tool_call>\n{}</tool_call>", call.repeat(10_000));
    let pieces = parse(&offer(), [reply.as_str()]);
    assert!(matches!(pieces.as_slice(), [Piece::Broken { text, .. }] if *text == reply));
}

#[test]
fn several_broken_calls_in_one_block_repeat_its_text_once() {
    let call = "{\"name\": \"bash\", \"arguments\": {\"cmd\": 1}}\n";
    let reply = format!("<tool_call>\n{}</tool_call>", call.repeat(3));
    let texts: usize = parse(&offer(), [reply.as_str()])
        .iter()
        .map(|piece| match piece {
            Piece::Broken { text, .. } => text.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(texts, reply.len());
}

#[test]
fn what_takes_long_is_postponed_and_nothing_of_it_is_lost() {
    let call = json!({"name": "write_file", "arguments": {"path": "a", "content": "x".repeat(100_000)}});
    let reply = format!("<tool_call>\n{call}\n</tool_call>\n<tool_call>\n{call}\n</tool_call>");
    let (mut parser, mut pieces) = (Parser::new(offer()), Vec::new());
    parser.push(&reply, &mut pieces);
    assert!(parser.is_postponed() && pieces.is_empty());
    parser.resume(&mut pieces);
    assert!(!parser.is_postponed());
    parser.finish(&mut pieces);
    assert_eq!(pieces, parse(&offer(), characters(&reply)));
    assert!(matches!(pieces.as_slice(), [Piece::Call(_), Piece::Call(_)]));
}
