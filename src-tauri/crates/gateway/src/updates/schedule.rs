//! Schedule of the checks, and the record of the last one.

use std::path::Path;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Feed, ReleaseSource, UpdateError, VersionOffer};
use upstreams::Outbound;

/// Time between two automatic checks.
const UPDATE_CHECK_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
const UPDATE_RECORD_FILE: &str = "updates.json";
/// Largest record that is read, bytes. A larger one was not written by this program.
const MAX_RECORD_BYTES: u64 = 4096;

/// Record of the last check. It outlives a restart, so that a machine that starts often asks no more
/// than once a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateRecord {
    /// Unix milliseconds of the last check, also of one that failed.
    pub checked_ms: Option<u64>,
    /// Newest version that the feed announced then.
    pub newest: Option<String>,
}

impl UpdateRecord {
    /// Reads the record of a data directory. Empty if there is none that can be read.
    pub fn load(data_dir: &Path) -> Self {
        let file = data_dir.join(UPDATE_RECORD_FILE);
        let is_acceptable =
            std::fs::metadata(&file).is_ok_and(|facts| facts.is_file() && facts.len() <= MAX_RECORD_BYTES);
        let text = is_acceptable.then(|| std::fs::read(&file).ok()).flatten();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes the record.
    ///
    /// # Errors
    /// The data directory cannot be written.
    pub fn store(&self, data_dir: &Path) -> std::io::Result<()> {
        storage::secrets::atomic_write(&data_dir.join(UPDATE_RECORD_FILE), &serde_json::to_vec(self)?)
    }
}

/// Returns whether a check is due at `now_ms`. A last check in the future means that the clock was wrong then.
pub fn is_due(checked_ms: Option<u64>, now_ms: u64) -> bool {
    let interval = UPDATE_CHECK_INTERVAL.as_millis();
    checked_ms.is_none_or(|last| now_ms.checked_sub(last).is_none_or(|age| u128::from(age) >= interval))
}

/// Fetches the feed and records the time, also of a failure: an unreachable feed is fetched once a day too. `data_dir` is
/// `None` if nothing may be written.
///
/// # Errors
/// [`UpdateError`] of the feed or of the record.
pub async fn check_feed(
    source: &ReleaseSource,
    outbound: &Outbound,
    data_dir: Option<&Path>,
    now_ms: u64,
) -> Result<(), UpdateError> {
    let fetched = Feed::fetch(source, outbound).await;
    if let Some(data_dir) = data_dir {
        let known = UpdateRecord::load(data_dir).newest;
        let newest = fetched.as_ref().ok().map(|feed| feed.version.to_string()).or(known);
        let stored = UpdateRecord { checked_ms: Some(now_ms), newest }.store(data_dir);
        stored.map_err(|error| UpdateError::Write { what: "the time of the check", error })?;
    }
    fetched.map(drop)
}

/// Returns the announced version, if it may replace version `running`.
pub fn newer_version(record: &UpdateRecord, running: &Version) -> Option<String> {
    let version = Version::parse(record.newest.as_deref()?).ok()?;
    (super::feed::offer(&version, running) == VersionOffer::Newer).then(|| version.to_string())
}
