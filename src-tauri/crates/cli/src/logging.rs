//! The program's own log: lines on stderr and, in the desktop program, in files. The filter can be changed at run time.

use std::sync::{Arc, OnceLock};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::log_files::LogFiles;
use super::{ExitError, exit};
use storage::config::Config;

/// Replaces the log filter; an invalid one is ignored.
type FilterReload = Box<dyn Fn(&str) + Send + Sync>;

/// Filter of the process's only subscriber. A second start in the process, on another port, reuses it.
static FILTER_RELOAD: OnceLock<FilterReload> = OnceLock::new();

/// Installs the subscriber. Colours are used only at a terminal.
pub(super) fn init(config: &Config, files: Option<LogFiles>) -> Result<(), ExitError> {
    if tracing::dispatcher::has_been_set() {
        return Ok(());
    }
    let filter = parse_filter(&config.log_filter)
        .map_err(|_| ExitError::new(exit::USAGE, "LOG is not a valid log filter"))?;
    let writer = match files {
        Some(files) => BoxMakeWriter::new(std::io::stderr.and(Arc::new(files))),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let lines = tracing_subscriber::fmt()
        .with_writer(writer)
        // The error would be printed to the stderr that just failed, by a macro that then panics.
        .log_internal_errors(false)
        .with_ansi(false)
        .with_env_filter(filter)
        .with_filter_reloading();
    let handle = lines.reload_handle();
    lines.finish().try_init().map_err(|error| ExitError::failed(format!("cannot write a log: {error}")))?;
    let reload = move |text: &str| {
        // The settings let nothing else through, and the subscriber lives as long as the process.
        let _ = parse_filter(text).map(|filter| handle.reload(filter));
    };
    FILTER_RELOAD.get_or_init(|| Box::new(reload));
    Ok(())
}

/// Installs the subscriber of the window process, which writes warnings to stderr.
#[cfg(target_os = "linux")]
pub(super) fn init_for_windows() {
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN);
    // An error means that there is a subscriber already.
    let _ = lines.finish().try_init();
}

/// Replaces the filter.
pub(super) fn set_filter(filter: &str) {
    if let Some(change) = FILTER_RELOAD.get() {
        change(filter);
    }
}

/// Parses a log filter. `mammouth_proxy` stands for all crates of the workspace.
fn parse_filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(text.replace("mammouth_proxy", "mammouth"))
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_programs_name_stands_for_its_crates() {
        let filter = parse_filter("warn,mammouth_proxy=debug").unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter), || {
            assert!(tracing::enabled!(target: "mammouth_gateway::proxy", tracing::Level::DEBUG));
            assert!(!tracing::enabled!(target: "hyper", tracing::Level::DEBUG));
        });
    }
}
