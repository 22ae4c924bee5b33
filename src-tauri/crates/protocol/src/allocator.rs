//! The allocator's call that returns free memory to the system.

/// Returns all free memory to the system. The allocator itself does so only during later allocations, of which there
/// may be none for hours. Takes some milliseconds; the caches of other threads stay.
#[expect(unsafe_code, reason = "the allocator's interface is C")]
pub fn release_unused() {
    // SAFETY: it touches nothing but what is free, and may be called by any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
