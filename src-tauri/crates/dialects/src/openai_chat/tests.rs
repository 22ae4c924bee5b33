use serde_json::json;

use super::*;
use crate::InvalidCode;

fn body(extra: &str) -> Bytes {
    format!(r#"{{"model":"gpt-4.1","messages":[{{"role":"user","content":"hi"}}]{extra}}}"#).into()
}

fn decoded(extra: &str) -> DecodedRequest {
    decode(&body(extra)).unwrap_or_else(|invalid| panic!("{extra}: {invalid}"))
}

#[test]
fn p05_wrong_values_are_named() {
    for (extra, param) in [
        (r#","stream":"yes""#, "stream"),
        (r#","max_tokens":-1"#, "max_tokens"),
        (r#","max_tokens":0"#, "max_tokens"),
        (r#","max_tokens":18446744073709551616"#, "max_tokens"),
        (r#","temperature":"hot""#, "temperature"),
        (r#","stop":5"#, "stop"),
        (r#","model":"again""#, "model"),
        (r#","n":1000000"#, "n"),
        (r#","tools":[{"type":"function"}]"#, "tools[0]"),
        (r#","tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#, "tools[0]"),
        (r#","tool_choice":{"type":"function","function":{"name":"f"}}"#, "tool_choice"),
        (r#","response_format":{"type":"grammar"}"#, "response_format"),
        (r#","parallel_tool_calls":"no""#, "parallel_tool_calls"),
    ] {
        let invalid = decode(&body(extra)).expect_err(extra);
        let expected = (InvalidCode::InvalidRequest, Some(param));
        assert_eq!((invalid.code, invalid.param.as_deref()), expected, "{extra}");
    }
    assert!(decode(&Bytes::from_static(br#"{"model":"m","messages":[]}"#)).is_err());
    assert!(decode(&Bytes::from_static(br#"{"messages":[{"role":"user","content":"x"}]}"#)).is_err());
    assert!(decode(&body(r#","temperature":1e999"#)).is_err());
    assert!(decode(&body(r#","temperature":NaN"#)).is_err());
}

#[test]
fn p17_params_that_change_the_meaning_need_the_api() {
    for (extra, param) in [
        (r#","n":2"#, "n"),
        (r#","logprobs":true"#, "logprobs"),
        (r#","top_logprobs":2"#, "top_logprobs"),
        (r#","modalities":["text","audio"]"#, "modalities"),
        (r#","audio":{"voice":"x"}"#, "audio"),
        (r#","logit_bias":{"50256":-100}"#, "logit_bias"),
        (r#","web_search_options":{}"#, "web_search_options"),
        (
            r#","tools":[{"type":"custom","custom":{"name":"f"}}],"tool_choice":{"type":"custom","custom":{"name":"f"}}"#,
            "tools",
        ),
        (r#","tools":[{"type":"custom","custom":{"name":"f"}}]"#, "tools"),
    ] {
        assert_eq!(decoded(extra).request.api_only_param, Some(param), "{extra}");
    }
    let plain = r#","n":1,"logprobs":false,"logit_bias":{},"web_search_options":null,"modalities":["text"],"tools":[],"tool_choice":"auto""#;
    assert_eq!(decoded(plain).request.api_only_param, None);
}

#[test]
fn p18_params_without_effect_are_accepted_and_named() {
    let extra = r#","temperature":0.2,"api_base":"http://evil","user":"u","tools":[],"logprobs":false,"n":1,"seed":null"#;
    let decoded = decoded(extra);
    assert_eq!(decoded.ignored, vec!["api_base", "user"]);
    assert_eq!(decoded.api_only_params, vec!["temperature"]);
    assert_eq!(decoded.request.sampling.temperature, Some(0.2));
}

#[test]
fn tools_old_and_new() {
    let tool = r#"{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}"#;
    let request =
        decoded(&format!(r#","tools":[{tool}],"tool_choice":"required","parallel_tool_calls":false"#))
            .request;
    let parameters = json!({ "type": "object" });
    let expected = Tool { name: "f".into(), description: Some("d".into()), parameters, strict: true };
    assert_eq!(
        (request.tools, request.tool_choice, request.single_tool_call),
        (vec![expected], ToolChoice::Required, true)
    );
    let old = decoded(r#","functions":[{"name":"g"}],"function_call":{"name":"g"}"#).request;
    assert_eq!((old.tools[0].name.as_str(), old.tool_choice), ("g", ToolChoice::Named("g".into())));
    assert_eq!(old.tools[0].parameters["type"], "object");
}

#[test]
fn every_way_to_set_the_reasoning_effort() {
    for (extra, expected) in [
        (r#","reasoning_effort":"high""#, Some(ReasoningEffort::High)),
        (r#","reasoning_effort":"none""#, Some(ReasoningEffort::Off)),
        (r#","reasoning_effort":"somehow""#, None),
        (r#","reasoning":{"effort":"low"}"#, Some(ReasoningEffort::Low)),
        (r#","thinking":{"type":"enabled","budget_tokens":10000}"#, Some(ReasoningEffort::Medium)),
        (r#","enable_thinking":false"#, Some(ReasoningEffort::Off)),
        ("", None),
    ] {
        assert_eq!(decoded(extra).request.effort, expected, "{extra}");
    }
}

#[test]
fn the_fields_are_kept_as_they_were_sent() {
    let fields = decoded(r#","x":[1e5, "\u00e4"]"#).request.raw_fields.unwrap();
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["model", "messages", "x"]);
    assert_eq!(fields[2].1, r#"[1e5, "\u00e4"]"#);
}
