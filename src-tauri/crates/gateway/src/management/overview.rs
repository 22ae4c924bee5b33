//! Command `overview`: requests of the last hour, and usage of the day.

use serde::{Deserialize, Serialize};

use super::log::run_blocking;
use super::{Control, ControlError, NoArgs};
use crate::auth::RejectionCount;
use storage::request_log::{Minute, Query, RequestErrorCode, RequestRecord, Totals};

/// Summary of a failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct ErrorLine {
    pub time_ms: u64,
    pub code: String,
    /// Error message that the client received, in English.
    #[serde(default)]
    pub message: Option<String>,
    pub model: String,
    pub account: Option<String>,
    pub request_id: String,
}

/// Result of the command `overview`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Overview {
    /// The last 60 minutes, the oldest first.
    pub minutes: Vec<Minute>,
    /// Totals since midnight UTC.
    pub today: Totals,
    /// The latest failed requests, the newest first.
    pub last_errors: Vec<ErrorLine>,
    /// Requests that were rejected since the start, by reason, the latest first. They are not in the request
    /// log.
    #[serde(default)]
    pub turned_away: Vec<RejectionLine>,
}

/// Requests that were rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct RejectionLine {
    pub code: String,
    pub count: u64,
    /// Time of the latest rejection, Unix milliseconds.
    pub last_ms: u64,
}

/// Maximum number of failed requests that are shown.
const MAX_LAST_ERRORS: usize = 5;

pub(super) async fn overview(control: &Control, _: NoArgs) -> Result<Overview, ControlError> {
    let journal = control.journal.clone();
    let turned_away = control.rejection_counts().into_iter().map(rejection_line).collect();
    run_blocking(move || {
        let failed = Query { failed_only: true, limit: MAX_LAST_ERRORS, ..Query::default() };
        Ok(Overview {
            minutes: journal.last_hour(),
            today: journal.usage_today(),
            last_errors: journal.latest(&failed)?.iter().map(error_line).collect(),
            turned_away,
        })
    })
    .await
}

fn rejection_line(kind: RejectionCount) -> RejectionLine {
    let RejectionCount { code, count, last } = kind;
    RejectionLine { code: code.name().to_owned(), count, last_ms: storage::unix_ms(last) }
}

pub(super) fn error_line(record: &RequestRecord) -> ErrorLine {
    let code = record.code.as_deref().unwrap_or(if record.interrupted {
        RequestErrorCode::StreamInterrupted.name()
    } else {
        ""
    });
    ErrorLine {
        time_ms: record.time_ms,
        code: code.to_owned(),
        message: record.message.clone(),
        model: record.model_asked.clone(),
        account: record.account.clone(),
        request_id: record.request_id.clone(),
    }
}
