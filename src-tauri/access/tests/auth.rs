//! Who presents which credential.

use http::HeaderValue;
use http::request::Builder;

use super::*;

/// A request with these credentials, and what comes of it.
fn with(headers: &[(&'static str, &[u8])]) -> Result<Admitted, Refused> {
    let add = |builder: Builder, (name, value): &(&'static str, &[u8])| {
        builder.header(*name, HeaderValue::from_bytes(value).expect("a value that hyper lets through"))
    };
    guard().admit(&head(headers.iter().fold(local("GET", "/v1/models"), add)))
}

#[test]
fn u01_every_wrong_credential_gets_the_same_refusal() {
    let plain = with(&[]).expect_err("no key");
    assert_eq!(plain.refusal, Refusal::InvalidApiKey);
    assert_eq!(plain.headers()["www-authenticate"], "Bearer");
    let good = format!("Bearer {KEY}");
    let good = good.as_bytes();
    let cases: [&[(&'static str, &[u8])]; 21] = [
        &[("authorization", b"")],
        &[("authorization", b"Bearer")],
        &[("authorization", b"Bearer ")],
        &[("authorization", b"bearer  mp-a-client-key-0123456789")],
        &[("authorization", b"Bearer\tmp-a-client-key-0123456789")],
        &[("authorization", b" Bearer mp-a-client-key-0123456789")],
        &[("authorization", b"Bearer mp-a-client-key-0123456789 ")],
        &[("authorization", b"Bearer mp-a-client-key-0123456789,")],
        &[("authorization", b"Bearer MP-A-CLIENT-KEY-0123456789")],
        &[("authorization", b"Bearer mp-a-client-k")],
        &[("authorization", b"Bearer mp-a-client-key-01234567890")],
        &[("authorization", b"mp-a-client-key-0123456789")],
        &[("authorization", b"Basic bXAtYS1jbGllbnQta2V5LTAxMjM0NTY3ODk6")],
        &[("authorization", good), ("authorization", good)],
        &[("authorization", good), ("authorization", b"Bearer x")],
        &[("authorization", good), ("x-api-key", b"other")],
        &[("authorization", b"Basic x"), ("x-api-key", KEY.as_bytes())],
        &[("x-api-key", b"")],
        &[("x-api-key", good)],
        &[("x-api-key", KEY.as_bytes()), ("x-api-key", KEY.as_bytes())],
        &[("x-api-key", CONTROL.as_bytes())],
    ];
    for headers in cases {
        assert_eq!(with(headers), Err(plain.clone()), "{:?}", headers);
    }
}

#[test]
fn u02_the_key_comes_by_two_headers_and_never_by_the_url() {
    let bearer = |scheme: &str| format!("{scheme} {KEY}").into_bytes();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(with(&[("authorization", &bearer(scheme))]).map(|it| it.caller), Ok(client()));
    }
    let key = KEY.as_bytes();
    assert_eq!(with(&[("x-api-key", key)]).map(|it| it.caller), Ok(client()));
    assert_eq!(
        with(&[("authorization", &bearer("Bearer")), ("x-api-key", key)]).map(|it| it.caller),
        Ok(client())
    );
    for name in ["api-key", "cookie", "x-goog-api-key", "proxy-authorization"] {
        assert_eq!(with(&[(name, key)]).map_err(|it| it.refusal), Err(Refusal::InvalidApiKey), "{name}");
    }
    for query in ["key", "token", "api_key", "access_token", "apikey"] {
        let builder = local("GET", &format!("/v1/models?{query}={KEY}"));
        assert_eq!(refusal(&guard(), builder), Refusal::InvalidApiKey, "{query}");
    }
}

#[test]
fn u03_each_scope_accepts_its_own_credential_only() {
    for (place, (method, path)) in every_route().into_iter().enumerate() {
        let call = |key: Option<&str>| {
            let builder = local(method.as_str(), &path).header("content-type", "application/json");
            let builder = key.into_iter().fold(builder, |builder, key| builder.header("x-api-key", key));
            guard().admit(&head(builder)).map(|admitted| admitted.caller).map_err(|refused| refused.refusal)
        };
        let answers = [call(None), call(Some("wrong")), call(Some(KEY)), call(Some(CONTROL))];
        let no = || Err(Refusal::InvalidApiKey);
        let expected = match routes()[place].scope {
            Scope::Public | Scope::SignIn => {
                [Ok(Caller::Public), Ok(Caller::Public), Ok(Caller::Public), Ok(Caller::Public)]
            }
            Scope::Client => [no(), no(), Ok(client()), no()],
            Scope::Control => [no(), no(), Err(Refusal::Forbidden), Ok(Caller::Control)],
        };
        assert_eq!(answers, expected, "{method} {path}");
    }
}

#[test]
fn u04_other_spellings_are_not_found_even_with_a_key() {
    for path in [
        "//v1/models",
        "/v1/./models",
        "/v1/models/",
        "/V1/models",
        "/v1%2fmodels",
        "/v1/models%00",
        "/ui/../admin",
        "/v1/models;x",
    ] {
        assert_eq!(refusal(&guard(), good("GET", path)), Refusal::NotFound, "{path}");
    }
}

#[test]
fn u05_odd_keys_are_wrong_keys() {
    let long = [b"Bearer ".as_slice(), &[b'a'; 60_000]].concat();
    let emoji = "Bearer 🦣".as_bytes();
    for value in
        [b"Bearer ' OR '1'='1".as_slice(), b"Bearer '--", b"Bearer %s%n", b"Bearer \xe9\xff", emoji, &long]
    {
        assert_eq!(with(&[("authorization", value)]).map_err(|it| it.refusal), Err(Refusal::InvalidApiKey));
    }
}

#[test]
fn u08_a_client_key_opens_no_control_route() {
    for (method, path) in
        [("POST", "/control/accounts.list"), ("POST", "/control/export"), ("GET", "/control/events")]
    {
        assert_eq!(refusal(&guard(), good(method, path)), Refusal::Forbidden, "{path}");
    }
}
