//! The allocator's call that returns free memory to the system.

/// Returns all free memory to the system. The allocator itself does so only during later allocations, of which there
/// may be none for hours. Takes some milliseconds; the caches of other threads stay.
#[expect(unsafe_code, reason = "the allocator's interface is C")]
pub fn release_unused() {
    // SAFETY: `mi_collect` touches only free memory, and any thread may call it at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
