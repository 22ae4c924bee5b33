//! What the process as a whole must not give away.

use std::io::Write;
use std::panic::PanicHookInfo;

/// Keeps secrets out of what a crash leaves behind: no core file is written, and a panic says where it happened and
/// not what it was about, for the text of a panic can quote the data that it stumbled over.
pub fn disable_core_dumps_and_redact_panics() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // The hard limit too, so that nothing in this process can lift it again. Lowering is never refused.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    std::panic::set_hook(Box::new(|panic| {
        // Not through the log, which may be filtered or not be there yet. Without a stderr there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "mammouth-proxy: internal error at {}", panic_location(panic));
    }));
}

fn panic_location(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}
