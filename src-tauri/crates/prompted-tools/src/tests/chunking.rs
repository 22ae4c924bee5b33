use proptest::prelude::*;

use super::*;

/// Arbitrary sequences of the text fragments that matter to the parser.
fn any_output() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "<tool_call>",
        "</tool_call>",
        "{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}",
        "{\"name\": \"bash\", ",
        "\"arguments\": {\"command\": \"",
        "\"}}",
        "```",
        "```json\n",
        "~~~",
        "`",
        "\n",
        "\n",
        " ",
        "Fine.",
        "For example:",
        "<function=bash>",
        "</function>",
        "<invoke name=\"bash\">",
        "</invoke>",
        "<tool_result",
        "[TOOL_CALLS]",
        "{",
        "[",
        "}",
        "<",
        "中文。",
        "🦣",
        "'",
        "\\",
        "<｜tool▁calls▁begin｜>",
    ]);
    prop::collection::vec(words, 0..24).prop_map(|words| words.concat())
}

fn slices(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut characters = text.chars();
    let mut slices: Vec<String> =
        lengths.iter().map(|length| characters.by_ref().take(*length).collect()).collect();
    slices.push(characters.collect());
    slices
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_chunking_gives_the_same_segments(
        output in any_output(), lengths in prop::collection::vec(0usize..9, 0..60),
    ) {
        let offer = tool_set();
        let whole = parse(&offer, [output.as_str()]);
        let slices = slices(&output, &lengths);
        prop_assert_eq!(&parse(&offer, slices.iter().map(String::as_str)), &whole);
        prop_assert_eq!(&parse(&offer, characters(&output)), &whole);
    }

    #[test]
    fn no_text_is_lost_where_nothing_is_called(output in any_output()) {
        let pieces = parse(&tool_set(), [output.as_str()]);
        if let [Segment::Text(text)] = pieces.as_slice() {
            prop_assert_eq!(text, &output);
        } else if pieces.is_empty() {
            prop_assert_eq!(output, "");
        } else {
            prop_assert!(pieces.iter().any(|piece| !matches!(piece, Segment::Text(_))));
        }
    }
}

#[test]
fn text_streams_at_once_and_only_a_possible_call_is_held() {
    let mut parser = CallParser::new(tool_set());
    let mut said = |text: &str| {
        let mut pieces = Vec::new();
        parser.push(text, &mut pieces);
        pieces.into_iter().fold(String::new(), |all, piece| match piece {
            Segment::Text(text) => all + &text,
            other => format!("{all}{other:?}"),
        })
    };
    assert_eq!(said("Hel"), "Hel");
    assert_eq!(said("lo <b>you</b>.\n"), "lo <b>you</b>.\n");
    assert_eq!(said("<to"), "");
    assert_eq!(said("ol> is a word\n"), "<tool> is a word\n");
    assert_eq!(said("```js"), "");
    assert_eq!(said("\nlet x = 1;\nlet"), "```js\nlet x = 1;\nlet");
    assert_eq!(said(" y;\n``"), " y;\n");
    assert_eq!(said("`\nDone.\n"), "```\nDone.\n");
    assert_eq!(said("{\"a\""), "{\"a\"");
    assert_eq!(said("\n<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}"), "\n");
    assert!(said("}\n</tool_call>").contains("get_time"));
}

#[test]
fn held_text_is_limited() {
    let offer = tool_set();
    let mut parser = CallParser::new(Arc::clone(&offer));
    let mut pieces = Vec::new();
    parser.push("<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"", &mut pieces);
    for _ in 0..20_000 {
        parser.push(&"x".repeat(500), &mut pieces);
    }
    assert!(matches!(pieces.as_slice(), [Segment::Text(_), ..]), "a call of ten megabytes is text");
    let mut parser = CallParser::new(offer);
    pieces.clear();
    parser.push(&" ".repeat(100_000), &mut pieces);
    assert!(!pieces.is_empty(), "white space alone is not held for ever");
}
