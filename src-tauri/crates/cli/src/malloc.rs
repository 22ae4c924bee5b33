//! Configuration of the C library's allocator, which C code uses.

/// Limits glibc to one heap. By default each thread gets its own and reserves 64 MB of address space, which leaves too
/// little for request bodies where address space is limited. C code allocates little, so threads do not contend.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no safe way to tell the C library")]
pub(super) fn use_one_arena() {
    // SAFETY: this only sets a number, before there is a second thread. On failure nothing is changed.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Does nothing: other systems reserve little.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn use_one_arena() {}
