//! Files in JSON, JSON with comments and JSON5.

use super::Base;

const fn base(client: &'static str, text: &'static str) -> Base {
    Base { client, text }
}

pub const BASES: &[Base] = &[
    base("claude-code", ""),
    base("claude-code", "{}\n"),
    base("claude-code", "{\n}\n"),
    base("claude-code", r#"{"env":{"user":"1"},"permissions":{"allow":["Bash(git:*)"]}}"#),
    base(
        "claude-code",
        r#"{
  "model": "opus",
  "permissions": {
    "allow": ["Bash(npm run test:*)", "Read(~/.zshrc)"],
    "deny": []
  },
  "hooks": {
    "PreToolUse": [{ "matcher": "Bash", "hooks": [{ "type": "command", "command": "echo user" }] }]
  }
}
"#,
    ),
    base(
        "claude-code",
        r#"{
  "env": {
    "ANTHROPIC_BASE_URL": "https://gateway.example.com/a",
    "ANTHROPIC_AUTH_TOKEN": "sk-other-1234567890",
    "ANTHROPIC_MODEL": "deepseek-v4"
  },
  "feedbackSurveyState": { "lastShownTime": 1754000000000 }
}
"#,
    ),
    base(
        "claude-code",
        r#"{
  "env": {
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
    "ANTHROPIC_AUTH_TOKEN": "mp-0123456789abcdefghijklmnop"
  }
}
"#,
    ),
    base(
        "claude-code",
        "{\n  \"env\": {},\n  \"statusLine\": {\"type\": \"command\", \"command\": \"user\"}\n}\n",
    ),
    base(
        "claude-code",
        "{\n  \"env\" : { \"A\" : \"1\" } ,\n\n  \"odd\" : [ null, 1e3, -0.5, {\"user\": []} ] }\n",
    ),
];
