//! Program, session and purpose of a request, read from its headers. Only these are kept in the request log.
//! No header of a client is sent to Mammouth.

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName};
use storage::request_log::RequestOrigin;

/// Prefixes of `User-Agent`, with the id of the client as in `mammouth-proxy clients`. Those of Claude Code
/// 2.1.197, Codex 0.169.0, OpenCode 1.18.18 and Qwen Code 0.15.10 were observed; the others are from the
/// sources of the clients. Continue, pi and Copilot CLI send only the name of their library.
const PROGRAMS: [(&str, &str); 9] = [
    ("claude-cli/", CLAUDE_CODE),
    ("codex_", "codex"),
    ("codex-", "codex"),
    ("opencode/", "opencode"),
    ("QwenCode/", "qwen-code"),
    ("Zed/", "zed"),
    ("Cline/", "cline"),
    ("Kilo-Code/", "kilo-code"),
    ("GitHubCopilotChat/", "vscode"),
];

pub(super) const CLAUDE_CODE: &str = "claude-code";

/// Headers with the id of a session: Claude Code's (<https://code.claude.com/docs/en/llm-gateway-protocol>) and Codex's.
const SESSION_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-claude-code-session-id"),
    HeaderName::from_static("session_id"),
    HeaderName::from_static("session-id"),
];
const AGENT_TYPE_HEADER: HeaderName = HeaderName::from_static("x-claude-code-agent-type");
const REQUEST_CLASS_HEADER: HeaderName = HeaderName::from_static("x-claude-code-request-class");

/// The longest value of a header that is kept, bytes.
const MAX_VALUE_BYTES: usize = 128;

/// Reads the origin from the headers of a request.
pub(crate) fn request_origin(headers: &HeaderMap) -> RequestOrigin {
    let value = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty() && value.len() <= MAX_VALUE_BYTES).then(|| value.to_owned())
    };
    let [claude_code_session, other_sessions @ ..] = &SESSION_HEADERS;
    let claude_code = value(claude_code_session);
    let program = headers.get(USER_AGENT).and_then(|agent| program_name(agent.as_bytes()));
    RequestOrigin {
        program: program.or(claude_code.is_some().then_some(CLAUDE_CODE)),
        session: claude_code.or_else(|| other_sessions.iter().find_map(value)),
        agent: value(&AGENT_TYPE_HEADER),
        request_class: value(&REQUEST_CLASS_HEADER),
    }
}

/// Returns the id of a known client. The value of the header is not repeated.
fn program_name(agent: &[u8]) -> Option<&'static str> {
    PROGRAMS.iter().find(|(start, _)| agent.starts_with(start.as_bytes())).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn origin(headers: &[(&'static str, &str)]) -> RequestOrigin {
        let value = |(name, text): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(text).unwrap())
        };
        request_origin(&headers.iter().map(value).collect())
    }

    #[test]
    fn claude_code_names_its_session_agent_and_purpose() {
        let read = origin(&[
            ("user-agent", "claude-cli/2.1.280 (external, cli)"),
            ("x-claude-code-session-id", "5f0c"),
            ("x-claude-code-agent-type", "Explore"),
            ("x-claude-code-request-class", "subagent"),
            ("x-stainless-os", "Linux"),
        ]);
        let expected = RequestOrigin {
            program: Some(CLAUDE_CODE),
            session: Some("5f0c".into()),
            agent: Some("Explore".into()),
            request_class: Some("subagent".into()),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_program_is_known_by_the_beginning_of_its_user_agent() {
        for (agent, program) in [
            ("codex_cli_rs/0.140.0 (Debian 12; x86_64)", Some("codex")),
            ("Zed/0.220 (linux; x86_64)", Some("zed")),
            ("curl/8.1", None),
            ("x claude-cli/2", None),
        ] {
            assert_eq!(origin(&[("user-agent", agent)]).program, program, "{agent}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        assert_eq!(origin(&[("session_id", &"x".repeat(129))]), RequestOrigin::default());
    }
}
