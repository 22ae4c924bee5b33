//! Network, Host and Origin.

use http::HeaderValue;
use http::request::Builder;

use super::*;

#[test]
fn n01_a_foreign_host_is_rejected_on_every_route_before_the_key_is_checked() {
    for (method, path) in all_routes() {
        for key in [Some(KEY), Some(CONTROL), None] {
            let mut builder = request(method.as_str(), &path).header("host", "evil.example:3000");
            if let Some(key) = key {
                builder = builder.header("x-api-key", key);
            }
            let refused = rejection(&guard(), builder);
            assert_eq!(refused.reason, RejectReason::HostNotAllowed, "{method} {path}");
            assert!(refused.headers().is_empty(), "nothing is echoed");
        }
    }
}

#[test]
fn n02_look_alike_hosts_are_refused() {
    for host in [
        "127.0.0.1.evil.example",
        "127.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "x.localhost",
        "0.0.0.0:3000",
        "2130706433",
        "0x7f.1",
        "127.1",
        "127.0.0.01",
        "127.0.0.2",
        "[::1].evil",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "host.docker.internal",
        "localhost.",
        "127.0.0.1.",
        "local%68ost",
    ] {
        let builder = request("GET", "/healthz").header("host", host);
        assert_eq!(reject_reason(&guard(), builder), RejectReason::HostNotAllowed, "{host}");
    }
}

#[test]
fn n02_loopback_names_and_listed_names_pass_with_any_port() {
    let guard = guard_with(&["Box.lan"], &[]);
    for host in
        ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.1:65535", "box.LAN:9", "box.lan"]
    {
        let head = head(request("GET", "/healthz").header("host", host));
        assert!(guard.admit(&head).is_ok(), "{host}");
    }
    guard.set_policy(Policy::default());
    assert_eq!(
        reject_reason(&guard, request("GET", "/healthz").header("host", "box.lan")),
        RejectReason::HostNotAllowed
    );
}

#[test]
fn n03_a_missing_empty_or_second_host_is_a_bad_request_and_closes() {
    let two = |second| request("GET", "/healthz").header("host", "localhost").header("host", second);
    for (builder, reason) in [
        (request("GET", "/healthz"), BadRequestReason::HostMissing),
        (request("GET", "/healthz").version(http::Version::HTTP_10), BadRequestReason::HostMissing),
        (request("GET", "/healthz").header("host", ""), BadRequestReason::HostInvalid),
        (two("evil.example"), BadRequestReason::HostRepeated),
        (two("localhost"), BadRequestReason::HostRepeated),
    ] {
        let refused = rejection(&guard(), builder);
        assert_eq!((refused.reason.clone(), refused.close), (RejectReason::BadRequest(reason), true));
        assert_eq!(refused.headers()["connection"], "close");
    }
}

#[test]
fn n04_the_request_line_and_host_must_agree() {
    let absolute = |uri, host| request("GET", uri).header("host", host);
    for builder in [
        absolute("http://127.0.0.1:3000/healthz", "evil.example"),
        absolute("http://evil.example/healthz", "127.0.0.1:3000"),
        absolute("http://127.0.0.1:3001/healthz", "127.0.0.1:3000"),
        absolute("http://x@127.0.0.1:3000/healthz", "127.0.0.1:3000"),
        absolute("https://127.0.0.1:3000/healthz", "127.0.0.1:3000"),
    ] {
        assert_eq!(
            reject_reason(&guard(), builder),
            RejectReason::BadRequest(BadRequestReason::TargetDiffers)
        );
    }
    let path_in_host = absolute("/v1/models", "127.0.0.1:3000/healthz?x=");
    assert_eq!(
        reject_reason(&guard(), path_in_host),
        RejectReason::BadRequest(BadRequestReason::HostInvalid)
    );
    assert!(guard().admit(&head(absolute("http://LOCALHOST:3000/healthz", "localhost:3000"))).is_ok());
}

#[test]
fn n06_content_types_of_simple_cors_requests_are_rejected() {
    let post =
        |kind: &'static str| valid_request("POST", "/v1/chat/completions").header("content-type", kind);
    let page = post("text/plain").header("origin", "https://evil.example");
    assert_eq!(reject_reason(&guard(), page), RejectReason::OriginNotAllowed);
    let text = || unauthenticated_request("POST", "/v1/chat/completions").header("x-api-key", KEY);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        assert_eq!(
            reject_reason(&guard(), text().header("content-type", kind)),
            RejectReason::UnsupportedMediaType,
            "{kind}"
        );
    }
    assert_eq!(reject_reason(&guard(), text()), RejectReason::UnsupportedMediaType);
    assert_eq!(
        reject_reason(&guard(), post("application/json")),
        RejectReason::UnsupportedMediaType,
        "two content types"
    );
}

