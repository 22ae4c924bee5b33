//! All known facts about the website's protocol, so that a change of the site is a change here or in the settings file.
//! Source: public clients' code of 2025 (Mammouth documents none of it).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::transport::challenge::CLOUDFLARE_CHALLENGE_HEADER;
use storage::config::SiteOverrides;

/// Paths, header values and names of fields of one version of the site. The default is `llms-2025`.
///
/// Every field can be overridden in the settings file; an unknown field there is a mistake and is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteProtocol {
    /// Name of the protocol, for messages.
    pub name: String,
    /// Name of the session cookie.
    pub cookie: String,
    pub origin: String,
    pub referer: String,
    /// POST: calls a model.
    pub chat_path: String,
    /// POST: uploads an image.
    pub upload_path: String,
    /// GET: the user of the session.
    pub user_path: String,
    /// GET: the used share of the quota.
    pub recent_usage_path: String,
    /// GET: the spend of the current window.
    pub current_usage_path: String,
    /// Form fields of a chat request.
    pub model_field: String,
    pub preprompt_field: String,
    pub messages_field: String,
    /// Keys of the JSON text in each `messages` part.
    pub content_key: String,
    pub images_key: String,
    pub documents_key: String,
    /// Form fields of an upload, and their values.
    pub upload_type_field: String,
    pub upload_type: String,
    pub upload_name_field: String,
    pub upload_file_field: String,
    pub upload_file_name: String,
    /// Key of the image's URL in the response to an upload.
    pub location_key: String,
    /// Spend that uses up a window's quota of the smallest plan, US cents. A constant of clients of October 2026, not
    /// documented, so that what is computed from it is an estimate.
    pub window_cents: u32,
    /// Multiples of `window_cents` by `usagePlan` in lower case; 0 for a plan without quota.
    pub plan_factors: BTreeMap<String, u32>,
}

/// Factors of the plans (clients of October 2026).
const PLAN_FACTORS: [(&str, u32); 7] = [
    ("starter", 1),
    ("standard", 3),
    ("pro", 3),
    ("expert", 10),
    ("advanced", 10),
    ("enterprise", 10),
    ("free", 0),
];

impl From<&SiteOverrides> for SiteProtocol {
    /// The built-in protocol with the user's overrides.
    fn from(overrides: &SiteOverrides) -> Self {
        let SiteOverrides {
            request_shape,
            cookie_name,
            chat_path,
            upload_path,
            user_path,
            recent_usage_path,
            current_usage_path,
            model_field,
            preprompt_field,
            messages_field,
            window_cents,
            plan_factors,
        } = overrides.clone();
        let mut protocol = Self::default();
        protocol.plan_factors.extend(plan_factors);
        Self {
            name: request_shape.unwrap_or(protocol.name),
            cookie: cookie_name.unwrap_or(protocol.cookie),
            chat_path: chat_path.unwrap_or(protocol.chat_path),
            upload_path: upload_path.unwrap_or(protocol.upload_path),
            user_path: user_path.unwrap_or(protocol.user_path),
            recent_usage_path: recent_usage_path.unwrap_or(protocol.recent_usage_path),
            current_usage_path: current_usage_path.unwrap_or(protocol.current_usage_path),
            model_field: model_field.unwrap_or(protocol.model_field),
            preprompt_field: preprompt_field.unwrap_or(protocol.preprompt_field),
            messages_field: messages_field.unwrap_or(protocol.messages_field),
            window_cents: window_cents.unwrap_or(protocol.window_cents),
            ..protocol
        }
    }
}

