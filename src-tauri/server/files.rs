//! How many files may be open: sockets count among them.

/// Raises this process's limit on open files as far as it goes without special rights, at most to 65,536. Returns
/// the limit that holds now, if the system has one that can be read.
///
/// The limit that a login shell or systemd gives is often 1,024, for historical reasons that do not concern us.
pub fn raise_open_files() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        const WANTED: u64 = 65_536;
        let limit = getrlimit(Resource::Nofile);
        let goal = limit.maximum.unwrap_or(WANTED).min(WANTED);
        if limit.current.is_some_and(|current| current < goal) {
            // A refusal leaves the old limit, which is what is returned then.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(goal), maximum: limit.maximum });
        }
    }
    limit()
}

/// For the database, the settings, the listeners and whatever else is not a connection.
const KEPT: u64 = 32;
/// Those that are told that the house is full get no more than this part of the files.
const PART_TOLD: u64 = 8;

/// The connections that may be open: each can need a second socket for its upstream call, and the database and the
/// journal must never be the ones who find no room.
pub(super) fn connections_that_fit(max: usize) -> usize {
    limit().map_or(max, |limit| max.min(fit(limit)).max(1))
}

/// How many of those who find no place can be told so at the same time.
pub(super) fn refusals_that_fit(max: usize) -> usize {
    limit().and_then(|limit| usize::try_from(limit / PART_TOLD).ok()).map_or(max, |fit| max.min(fit))
}

fn fit(limit: u64) -> usize {
    usize::try_from((limit - limit / PART_TOLD).saturating_sub(KEPT) / 2).unwrap_or(usize::MAX)
}

/// Asked anew each time: an administrator may change it while the program runs.
#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn f38_connections_leave_files_for_the_rest() {
        let limit = raise_open_files().expect("there is one");
        assert!(connections_that_fit(usize::MAX) as u64 <= limit / 2);
        assert_eq!(connections_that_fit(1), 1);
        for limit in [0, 16, 64, 256, 1024, 65_536] {
            let files = 2 * fit(limit) as u64 + limit / PART_TOLD + KEPT;
            assert!(files <= limit.max(KEPT + limit / PART_TOLD), "{files} of {limit}");
        }
        assert_eq!(fit(64), 12);
    }
}
