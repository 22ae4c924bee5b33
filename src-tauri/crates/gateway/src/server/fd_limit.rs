//! How many files may be open: sockets count among them.

/// Raises this process's limit on open files as far as it goes without special rights, at most to 65,536. Returns
/// the limit that holds now, if the system has one that can be read.
///
/// The limit that a login shell or systemd gives is often 1,024, for historical reasons that do not concern us.
pub fn raise_fd_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        const TARGET_FDS: u64 = 65_536;
        let limit = getrlimit(Resource::Nofile);
        let target = limit.maximum.unwrap_or(TARGET_FDS).min(TARGET_FDS);
        if limit.current.is_some_and(|current| current < target) {
            // A refusal leaves the old limit, which is what is returned then.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(target), maximum: limit.maximum });
        }
    }
    current_limit()
}

/// For the database, the settings, the listeners and whatever else is not a connection.
const RESERVED_FDS: u64 = 32;
/// Connections that get a 503 use at most this part of the descriptors: one in eight.
const REFUSAL_DIVISOR: u64 = 8;

/// The connections that may be open: each can need a second socket for its upstream call, and the database and the
/// journal must never be the ones without a descriptor.
pub(super) fn connection_cap(max: usize) -> usize {
    current_limit().map_or(max, |limit| max.min(connections_for(limit)).max(1))
}

/// How many connections beyond the cap can get a 503 at the same time.
pub(super) fn refusal_cap(max: usize) -> usize {
    current_limit()
        .and_then(|limit| usize::try_from(limit / REFUSAL_DIVISOR).ok())
        .map_or(max, |cap| max.min(cap))
}

fn connections_for(limit: u64) -> usize {
    usize::try_from((limit - limit / REFUSAL_DIVISOR).saturating_sub(RESERVED_FDS) / 2).unwrap_or(usize::MAX)
}

/// Asked anew each time: an administrator may change it while the program runs.
#[cfg(unix)]
fn current_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn current_limit() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn f38_connections_leave_descriptors_for_the_rest() {
        let limit = raise_fd_limit().expect("there is one");
        assert!(connection_cap(usize::MAX) as u64 <= limit / 2);
        assert_eq!(connection_cap(1), 1);
        for limit in [0, 16, 64, 256, 1024, 65_536] {
            let files = 2 * connections_for(limit) as u64 + limit / REFUSAL_DIVISOR + RESERVED_FDS;
            assert!(files <= limit.max(RESERVED_FDS + limit / REFUSAL_DIVISOR), "{files} of {limit}");
        }
        assert_eq!(connections_for(64), 12);
    }
}