#[test]
fn n07_preflights_get_no_permission_unless_the_origin_is_listed() {
    for (_, path) in all_routes() {
        let ask = || {
            unauthenticated_request("OPTIONS", &path)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization")
                .header("access-control-request-private-network", "true")
        };
        for builder in [ask(), ask().header("origin", "https://evil.example"), ask().header("origin", "null")]
        {
            let refused = rejection(&guard(), builder);
            assert!(
                refused.headers().keys().all(|name| !name.as_str().starts_with("access-control")),
                "{path}"
            );
            assert!(
                matches!(refused.reason, RejectReason::OriginNotAllowed | RejectReason::MethodNotAllowed),
                "{path}"
            );
        }
    }
}

#[test]
fn n08_unlisted_origins_are_refused() {
    for origin in [
        "null",
        "file://",
        "http://localhost:3000",
        "http://127.0.0.1:3001",
        "http://127.0.0.1:3000",
        "chrome-extension://x",
        "vscode-webview://x",
        "http://127.0.0.1:3000.evil",
        "http://good.lan.evil",
        "https://good.lan",
        "",
    ] {
        let guard = guard_with(&["good.lan"], &["http://good.lan"]);
        let builder = valid_request("POST", "/v1/chat/completions").header("origin", origin);
        assert_eq!(reject_reason(&guard, builder), RejectReason::OriginNotAllowed, "{origin}");
    }
    let two = valid_request("GET", "/v1/models")
        .header("origin", "http://good.lan")
        .header("origin", "http://good.lan");
    assert_eq!(reject_reason(&guard_with(&[], &["http://good.lan"]), two), RejectReason::OriginNotAllowed);
}

#[test]
fn n08_a_listed_origin_is_answered_exactly_even_when_refused() {
    let guard = guard_with(&[], &["http://good.lan"]);
    let from =
        |builder: Builder| builder.header("origin", "http://good.lan").header("sec-fetch-site", "cross-site");
    let admitted = guard.admit(&head(from(valid_request("GET", "/v1/models")))).expect("admitted");
    assert_eq!(admitted.cors, Some(HeaderValue::from_static("http://good.lan")));
    let no_key = rejection(&guard, from(unauthenticated_request("GET", "/v1/models")));
    assert_eq!(no_key.reason, RejectReason::InvalidApiKey);
    assert_eq!(no_key.headers()["access-control-allow-origin"], "http://good.lan");
    assert_eq!(no_key.headers()["vary"], "Origin");
    let ask = from(unauthenticated_request("OPTIONS", "/v1/models"))
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization,x-stainless-os");
    let allowed = rejection(&guard, ask);
    assert!(matches!(allowed.reason, RejectReason::Preflight(_)));
    assert_eq!(allowed.headers()["access-control-allow-methods"], "GET");
    assert_eq!(allowed.headers()["access-control-allow-headers"], "authorization,x-stainless-os");
    assert!(!allowed.headers().contains_key("access-control-allow-private-network"));
}

#[test]
fn n08_our_own_page_may_use_control_and_nothing_else() {
    let own = |builder: Builder| {
        builder.header("origin", "http://127.0.0.1:3000").header("sec-fetch-site", "same-origin")
    };
    let control = own(unauthenticated_request("POST", "/control/status").header("x-api-key", CONTROL));
    assert_eq!(guard().admit(&head(control)).map(|admitted| admitted.caller), Ok(Caller::Control));
    assert!(guard().admit(&head(own(unauthenticated_request("GET", "/assets/a.js")))).is_ok());
    assert_eq!(
        reject_reason(&guard(), own(valid_request("GET", "/v1/models"))),
        RejectReason::OriginNotAllowed
    );
    let other_port =
        unauthenticated_request("POST", "/control/status").header("origin", "http://127.0.0.1:3001");
    assert_eq!(reject_reason(&guard(), other_port), RejectReason::OriginNotAllowed);
}

