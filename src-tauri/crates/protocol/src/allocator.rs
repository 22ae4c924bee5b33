//! The allocator, and how memory goes back to the system at once.

/// Gives back all that is free. The allocator itself does so only beside later work, of which there may be none for hours.
/// Takes some milliseconds; what other threads keep for themselves stays with them.
#[expect(unsafe_code, reason = "the allocator's interface is C")]
pub fn release_unused() {
    // SAFETY: it touches nothing but what is free, and may be called by any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
