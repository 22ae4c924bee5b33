//! `overview`: how the last hour went, and what today used.

use serde::{Deserialize, Serialize};

use super::log::blocking;
use super::{Control, ControlError, Nothing};
use crate::journal::{Minute, Query, Record, Sums};

/// A failed request, as short as it can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ErrorLine {
    pub time_ms: u64,
    pub code: String,
    pub model: String,
    pub account: Option<String>,
    pub request_id: String,
    /// What to do about it.
    pub advice: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Overview {
    /// The last 60, the oldest first.
    pub minutes: Vec<Minute>,
    /// Since midnight UTC.
    pub today: Sums,
    /// The newest first.
    pub last_errors: Vec<ErrorLine>,
}

/// Failed requests that are shown.
const ERRORS: usize = 5;

pub(super) async fn overview(control: &Control, _: Nothing) -> Result<Overview, ControlError> {
    let journal = control.journal.clone();
    blocking(move || {
        let failed = Query { failed_only: true, limit: ERRORS, ..Query::default() };
        Ok(Overview {
            minutes: journal.minutes(),
            today: journal.today(),
            last_errors: journal.latest(&failed)?.iter().map(error_line).collect(),
        })
    })
    .await
}

pub(super) fn error_line(record: &Record) -> ErrorLine {
    let code = record.code.as_deref().unwrap_or(if record.interrupted { "stream_interrupted" } else { "" });
    ErrorLine {
        time_ms: record.time_ms,
        code: code.to_owned(),
        model: record.model_asked.clone(),
        account: record.account.clone(),
        request_id: record.request_id.clone(),
        advice: advice(code).to_owned(),
    }
}

/// What the user can do about an error of this code.
fn advice(code: &str) -> &'static str {
    match code {
        "invalid_api_key" => "Give the client the key that is shown under Clients.",
        "host_not_allowed" => "Add this host name under Settings if you trust it.",
        "origin_not_allowed" => "Add this page's origin under Settings if you trust it.",
        "insufficient_quota" => "Wait for the reset, add another account, or choose a lighter model.",
        "rate_limit_exceeded" => "Wait a little; the proxy goes on by itself.",
        "client_limit" => "This client has reached the limit that you set for its key.",
        "no_account" => "Add an account.",
        "account_login_required" => "Sign in again.",
        "upstream_challenge" => "Open mammouth.ai in your browser once, then try again.",
        "upstream_unreachable" | "upstream_timeout" => "Look at the network connection.",
        "upstream_tls_error" => "Look at this machine's clock and at programs that open TLS.",
        "context_length_exceeded" => "Begin a new conversation, or send less.",
        "invalid_image" => "Send a PNG, JPEG, GIF or WebP image of up to 20 MB.",
        "client_closed" => "The client left before the answer was complete.",
        "overloaded" => "The proxy was stopped, stopping, or had too much to do: try again.",
        "starting" => "Try again in some seconds.",
        _ => "The request's detail says more.",
    }
}
