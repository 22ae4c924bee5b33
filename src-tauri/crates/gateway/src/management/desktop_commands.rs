//! Commands `window.open` and `clipboard.copy`, which need the desktop program.

use serde::Deserialize;

use super::{Control, ControlError, Page};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct OpenArgs {
    // Without one the window stays where it is.
    #[ts(optional)]
    page: Option<Page>,
    // What the desktop gave a second start of the program, for the window of the first. Pages have none.
    #[ts(skip)]
    activation_token: Option<String>,
}

/// Maximum length of an activation token, bytes. Desktops send some 40 characters.
const MAX_TOKEN_BYTES: usize = 512;

/// Whether a text can be an activation token, by which a desktop identifies one launch.
fn is_activation_token(text: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Brings the window to the front. A second start of the program and scripts use it.
pub(super) async fn open_window(control: &Control, args: OpenArgs) -> Result<(), ControlError> {
    let token = args.activation_token.filter(|token| is_activation_token(token));
    control.require_desktop()?.open_window(args.page, token);
    Ok(())
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct CopyArgs {
    text: String,
}

/// Copies text to the system's clipboard. A page in WebKit cannot access the clipboard once it has waited for a
/// response.
pub(super) async fn copy(control: &Control, args: CopyArgs) -> Result<(), ControlError> {
    control.require_desktop()?.copy(args.text).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_short_printable_text() {
        assert!(is_activation_token("gnome-shell/Mammouth Proxy/1234-0-host_TIME567"));
        assert!(is_activation_token(&"x".repeat(MAX_TOKEN_BYTES)));
        for bad in ["", "a\0b", "a\nb", "é", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(!is_activation_token(bad), "{bad:?}");
        }
    }
}
