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
    base(
        "claude-code-vscode",
        "// the user's editor\n{\n\t\"editor.fontSize\": 14,\n\t\"[python]\": {\"editor.tabSize\": 4}, // user\n}\n",
    ),
    base(
        "claude-code-vscode",
        r#"{
  "claudeCode.environmentVariables": [
    { "name": "HTTP_PROXY", "value": "http://user:1" }, // needed at work
  ],
  "files.exclude": { "**/.git": true },
}
"#,
    ),
    base(
        "claude-code-vscode",
        "{\n  \"claudeCode.environmentVariables\": [{\"name\": \"ANTHROPIC_BASE_URL\", \"value\": \"https://a.example.com\"}]\n}",
    ),
    base("claude-desktop", ""),
    base(
        "claude-desktop",
        "{\"inferenceProvider\": \"bedrock\", \"user\": {\"region\": \"eu-central-1\"}}\n",
    ),
    base("opencode", ""),
    base("opencode", "{ \"$schema\": \"https://opencode.ai/config.json\" }\n"),
    base(
        "opencode",
        r#"{
  "$schema": "https://opencode.ai/config.json",
  // the user's local models
  "provider": {
    "ollama": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "Ollama (user)",
      "options": { "baseURL": "http://localhost:11434/v1" },
      "models": { "qwen3:8b": { "name": "Qwen 3" } },
    },
  },
  "mcp": { "docs": { "type": "remote", "url": "https://docs.example.com/mcp" } },
}
"#,
    ),
    base(
        "opencode",
        "{\"provider\":{\"user\":{}},\"model\":\"user/m\",\"agent\":{\"x\":{\"prompt\":\"a\\n\\\"b\\\" // no comment\"}}}",
    ),
    base(
        "opencode",
        r#"{
  "provider": {
    "mammouth-proxy": {
      "options": { "baseURL": "http://127.0.0.1:9999/v1", "apiKey": "{env:MINE}" },
      "models": { "user": {} }
    }
  }
}
"#,
    ),
    base("opencode", "{\n  \"provider\": {} /* user */ ,\n  \"theme\": \"user\" // last\n}\n"),
    base(
        "mammouth-code",
        "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  \"provider\": {\n    \"mammouth-ai\": { \"options\": { \"apiKey\": \"sk-user-1234567890\" } }\n  }\n}\n",
    ),
    base("mammouth-code", "/* user */ {}"),
    base("kilo-code", "{\n\n  \"provider\" :\n  {\n    \"user\" : { }\n  }\n\n}\n"),
    base("qwen-code", "{}"),
    base(
        "qwen-code",
        r#"{
  "$version": 3,
  "env": { "OTHER_KEY": "sk-other-abcdef" },
  "modelProviders": {
    "openai": [
      { "id": "user-model", "envKey": "OTHER_KEY", "baseUrl": "https://a.example.com/v1" },
      { "id": "gpt-6-sol", "envKey": "OTHER_KEY", "baseUrl": "https://b.example.com/v1" }
    ]
  },
  "security": { "auth": { "selectedType": "qwen-oauth" } },
  "model": { "name": "coder" }
}
"#,
    ),
    base(
        "qwen-code",
        "{\n  \"security\": {\n    \"auth\": {}\n  },\n  \"modelProviders\": { \"openai\": [] },\n  \"mcpServers\": { \"user\": { \"command\": \"npx\" } }\n}\n",
    ),
    base("cline", ""),
    base(
        "cline",
        r#"{
  "version": 1,
  "lastUsedProvider": "anthropic",
  "modes": { "act": { "provider": "anthropic" } },
  "providers": {
    "anthropic": {
      "settings": { "provider": "anthropic", "apiKey": "sk-ant-user-1234567890" },
      "updatedAt": "2026-10-01T08:00:00.000Z",
      "tokenSource": "manual"
    }
  }
}
"#,
    ),
    base(
        "cline",
        "{\"version\":1,\"lastUsedProvider\":\"openai-compatible\",\"modes\":{},\"providers\":{\"openai-compatible\":{\"settings\":{\"provider\":\"openai-compatible\",\"apiKey\":\"sk-former-123456\",\"baseUrl\":\"https://a.example.com/v1\",\"model\":\"m\",\"headers\":{\"X\":\"user\"}},\"updatedAt\":\"2026-10-01T08:00:00.000Z\",\"tokenSource\":\"migration\"}}}",
    ),
    base("zed", "// Zed settings\n//\n// user\n{\n  \"theme\": \"One Dark\",\n  \"vim_mode\": true,\n}\n"),
    base(
        "zed",
        r#"{
  "language_models": {
    "openai_compatible": {
      "Together": {
        "api_url": "https://api.together.xyz/v1",
        "available_models": [{ "name": "user", "max_tokens": 32768 }],
      },
    },
    "ollama": { "api_url": "http://localhost:11434" },
  },
  "buffer_font_size": 15, // user
}
"#,
    ),
    base("zed", "{\n  \"language_models\": {\n    // none yet\n  },\n  \"lsp\": { \"user\": null }\n}\n"),
    base("vscode", ""),
    base("vscode", "[]\n"),
    base(
        "vscode",
        "[\n\t{\n\t\t\"name\": \"user\",\n\t\t\"vendor\": \"customendpoint\",\n\t\t\"apiKey\": \"${input:chat.lm.secret.1a2b}\",\n\t\t\"models\": []\n\t}\n]\n",
    ),
    base(
        "vscode",
        "[{\"vendor\":\"ollama\",\"name\":\"user\",\"url\":\"http://localhost:11434\"}, 1, null, [\"odd\"]]",
    ),
    base("goose", ""),
    base(
        "crush",
        "{\n  \"$schema\": \"https://charm.land/crush.json\",\n  \"lsp\": { \"go\": { \"command\": \"gopls\" } },\n  \"providers\": { \"user\": { \"type\": \"openai\", \"api_key\": \"$OTHER\" } }\n}\n",
    ),
    base("crush", "{\"providers\": {}}"),
    base(
        "pi",
        "{ \"providers\": { \"ollama\": { \"baseUrl\": \"http://localhost:11434/v1\", \"apiKey\": \"user\", \"models\": [ { \"id\": \"m\" } ] } } }\n",
    ),
    base("pi", "{\n    \"providers\": {\n    }\n}"),
    base(
        "droid",
        r#"{
  // Factory writes this file too
  "model": "custom:user",
  "customModels": [
    { "model": "m", "displayName": "Mine", "baseUrl": "https://a.example.com/v1", "apiKey": "${OTHER}", "provider": "openai" }
  ],
  "sessionDefaultSettings": { "autonomyMode": "normal" }
}
"#,
    ),
    base("droid", "{\"enableHooks\": true, \"customModels\": [ ]}"),
    base(
        "openclaw",
        r#"// user
{
  agents: { defaults: { model: { primary: 'anthropic/claude-sonnet-5' } } },
  models: {
    mode: 'replace',
    providers: {
      local: { baseUrl: 'http://localhost:1234/v1', api: "openai-completions", models: [{ id: 'user' }] },
    },
  },
  gateway: { port: 0x4a39, timeout: +.5, max: Infinity },
}
"#,
    ),
    base("openclaw", "{ 'user': \"it's\", unquoted_key: [1, 2, ], }"),
];
