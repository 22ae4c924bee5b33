//! Files in TOML.

use super::Base;

const fn base(client: &'static str, text: &'static str) -> Base {
    Base { client, text }
}

pub const BASES: &[Base] = &[
    base("codex", ""),
    base("codex", "# my notes\nmodel = \"o-mine\"\n"),
    base("codex-app", ""),
    base("codex-app", "# nothing but a comment of the user\n"),
    base(
        "codex-app",
        r#"model = "gpt-5.5-codex"
model_reasoning_effort = "high"
personality = "pragmatic"

[projects."/home/user/work"]
trust_level = "trusted"

[tui]
notifications = true
"#,
    ),
    base(
        "codex-app",
        r#"# The user's own gateway
model = 'other' # literal
model_provider = "litellm"

[model_providers.litellm]
name = "LiteLLM"
base_url = "https://litellm.example.com/v1"
env_key = "LITELLM_KEY"
wire_api = "responses"

[mcp_servers.docs]
command = "npx"
args = ["-y", "docs-mcp"]
env = { TOKEN = "user" }
"#,
    ),
    base("codex-app", "[tui]\ntheme = \"user\"\n\n[[skills.config]]\npath = \"/x\"\nenabled = false\n"),
    base(
        "codex-app",
        "model_providers.\"user\".name = \"Dotted\"\nmodel_providers.\"user\".base_url = \"http://localhost:11434/v1\"\n",
    ),
    base(
        "codex-app",
        "model_provider = \"mammouth-proxy\"\n\n[model_providers.mammouth-proxy]\nname = \"Mine\"\nbase_url = \"http://127.0.0.1:9000/v1\"\n",
    ),
    base(
        "codex-app",
        "started = 2026-11-28T12:00:00Z\nnotice = { \"user\" = true, \"odd key\" = [1, 2.5, inf] }\n[features]\nweb_search = true",
    ),
    base(
        "codex-app",
        "\"model\" = \"quoted\"\ninstructions = \"\"\"\nuser\nmodel = \"not this\"\n\"\"\"\n[history]\npersistence = \"none\"\n",
    ),
    base("kimi-code", ""),
    base(
        "kimi-code",
        r#"default_model = "kimi-k3" # mine
default_thinking = false

[providers.moonshot]
type = "kimi"
base_url = "https://api.moonshot.ai/v1"
api_key = "sk-other-abcdefgh"

[models."kimi-k3"]
provider = "moonshot"
model = "kimi-k3"
max_context_size = 262144

# user: keep this last
[loop_control]
max_steps = 100
"#,
    ),
    base("kimi-code", "[providers]\n[models]\n[services.\"user\"]\nx = 1\n"),
    base("grok-build", "[models]\ndefault = \"grok-5\"\n\n[ui]\ntheme = \"user\"\n"),
    base(
        "grok-build",
        "[model.\"user\"]\nmodel = \"user\"\nbase_url = 'https://a.example.com/v1'\n\n\n# end\n",
    ),
    base("grok-build", "models = { default = \"grok-5\" }\n"),
];
