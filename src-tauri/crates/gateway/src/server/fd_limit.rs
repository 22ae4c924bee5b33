//! The limit of open file descriptors, which include sockets.

/// Raises this process's soft limit of open files as far as possible without privileges, to at most 65,536. Returns the
/// resulting limit, if the system has one that can be read.
///
/// The default of a login shell or systemd is often 1,024, which is meant for programs that use `select`.
pub fn raise_fd_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        const TARGET_FDS: u64 = 65_536;
        let limit = getrlimit(Resource::Nofile);
        let target = limit.maximum.unwrap_or(TARGET_FDS).min(TARGET_FDS);
        if limit.current.is_some_and(|current| current < target) {
            // If the call fails, the old limit remains and is returned.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(target), maximum: limit.maximum });
        }
    }
    current_limit()
}

/// Descriptors that are reserved for the database, the settings, the listeners and other uses than connections.
const RESERVED_FDS: u64 = 32;
/// The divisor for the share of descriptors that connections answered with 503 may use: one in eight.
const REFUSAL_DIVISOR: u64 = 8;

/// The most open connections. Each may need a second socket for its upstream call, and descriptors must remain for the
/// database and the request log.
pub(super) fn connection_cap(max: usize) -> usize {
    current_limit().map_or(max, |limit| max.min(connections_for(limit)).max(1))
}

/// The most connections beyond the cap that are answered with 503 at the same time.
pub(super) fn refusal_cap(max: usize) -> usize {
    current_limit()
        .and_then(|limit| usize::try_from(limit / REFUSAL_DIVISOR).ok())
        .map_or(max, |cap| max.min(cap))
}

fn connections_for(limit: u64) -> usize {
    usize::try_from((limit - limit / REFUSAL_DIVISOR).saturating_sub(RESERVED_FDS) / 2).unwrap_or(usize::MAX)
}

/// Returns the soft limit of open files. It is read at each call, as an administrator may change the limit of
/// a running program.
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
