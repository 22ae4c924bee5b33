//! Command `keys.issue`: a key for a short time, which is not stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::{Control, ControlError, ErrorCode};
use super::commands::validate_name;
use crate::auth::{self, KeyLifetime};
use storage::secrets::{ExposeSecret, Secret};

/// Default validity of an issued key.
pub(in crate::management) const ISSUED_KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Maximum validity of an issued key.
const MAX_ISSUED_KEY_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct IssueArgs {
    /// Name of the client in the request log.
    name: String,
    /// Validity in seconds: one day by default, 30 days at most.
    ttl_seconds: Option<u64>,
    /// Id of the process that the key ends with.
    pid: Option<u32>,
}

/// A key that expires. It also ends with the program.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct IssuedKey {
    pub key: String,
    /// End of the validity, Unix milliseconds.
    pub expires_ms: u64,
}

/// Issues a key.
pub(in crate::management) async fn issue(
    control: &Control,
    args: IssueArgs,
) -> Result<IssuedKey, ControlError> {
    validate_name(&args.name)?;
    let lifetime = args.ttl_seconds.map_or(ISSUED_KEY_LIFETIME, Duration::from_secs);
    if lifetime.is_zero() || lifetime > MAX_ISSUED_KEY_LIFETIME {
        let message = "a key is issued for one second to 30 days";
        return Err(ControlError::new(ErrorCode::BadArguments, message));
    }
    let (key, expires_ms) = issue_key(control, &args.name, lifetime, args.pid);
    Ok(IssuedKey { key: key.expose_secret().to_owned(), expires_ms })
}

/// Makes a key that is valid for `lifetime` while `process` runs. Returns it with its end, Unix milliseconds.
pub(in crate::management) fn issue_key(
    control: &Control,
    name: &str,
    lifetime: Duration,
    process: Option<u32>,
) -> (Secret, u64) {
    let key = auth::generate_key();
    let now = control.clock.now().wall;
    let until = now + lifetime;
    let lifetime = KeyLifetime { until, process };
    control.keys.keys.issue(name, auth::digest(key.expose_secret()), lifetime, now);
    (key, storage::unix_ms(until))
}
