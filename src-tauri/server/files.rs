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

/// The connections that may be open: each can need a second socket for its upstream call, and the database and the
/// journal must never be the ones who find no room.
pub(super) fn connections_that_fit(max: usize) -> usize {
    let half = limit().and_then(|limit| usize::try_from(limit / 2).ok());
    half.map_or(max, |half| max.min(half).max(1))
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
    }
}
