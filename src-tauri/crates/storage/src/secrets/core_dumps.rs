//! Protection of secrets from core dumps and panic messages.

use std::io::Write;
use std::panic::PanicHookInfo;

/// Disables core files, and reduces panic messages to their location, because their text can quote data.
pub fn disable_core_dumps_and_redact_panics() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // The hard limit too, so that nothing in this process can lift it again. Lowering is never refused.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    std::panic::set_hook(Box::new(|panic| {
        // Not through the log, which may be filtered or not exist yet. Without a stderr, the message is lost.
        let _ = writeln!(std::io::stderr(), "mammouth-proxy: internal error at {}", panic_location(panic));
    }));
}

fn panic_location(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}