#[test]
fn n09_cross_site_requests_are_rejected() {
    for (method, path) in all_routes() {
        for site in ["cross-site", "same-site", "odd"] {
            let builder = valid_request(method.as_str(), &path).header("sec-fetch-site", site);
            let public = matches!(path.as_str(), "/" | "/healthz" | "/assets/x.js");
            let refusal = guard().admit(&head(builder)).map_err(|refused| refused.reason).err();
            assert_eq!(refusal, (!public).then_some(RejectReason::OriginNotAllowed), "{path} {site}");
        }
    }
    for site in ["none", "same-origin"] {
        assert!(
            guard().admit(&head(valid_request("GET", "/v1/models").header("sec-fetch-site", site))).is_ok()
        );
    }
}

#[test]
fn n10_other_methods_get_405_with_allow() {
    for (own, path) in all_routes() {
        for method in ["TRACE", "PUT", "FOO", "DELETE", "OPTIONS", "post"] {
            let refused = rejection(&guard(), valid_request(method, &path));
            assert_eq!(refused.reason, RejectReason::MethodNotAllowed, "{method} {path}");
            let allow = refused.headers()["allow"].to_str().expect("ascii").to_owned();
            assert!(allow.split(", ").any(|it| it == own.as_str()), "{path}: {allow}");
        }
    }
    assert_eq!(
        rejection(&guard(), unauthenticated_request("PUT", "/control/events")).allow.as_deref(),
        Some("GET, POST")
    );
    assert_eq!(
        rejection(&guard(), unauthenticated_request("PUT", "/healthz")).allow.as_deref(),
        Some("GET, HEAD")
    );
    let connect = request("CONNECT", "127.0.0.1:3000").header("host", "127.0.0.1:3000");
    assert_eq!(reject_reason(&guard(), connect), RejectReason::NotFound);
    assert!(guard().admit(&head(unauthenticated_request("HEAD", "/"))).is_ok());
    assert_eq!(reject_reason(&guard(), valid_request("HEAD", "/v1/models")), RejectReason::MethodNotAllowed);
}

#[test]
fn n10_protocol_changes_are_refused_but_an_offer_of_h2c_is_passed_over() {
    let upgrade = |method: &str, path: &str, to: &str| {
        valid_request(method, path).header("connection", "upgrade").header("upgrade", to)
    };
    for (method, path) in all_routes() {
        let refused = rejection(&guard(), upgrade(method.as_str(), &path, "websocket"));
        assert_eq!(refused.reason, RejectReason::BadRequest(BadRequestReason::Upgrade), "{path}");
    }
    for offer in ["websocket", "WebSocket", "h2c, websocket"] {
        let refused = rejection(&guard(), upgrade("GET", "/v1/responses", offer));
        assert_eq!(refused.reason, RejectReason::WebSocket, "{offer}");
        let headers = refused.headers();
        assert!(headers["upgrade"] == "HTTP/1.1" && headers["connection"] == "upgrade", "{headers:?}");
    }
    assert_eq!(reject_reason(&guard(), upgrade("GET", "/nowhere", "websocket")), RejectReason::NotFound);
    assert_eq!(
        reject_reason(&guard(), upgrade("GET", "/v1/models", "h2c, websocket")),
        RejectReason::BadRequest(BadRequestReason::Upgrade)
    );
    assert!(guard().admit(&head(upgrade("GET", "/v1/models", "h2c"))).is_ok());
}

#[test]
fn n14_forwarding_headers_change_nothing() {
    let forged = |builder: Builder| {
        let names = [
            "x-forwarded-for",
            "x-real-ip",
            "x-forwarded-host",
            "forwarded",
            "x-original-url",
            "x-rewrite-url",
        ];
        let builder = names.iter().fold(builder, |builder, name| builder.header(*name, "127.0.0.1"));
        builder.header("x-original-url", "/healthz").header("x-http-method-override", "GET")
    };
    assert_eq!(
        reject_reason(&guard(), forged(request("GET", "/v1/models").header("host", "evil.example"))),
        RejectReason::HostNotAllowed
    );
    assert_eq!(
        reject_reason(&guard(), forged(unauthenticated_request("GET", "/v1/models"))),
        RejectReason::InvalidApiKey
    );
    assert_eq!(
        reject_reason(&guard(), forged(valid_request("POST", "/v1/models"))),
        RejectReason::MethodNotAllowed
    );
    assert_eq!(
        guard().admit(&head(forged(valid_request("GET", "/v1/models")))),
        guard().admit(&head(valid_request("GET", "/v1/models")))
    );
}
