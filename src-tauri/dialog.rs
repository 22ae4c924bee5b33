//! A question or a message before there is a window: one dialogue, drawn by the system.

/// The title of every dialogue.
#[cfg(target_os = "linux")]
const DIALOG_TITLE: &str = "Mammouth Proxy";

/// A dialogue of two buttons.
pub(super) struct Dialog<'a> {
    pub(super) is_error: bool,
    /// The sentence on top.
    pub(super) headline: &'a str,
    pub(super) text: &'a str,
    /// `None` leaves the button out.
    pub(super) accept: Option<&'a str>,
    /// What closing the dialogue means too.
    pub(super) cancel: &'a str,
}

impl Dialog<'_> {
    /// Shows it and waits for the answer: whether `accept` was pressed. It never is where nothing can be shown. Belongs on
    /// the main thread.
    #[cfg(target_os = "linux")]
    pub(super) fn ask(&self) -> bool {
        use gtk::prelude::{DialogExt, GtkWindowExt, MessageDialogExt};
        if gtk::init().is_err() {
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

    /// Shows it and waits for the answer: whether `accept` was pressed. Belongs on the main thread.
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
