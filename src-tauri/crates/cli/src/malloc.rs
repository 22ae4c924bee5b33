//! The system's own allocator, which what is not Rust uses beside ours.

/// Keeps it to one heap for all threads. It would give each its own and reserve 64 MB of addresses for it, and where
/// those are limited, too few would be left for the bodies of requests. Little is allocated there, so none waits.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no safe way to tell the C library")]
pub(super) fn use_one_arena() {
    // SAFETY: this only sets a number, before there is a second thread. A refusal leaves things as they were.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Other systems reserve little.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn use_one_arena() {}