impl Default for SiteProtocol {
    fn default() -> Self {
        let owned = str::to_owned;
        Self {
            name: owned("llms-2025"),
            cookie: owned("auth_session"),
            origin: owned("https://mammouth.ai"),
            referer: owned("https://mammouth.ai/app/a/default"),
            chat_path: owned("/api/models/llms"),
            upload_path: owned("/api/attachments/saveFile"),
            user_path: owned("/api/login/user"),
            recent_usage_path: owned("/api/user/recentUsage"),
            current_usage_path: owned("/api/user/currentUsage"),
            model_field: owned("model"),
            preprompt_field: owned("preprompt"),
            messages_field: owned("messages"),
            content_key: owned("content"),
            images_key: owned("imagesData"),
            documents_key: owned("documentsData"),
            upload_type_field: owned("type"),
            upload_type: owned("image"),
            upload_name_field: owned("name"),
            upload_file_field: owned("file"),
            upload_file_name: owned("blob"),
            location_key: owned("location"),
            window_cents: 150,
            plan_factors: PLAN_FACTORS.map(|(plan, factor)| (owned(plan), factor)).into(),
        }
    }
}

impl SiteProtocol {
    /// Names that are quoted in a part's header. They are checked: a quote or line end would end the header early.
    pub(super) fn form_names(&self) -> [(&'static str, &str); 9] {
        [
            ("cookie", &self.cookie),
            ("model_field", &self.model_field),
            ("preprompt_field", &self.preprompt_field),
            ("messages_field", &self.messages_field),
            ("upload_type_field", &self.upload_type_field),
            ("upload_type", &self.upload_type),
            ("upload_name_field", &self.upload_name_field),
            ("upload_file_field", &self.upload_file_field),
            ("upload_file_name", &self.upload_file_name),
        ]
    }
}

/// Placeholder for an empty turn: the site rejects an empty `content`.
pub(super) const EMPTY_TURN_CONTENT: &str = ".";
/// The user turn after a conversation that ends with the assistant's.
pub(super) const CONTINUE_PROMPT: &str = "Continue.";
/// Keys of an error's text, the most specific first.
pub(super) const ERROR_MESSAGE_KEYS: [&str; 4] = ["message", "statusMessage", "detail", "error"];
/// Names of the used share of the quota, at the top or in `quota` or `usage`.
pub(super) const PERCENT_KEYS: [&str; 4] = ["percent", "percentUsed", "usagePercent", "quotaPercent"];
/// Headers of a challenge; the second is Vercel's.
pub(super) const CHALLENGE_HEADERS: [&str; 2] = [CLOUDFLARE_CHALLENGE_HEADER, "x-vercel-mitigated"];
/// Text of challenge pages beside [`CLOUDFLARE_CHALLENGE_MARKS`], in lower case.
///
/// [`CLOUDFLARE_CHALLENGE_MARKS`]: crate::transport::challenge::CLOUDFLARE_CHALLENGE_MARKS
pub(super) const MORE_CHALLENGE_MARKS: [&str; 2] = ["cf_chl", "vercel security checkpoint"];
/// Text of login pages, in lower case and without quotes.
pub(super) const LOGIN_PAGE_MARKS: [&str; 6] = [
    "type=password",
    "<title>login",
    "<title>log in",
    "<title>sign in",
    "action=/login",
    "action=/api/login",
];
/// Path segments of login pages.
pub(super) const LOGIN_PATHS: [&str; 5] = ["login", "signin", "sign-in", "log-in", "auth"];
/// Words of errors about the account's quota, in lower case.
pub(super) const LIMIT_WORDS: [&str; 6] = ["limit", "quota", "usage", "credit", "exceeded", "upgrade"];
/// Words of errors about the session, in lower case.
pub(super) const LOGIN_WORDS: [&str; 10] = [
    "unauthorized",
    "unauthorised",
    "unauthenticated",
    "not authenticated",
    "not logged in",
    "log in",
    "login",
    "sign in",
    "session expired",
    "invalid session",
];
/// Words of errors about a conversation that is too long, in lower case.
pub(super) const CONTEXT_LENGTH_WORDS: [&str; 7] = [
    "too long",
    "too large",
    "context length",
    "context window",
    "context_length",
    "maximum context",
    "prompt is too",
];
/// Words of errors about the limit of 4,000,000 characters, each together with one of the next line.
pub(super) const MAX_LENGTH_WORDS: [&str; 4] = ["maximum", "too many", "exceed", "at most"];
pub(super) const LENGTH_UNIT_WORDS: [&str; 3] = ["token", "character", "context"];
