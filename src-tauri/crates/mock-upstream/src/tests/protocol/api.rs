//! Rows of section 2: the official API.

use super::{ANY, Body, Is, KEY, Row, no_body, row};

const SPENT_KEY: &str = "Authorization: Bearer sk-emil-key-0123456789\r\n";
const JSON: &str = "application/json";
const CHAT: &str = "POST /v1/chat/completions";
const EMBED: &str = "POST /v1/embeddings";
const API_ERROR: Body = Body::Json(&[
    ("/error/message", Is::Text),
    ("/error/type", Is::Text),
    ("/error/param", Is::Null),
    ("/error/code", Is::Text),
]);

pub(super) fn rows() -> Vec<Row> {
    [completions(), aliases_and_embeddings(), catalogs(), key_info(), errors()]
        .into_iter()
        .flatten()
        .collect()
}

fn completions() -> Vec<Row> {
    vec![
        row(
            "OpenAI's form",
            CHAT,
            KEY,
            chat("gpt-5", "echo: x", ""),
            200,
            Body::Json(&[
                ("/object", Is::Exactly("chat.completion")),
                ("/choices/0/message/content", Is::Exactly("x")),
                ("/choices/0/finish_reason", Is::Exactly("stop")),
                ("/usage/prompt_tokens", Is::Number),
            ]),
        ),
        row(
            "or SSE that ends in [DONE]",
            CHAT,
            KEY,
            chat("gpt-5", "echo: x", r#","stream":true"#),
            200,
            Body::Contains(&["data: {", "chat.completion.chunk", "data: [DONE]\n\n"]),
        ),
        row(
            "tools as OpenAI's",
            CHAT,
            KEY,
            chat(
                "gpt-5",
                "call: f {}",
                r#","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#,
            ),
            200,
            Body::Json(&[
                ("/choices/0/message/tool_calls/0/function/name", Is::Exactly("f")),
                ("/choices/0/finish_reason", Is::Exactly("tool_calls")),
            ]),
        ),
        row(
            "images in replies as data URLs",
            CHAT,
            KEY,
            chat("gpt-5", "image:", ""),
            200,
            Body::Json(&[(
                "/choices/0/message/images/0/image_url/url",
                Is::Begins("data:image/png;base64,"),
            )]),
        ),
        row(
            "2,048 tokens where the client names no limit",
            CHAT,
            KEY,
            chat("gpt-5", &format!("echo: {}", "x ".repeat(2_100)), ""),
            200,
            Body::Json(&[("/choices/0/finish_reason", Is::Exactly("length"))]),
        ),
    ]
}

fn aliases_and_embeddings() -> Vec<Row> {
    vec![
        row(
            "the platform's pick",
            CHAT,
            KEY,
            chat("mammouth-recommended", "echo: x", ""),
            200,
            Body::Json(&[("/choices/0/message/content", Is::Exactly("x"))]),
        ),
        row("also by this name", CHAT, KEY, chat("mammouth", "echo: x", ""), 200, ANY),
        row("and this", CHAT, KEY, chat("recommended", "echo: x", ""), 200, ANY),
        row(
            "embeddings, small",
            EMBED,
            KEY,
            embed("text-embedding-3-small"),
            200,
            Body::Json(&[("/data/1/embedding", Is::List), ("/usage/total_tokens", Is::Number)]),
        ),
        row(
            "embeddings, large",
            EMBED,
            KEY,
            embed("text-embedding-3-large"),
            200,
            Body::Json(&[("/data/0/embedding", Is::List)]),
        ),
    ]
}

fn catalogs() -> Vec<Row> {
    vec![
        row(
            "the models, with the key",
            "GET /v1/models",
            KEY,
            no_body(),
            200,
            Body::Json(&[
                ("/object", Is::Exactly("list")),
                ("/data/0/id", Is::Text),
                ("/data/0/object", Is::Exactly("model")),
            ]),
        ),
        row("the models, with the key", "GET /v1/models", "", no_body(), 401, API_ERROR),
        row(
            "the models, without a key",
            "GET /public/models",
            "",
            no_body(),
            200,
            Body::Json(&[
                ("/object", Is::Exactly("list")),
                ("/data/0/id", Is::Text),
                ("/data/0/created", Is::Number),
                ("/data/0/owned_by", Is::Text),
                ("/data/0/model_info/max_input_tokens", Is::Number),
                ("/data/0/model_info/max_output_tokens", Is::Number),
                ("/data/0/model_info/input_cost_per_token", Is::Number),
                ("/data/0/model_info/output_cost_per_token", Is::Number),
                ("/data/12/model_info", Is::Null),
            ]),
        ),
        row(
            "what is known of the models",
            "GET /public/model/info",
            "",
            no_body(),
            200,
            Body::Json(&[
                ("/data/0/model_name", Is::Text),
                ("/data/0/model_info/max_input_tokens", Is::Number),
            ]),
        ),
    ]
}

fn key_info() -> Vec<Row> {
    vec![
        row(
            "spend and budget of the key",
            "GET /key/info",
            KEY,
            no_body(),
            200,
            Body::Json(&[
                ("/key", Is::Text),
                ("/info/spend", Is::Number),
                ("/info/max_budget", Is::Number),
                ("/info/budget_reset_at", Is::Text),
            ]),
        ),
        row(
            "the same under /v1",
            "GET /v1/key/info",
            KEY,
            no_body(),
            200,
            Body::Json(&[("/info/spend", Is::Number)]),
        ),
    ]
}

fn errors() -> Vec<Row> {
    vec![
        row("400: bad parameters", CHAT, KEY, (JSON, r#"{"model":"gpt-5"}"#.to_owned()), 400, API_ERROR),
        row("400: no such model", CHAT, KEY, chat("no-such-model", "x", ""), 400, API_ERROR),
        row(
            "401: an invalid key",
            CHAT,
            "Authorization: Bearer sk-other\r\n",
            chat("gpt-5", "x", ""),
            401,
            API_ERROR,
        ),
        row("429: the rate limit", CHAT, KEY, chat("gpt-5", "sim: status=429", ""), 429, API_ERROR),
        row("500", CHAT, KEY, chat("gpt-5", "sim: status=500", ""), 500, API_ERROR),
        row("503", CHAT, KEY, chat("gpt-5", "sim: status=503", ""), 503, API_ERROR),
        row(
            "an error may be a plain string",
            CHAT,
            KEY,
            chat("gpt-5", r#"sim: status=400 text="{\"error\":\"no\"}""#, ""),
            400,
            Body::Json(&[("/error", Is::Exactly("no"))]),
        ),
        row(
            "429: a spent budget",
            CHAT,
            SPENT_KEY,
            chat("gpt-5", "x", ""),
            429,
            Body::Json(&[("/error/type", Is::Exactly("budget_exceeded"))]),
        ),
        row(
            "400 in older versions",
            CHAT,
            KEY,
            chat("gpt-5", "sim: status=400 quota", ""),
            400,
            Body::Json(&[("/error/type", Is::Exactly("budget_exceeded"))]),
        ),
    ]
}

fn chat(model: &str, message: &str, more: &str) -> (&'static str, String) {
    let messages = serde_json::json!([{"role": "user", "content": message}]);
    (JSON, format!(r#"{{"model":"{model}","messages":{messages}{more}}}"#))
}

fn embed(model: &str) -> (&'static str, String) {
    (JSON, serde_json::json!({"model": model, "input": ["a", "b"]}).to_string())
}
