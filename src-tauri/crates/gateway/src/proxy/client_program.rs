//! The program behind a request, by its `User-Agent`: where several programs share one key, its name does not tell.

use http::HeaderMap;
use http::header::USER_AGENT;

/// How the header begins, and the id of the client as `mammouth-proxy clients` has it. Claude Code 2.1.197, Codex 0.169.0,
/// OpenCode 1.18.18 and Qwen Code 0.15.10 were asked; the others are from their sources. Continue, pi and Copilot CLI send
/// the name of their library only.
const PROGRAMS: &[(&str, &str)] = &[
    ("claude-cli/", "claude-code"),
    ("codex_", "codex"),
    ("codex-", "codex"),
    ("opencode/", "opencode"),
    ("QwenCode/", "qwen-code"),
    ("Zed/", "zed"),
    ("Cline/", "cline"),
    ("Kilo-Code/", "kilo-code"),
    ("GitHubCopilotChat/", "vscode"),
];

/// The id of a known client. What the header says is never repeated.
pub(crate) fn client_program(headers: &HeaderMap) -> Option<&'static str> {
    let sent = headers.get(USER_AGENT)?.as_bytes();
    PROGRAMS.iter().find(|(begin, _)| sent.starts_with(begin.as_bytes())).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_the_beginning_of_its_header() {
        for (sent, id) in [
            ("claude-cli/2.1.197 (external, sdk-cli)", Some("claude-code")),
            ("codex_exec/0.169.0 (Debian 12.0.0; x86_64) unknown (codex_exec; 0.169.0)", Some("codex")),
            ("opencode/1.18.18 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14", Some("opencode")),
            ("QwenCode/0.15.10 (linux; x64)", Some("qwen-code")),
            ("OpenAI/JS 6.26.0", None),
            ("curl/8.5.0 claude-cli/", None),
        ] {
            let headers = HeaderMap::from_iter([(USER_AGENT, sent.parse().unwrap())]);
            assert_eq!(client_program(&headers), id, "{sent}");
        }
        assert_eq!(client_program(&HeaderMap::new()), None);
    }
}
