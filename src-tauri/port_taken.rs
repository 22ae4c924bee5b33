//! Dialog for a port that is taken at the start, which offers another port.

use super::dialog::Dialog;
use super::i18n::{Language, fill};

/// Asks whether to use another port for this run. `why` names the program that holds the port, if the system reveals
/// it. Call it on the main thread.
pub fn confirm_other_port(why: &str, free: u16) -> bool {
    let strings = Language::from_setting("auto").strings();
    let accept = fill(strings.use_port, &[&free.to_string()]);
    let (text, accept) = (strings.port_taken, Some(accept.as_str()));
    Dialog { is_error: false, headline: why, text, accept, cancel: strings.quit }.ask()
}
