//! The port is taken when the program starts: a choice, not an error that nobody sees.

use super::dialog::Dialog;
use super::i18n::{Language, fill};

/// Asks whether to serve on another port this time. `why` says who has the wanted one, where the system tells. Belongs on
/// the main thread.
pub fn confirm_other_port(why: &str, free: u16) -> bool {
    let strings = Language::from_setting("auto").strings();
    let accept = fill(strings.use_port, &[&free.to_string()]);
    let (text, accept) = (strings.port_taken, Some(accept.as_str()));
    Dialog { is_error: false, headline: why, text, accept, cancel: strings.quit }.ask()
}
