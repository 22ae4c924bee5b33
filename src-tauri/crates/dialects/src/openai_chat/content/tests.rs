use super::*;

fn read(json: &str) -> Result<DecodedMessages, InvalidRequest> {
    messages(serde_json::from_str(json).unwrap())
}

#[test]
fn roles_and_contents() {
    let read = read(
        r#"[{"role":"developer","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"a\n"},{"type":"image_url","image_url":{"url":"https://e.com/x"}}]},
            {"role":"assistant","content":null}]"#,
    );
    let messages = read.unwrap().messages;
    assert_eq!(messages[0], Message { role: Role::System, parts: vec![Part::Text("be brief".into())] });
    assert_eq!(messages[1].parts.len(), 2);
    assert!(messages[2].parts.is_empty());
}

#[test]
fn calls_and_results_are_paired() {
    let read = read(
        r#"[{"role":"assistant","content":"","reasoning_content":"hm","tool_calls":[
                {"id":"c1","type":"function","function":{"name":"read","arguments":"{\"a\":1}"}},
                {"id":"c2","type":"function","function":{"name":"read","arguments":{"a":2}}},
                {"id":"c3","type":"function","function":{"name":"list","arguments":""}}]},
            {"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"two"},{"type":"image_url","image_url":"https://e.com/x"}]},
            {"role":"tool","tool_call_id":"c1","content":"one"},
            {"role":"assistant","function_call":{"name":"old","arguments":"{}"}},
            {"role":"function","name":"old","content":"was"}]"#,
    );
    let messages = read.unwrap().messages;
    let calls: Vec<(&str, &str)> = messages[0]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Call(call) => Some((call.id.as_str(), call.arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("c1", r#"{"a":1}"#), ("c2", r#"{"a":2}"#), ("c3", "{}")]);
    assert_eq!(messages[0].parts[0], Part::Reasoning("hm".into()));
    let result = |at: usize| match &messages[at].parts[0] {
        Part::Result(result) => result.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((result(1).call_id.as_str(), result(1).parts.len()), ("c2", 2));
    assert_eq!(result(2).name.as_deref(), Some("read"));
    assert_eq!((result(4).call_id.as_str(), result(4).name.as_deref()), ("call_3_0", Some("old")));
}

#[test]
fn results_with_an_id_that_no_call_has_go_to_calls_without_one() {
    let results = |json: &str| -> Vec<(String, Option<String>)> {
        let parts = read(json).unwrap().messages.into_iter().flat_map(|message| message.parts);
        let result = |part| match part {
            Part::Result(result) => Some((result.call_id, result.name)),
            _ => None,
        };
        parts.filter_map(result).collect()
    };
    let found = results(
        r#"[{"role":"assistant","tool_calls":[
                {"id":"own","function":{"name":"read","arguments":{}}},
                {"function":{"name":"list","arguments":{}}},
                {"function":{"name":"read","arguments":{}}},
                {"function":{"name":"read","arguments":{}}}]},
            {"role":"tool","tool_call_id":"a","tool_name":"read","content":"1"},
            {"role":"tool","tool_call_id":"b","content":"2"},
            {"role":"tool","tool_call_id":"c","content":"3"},
            {"role":"tool","tool_call_id":"own","content":"4"},
            {"role":"tool","tool_call_id":"d","content":"5"}]"#,
    );
    let (list, read) = (Some("list".to_owned()), Some("read".to_owned()));
    let expected =
        [("call_0_2", &read), ("call_0_1", &list), ("call_0_3", &read), ("own", &read), ("d", &None)];
    assert_eq!(found, expected.map(|(id, name)| (id.to_owned(), name.clone())));
}

#[test]
fn a_result_without_a_call_and_a_call_without_a_function_are_named() {
    let error = |json: &str| read(json).err().and_then(|invalid| invalid.param);
    assert_eq!(error(r#"[{"role":"tool","content":"x"}]"#).as_deref(), Some("messages[0].tool_call_id"));
    assert_eq!(
        error(r#"[{"role":"assistant","tool_calls":[{"id":"a"}]}]"#).as_deref(),
        Some("messages[0].tool_calls[0].function")
    );
    assert_eq!(error(r#"[{"role":"user"}]"#).as_deref(), Some("messages[0].content"));
}

#[test]
fn speaker_names_reach_the_model_and_audio_needs_the_api() {
    let named = read(r#"[{"role":"user","name":"Ada","content":"hi"}]"#).unwrap();
    assert_eq!(named.messages[0].parts, [Part::Text("Ada:".into()), Part::Text("hi".into())]);
    let spoken =
        |audio: &str| read(&format!(r#"[{{"role":"assistant","audio":{audio}}}]"#)).unwrap().needs_raw_body;
    assert!(spoken(r#"{"id":"a"}"#) && !spoken("null"));
}

#[test]
fn an_unknown_part_keeps_its_text_or_needs_the_api() {
    let part = |part: &str| read(&format!(r#"[{{"role":"user","content":[{part}]}}]"#)).unwrap();
    let known = part(r#"{"type":"new_text","text":"hi"}"#);
    assert_eq!((known.messages[0].parts.len(), known.needs_raw_body), (1, false));
    assert!(part(r#"{"type":"input_audio","input_audio":{"data":"x"}}"#).needs_raw_body);
}
