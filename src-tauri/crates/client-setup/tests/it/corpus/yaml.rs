//! Files in YAML.

use super::Base;

const fn base(client: &'static str, text: &'static str) -> Base {
    Base { client, text }
}

pub const BASES: &[Base] = &[
    base("continue", ""),
    base("continue", "# only a comment of the user\n"),
    base("continue", "name: user\nversion: 0.0.1\nschema: v1\nmodels: []\n"),
    base("continue", "name: user\nversion: 0.0.1\nschema: v1\nmodels:\n"),
    base("continue", "name: user\nversion: 0.0.1\nschema: v1\n"),
    base(
        "continue",
        r#"name: Local Config
version: 1.0.0
schema: v1
models:
  # the user's favourite
  - name: Claude
    provider: anthropic
    model: claude-sonnet-5
    apiKey: sk-ant-user-123456 # mine
    roles: [chat, edit]

  - name: Autodetect
    provider: ollama
    model: AUTODETECT
context:
  - provider: code
  - provider: docs
"#,
    ),
    base(
        "continue",
        r#"---
name: 'user''s config'
version: "1.0.0"
schema: v1
models:
- name: Local
  provider: ollama
  model: qwen3:8b
  requestOptions: {headers: {X-User: "a: b"}}
rules:
- |
  Always answer in French.
    Indented.
- >-
  Folded
  text of the user
"#,
    ),
    base(
        "continue",
        "models: [{name: A, provider: ollama, model: user}]\nname: x\nversion: 1.0.0\nschema: v1\n",
    ),
    base(
        "continue",
        "name: x\nversion: 1.0.0\nschema: v1\nmodels:\n    -   name: wide\n        provider: openai\n        model: user\n        apiBase: http://localhost:1234/v1\nprompts:\n    -   name: p\n        prompt: |\n            hello\n\n            user\n",
    ),
    base(
        "continue",
        "name: x\nversion: 1.0.0\nschema: v1\ndefaults: &user\n  provider: openai\nmodels:\n  - <<: *user\n    name: anchored\n    model: m\n",
    ),
    base(
        "continue",
        "name: x\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: last\n    provider: openai\n    model: m\n    chatOptions:\n      baseSystemMessage: |-\n        user\n",
    ),
    base("hermes", ""),
    base(
        "hermes",
        r#"# Hermes
model:
  default: anthropic/claude-sonnet-5
  provider: openrouter
providers:
  user:
    api: https://a.example.com/v1   # at work
    key_env: WORK_KEY
terminal:
  backend: local
"#,
    ),
    base(
        "hermes",
        "model:\n  default: m\ncustom_providers:\n  - name: user\n    base_url: http://localhost:1234/v1\n    api_key: sk-other-12345678\n    api_mode: chat_completions\nagent: {max_turns: 60}\n",
    ),
    base("hermes", "model: m\nproviders: {}\n"),
    base("raycast", ""),
    base(
        "raycast",
        "providers:\n  - id: user\n    name: 'User: local'\n    base_url: http://localhost:11434/v1\n    models:\n      - id: m\n        name: M\n        context: 8192\n        abilities:\n          temperature: {supported: true}\n",
    ),
];
