//! Shell lines that set the environment variables for this proxy.

use super::menu::ShellKind;

/// Lines with the variables that OpenAI's and Anthropic's own libraries read. Anthropic's takes its base URL without
/// `/v1`.
pub(super) fn lines(shell: ShellKind, base_url: &str, key: &str) -> String {
    let root = base_url.strip_suffix("/v1").unwrap_or(base_url);
    let variables = [
        ("OPENAI_BASE_URL", base_url),
        ("OPENAI_API_KEY", key),
        ("ANTHROPIC_BASE_URL", root),
        ("ANTHROPIC_API_KEY", key),
    ];
    variables.into_iter().map(|(name, value)| line(shell, name, value)).collect()
}

/// One line. The value is in single quotes, within which no shell expands anything: the user may choose the key.
fn line(shell: ShellKind, name: &str, value: &str) -> String {
    match shell {
        ShellKind::Posix => format!("export {name}='{}'\n", value.replace('\'', r"'\''")),
        ShellKind::Fish => {
            format!("set -gx {name} '{}'\n", value.replace('\\', r"\\").replace('\'', r"\'"))
        }
        ShellKind::PowerShell => format!("$env:{name} = '{}'\n", value.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_its_own_form() {
        let first = |shell| lines(shell, "http://127.0.0.1:3000/v1", "k").lines().next().unwrap().to_owned();
        assert_eq!(first(ShellKind::Posix), "export OPENAI_BASE_URL='http://127.0.0.1:3000/v1'");
        assert_eq!(first(ShellKind::Fish), "set -gx OPENAI_BASE_URL 'http://127.0.0.1:3000/v1'");
        assert_eq!(first(ShellKind::PowerShell), "$env:OPENAI_BASE_URL = 'http://127.0.0.1:3000/v1'");
    }

    #[test]
    fn anthropic_gets_the_address_without_v1() {
        let lines = lines(ShellKind::Posix, "http://127.0.0.1:3000/v1", "k");
        assert!(lines.contains("ANTHROPIC_BASE_URL='http://127.0.0.1:3000'\n"), "{lines}");
        assert_eq!(lines.lines().count(), 4);
    }

    #[test]
    fn a_quote_in_a_key_ends_nothing() {
        assert_eq!(line(ShellKind::Posix, "A", "x'; rm -r y"), "export A='x'\\''; rm -r y'\n");
        assert_eq!(line(ShellKind::Fish, "A", r"x\'y"), "set -gx A 'x\\\\\\'y'\n");
        assert_eq!(line(ShellKind::PowerShell, "A", "x'y"), "$env:A = 'x''y'\n");
    }
}
