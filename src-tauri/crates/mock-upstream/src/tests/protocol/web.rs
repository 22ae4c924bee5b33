//! Rows of section 1: the web upstream.

use super::super::*;
use super::{ANY, Body, Is, Row, no_body, row};

const LIMITED: &str = "Cookie: auth_session=bob-session\r\n";
const FORM: &str = "multipart/form-data; boundary=XX";
const LLMS: &str = "POST /api/models/llms";
const SAVE: &str = "POST /api/attachments/saveFile";
const MODEL: &str = "openai-gpt-5";
const SITE_ERROR: Body = Body::Json(&[("/message", Is::Text), ("/statusMessage", Is::Text)]);
const UNKNOWN_SESSION: Body = Body::Json(&[("/statusCode", Is::Number)]);
const HTML: Body = Body::Contains(&["<!DOCTYPE html>"]);

pub(super) fn rows() -> Vec<Row> {
    [replies(), refusals(), accounts()].into_iter().flatten().collect()
}

fn replies() -> Vec<Row> {
    let out_of_order = parts(&[field("preprompt", ""), field("model", MODEL), turn("x", &[])]);
    let with_role = parts(&[
        field("model", MODEL),
        field("preprompt", ""),
        field("messages", r#"{"role":"user","content":"x","imagesData":[],"documentsData":[]}"#),
    ]);
    vec![
        row("the reply is plain text", LLMS, COOKIE, asks(MODEL, "echo: été\n"), 200, Body::Text("été\n")),
        row(
            "the system prompt may be empty",
            LLMS,
            COOKIE,
            parts(&[field("model", MODEL), field("preprompt", ""), turn("echo: x", &[])]),
            200,
            Body::Text("x"),
        ),
        row(
            "turns alternate",
            LLMS,
            COOKIE,
            (FORM, form(MODEL, &[turn("a", &[]), turn("b", &[]), turn("echo: c", &[])])),
            200,
            Body::Text("c"),
        ),
        row("the parts have one order", LLMS, COOKIE, out_of_order, 400, SITE_ERROR),
        row("no role field", LLMS, COOKIE, with_role, 400, SITE_ERROR),
        row("an empty content is refused", LLMS, COOKIE, asks(MODEL, ""), 400, SITE_ERROR),
        row(
            "some replies are in double quotes",
            LLMS,
            COOKIE,
            asks(MODEL, "sim: body=json-string\necho: a \"b\""),
            200,
            Body::Text(r#""a \"b\"""#),
        ),
        row(
            "some replies are JSON",
            LLMS,
            COOKIE,
            asks(MODEL, "sim: body=json\necho: a"),
            200,
            Body::Json(&[("/content", Is::Exactly("a"))]),
        ),
    ]
}

fn refusals() -> Vec<Row> {
    vec![
        row("403: the usage limit is reached", LLMS, LIMITED, asks(MODEL, "x"), 403, SITE_ERROR),
        row(
            "some models are not limited",
            LLMS,
            LIMITED,
            asks("openai-gpt-4o-mini", "echo: x"),
            200,
            Body::Text("x"),
        ),
        row(
            "401: the session is not valid",
            LLMS,
            "Cookie: auth_session=old\r\n",
            asks(MODEL, "x"),
            401,
            UNKNOWN_SESSION,
        ),
        row("or a redirect to a login page", LLMS, COOKIE, asks(MODEL, "sim: body=login"), 302, ANY),
        row(
            "an HTML body with 403: a challenge",
            LLMS,
            COOKIE,
            asks(MODEL, "sim: body=challenge"),
            403,
            HTML,
        ),
        row(
            "an HTML body with 503: a challenge",
            LLMS,
            COOKIE,
            asks(MODEL, "sim: status=503 body=challenge"),
            503,
            HTML,
        ),
        row(
            "429 as anywhere",
            LLMS,
            COOKIE,
            asks(MODEL, "sim: status=429 header=Retry-After:7"),
            429,
            SITE_ERROR,
        ),
        row("5xx as anywhere", LLMS, COOKIE, asks(MODEL, "sim: status=500"), 500, SITE_ERROR),
        row(
            "a lighter model may answer",
            LLMS,
            COOKIE,
            asks(MODEL, "sim: downgrade=openai-gpt-5-mini\necho: x"),
            200,
            Body::Json(&[("/model", Is::Exactly("openai-gpt-5-mini"))]),
        ),
    ]
}

fn accounts() -> Vec<Row> {
    vec![
        row(
            "saveFile gives a location",
            SAVE,
            COOKIE,
            file("image"),
            200,
            Body::Json(&[("/location", Is::Begins("http"))]),
        ),
        row("type is image", SAVE, COOKIE, file("document"), 400, SITE_ERROR),
        row("uploads need the session", SAVE, "", file("image"), 401, UNKNOWN_SESSION),
        row(
            "who is this session",
            "GET /api/login/user",
            COOKIE,
            no_body(),
            200,
            Body::Json(&[("/email", Is::Text), ("/name", Is::Text), ("/plan", Is::Missing)]),
        ),
        row("who is this session", "GET /api/login/user", "", no_body(), 401, UNKNOWN_SESSION),
        row(
            "recentUsage in the form of 2026",
            "GET /api/user/recentUsage",
            COOKIE,
            no_body(),
            200,
            Body::Json(&[
                ("/byBrand/0/brand", Is::Exactly("openai")),
                ("/byBrand/0/value", Is::Number),
                ("/usedModels", Is::List),
                ("/percent", Is::Missing),
            ]),
        ),
        row(
            "currentUsage in the form of 2026",
            "GET /api/user/currentUsage",
            COOKIE,
            no_body(),
            200,
            Body::Json(&[
                ("/currentSpendCents", Is::Number),
                ("/usagePlan", Is::Exactly("standard")),
                ("/usageCounts/prompt", Is::Number),
            ]),
        ),
    ]
}

fn asks(model: &str, message: &str) -> (&'static str, String) {
    (FORM, form(model, &[turn(message, &[])]))
}

fn parts(parts: &[String]) -> (&'static str, String) {
    (FORM, parts.concat() + "--XX--\r\n")
}

fn file(kind: &str) -> (&'static str, String) {
    let head = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\nContent-Type: image/png\r\n\r\n";
    (FORM, format!("{}{}{head}x\r\n--XX--\r\n", field("type", kind), field("name", "cat.png")))
}
