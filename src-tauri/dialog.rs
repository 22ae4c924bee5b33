//! Native dialogs for a question or a message before a window exists.

/// The title of every dialog.
#[cfg(target_os = "linux")]
const DIALOG_TITLE: &str = "Mammouth Proxy";

/// A dialog with up to two buttons.
pub(super) struct Dialog<'a> {
    pub(super) is_error: bool,
    /// The sentence at the top.
    pub(super) headline: &'a str,
    pub(super) text: &'a str,
    /// The label of the accepting button. `None` omits the button.
    pub(super) accept: Option<&'a str>,
    /// The label of the other button. Closing the dialog counts as pressing it.
    pub(super) cancel: &'a str,
}

impl Dialog<'_> {
    /// Shows the dialog and waits for the answer. Returns whether `accept` was pressed; `false` if no dialog
    /// can be shown. Call it on the main thread.
    #[cfg(target_os = "linux")]
    pub(super) fn ask(&self) -> bool {
        use gtk::prelude::{DialogExt, GtkWindowExt, MessageDialogExt};
        if super::display::init_gtk().is_err() {
            return false;
        }
        let kind = if self.is_error { gtk::MessageType::Error } else { gtk::MessageType::Question };
        let dialog = gtk::MessageDialog::new(
            None::<&gtk::Window>,
            gtk::DialogFlags::MODAL,
            kind,
            gtk::ButtonsType::None,
            self.headline,
        );
        dialog.set_title(DIALOG_TITLE);
        dialog.set_secondary_text(Some(self.text));
        dialog.add_button(self.cancel, gtk::ResponseType::Cancel);
        if let Some(accept) = self.accept {
            dialog.add_button(accept, gtk::ResponseType::Accept);
        }
        let default_response =
            if self.is_error { gtk::ResponseType::Cancel } else { gtk::ResponseType::Accept };
        dialog.set_default_response(default_response);
        let answer = dialog.run();
        dialog.close();
        while gtk::events_pending() {
            gtk::main_iteration();
        }
        answer == gtk::ResponseType::Accept
    }

    /// Shows the dialog and waits for the answer. Returns whether `accept` was pressed. Call it on the main thread.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn ask(&self) -> bool {
        use rfd::{MessageButtons, MessageDialog, MessageDialogResult, MessageLevel};
        let cancel = self.cancel.to_owned();
        let buttons = match self.accept {
            Some(accept) => MessageButtons::OkCancelCustom(accept.to_owned(), cancel),
            None => MessageButtons::OkCustom(cancel),
        };
        let answer = MessageDialog::new()
            .set_level(if self.is_error { MessageLevel::Error } else { MessageLevel::Info })
            .set_title(self.headline)
            .set_description(self.text)
            .set_buttons(buttons)
            .show();
        match (answer, self.accept) {
            (MessageDialogResult::Custom(pressed), Some(accept)) => pressed == accept,
            (MessageDialogResult::Ok, Some(_)) => true,
            _ => false,
        }
    }
}
