//! The port is taken when the program starts: a choice, not an error that nobody sees.

#[cfg(target_os = "linux")]
use super::words::{Language, fill};

/// Asks whether to serve on another port this time. `why` says who has the wanted one, where the system tells. Belongs on
/// the main thread.
#[cfg(target_os = "linux")]
pub fn ask_for_another_port(why: &str, free: u16) -> bool {
    use gtk::prelude::{DialogExt, GtkWindowExt, MessageDialogExt};
    if gtk::init().is_err() {
        return false;
    }
    let words = Language::of_setting("auto").words();
    let dialog = gtk::MessageDialog::new(
        None::<&gtk::Window>,
        gtk::DialogFlags::MODAL,
        gtk::MessageType::Question,
        gtk::ButtonsType::None,
        why,
    );
    dialog.set_title("Mammouth Proxy");
    dialog.set_secondary_text(Some(words.port_taken));
    dialog.add_button(words.quit, gtk::ResponseType::Cancel);
    dialog.add_button(&fill(words.use_port, &[&free.to_string()]), gtk::ResponseType::Accept);
    dialog.set_default_response(gtk::ResponseType::Accept);
    let answer = dialog.run();
    dialog.close();
    while gtk::events_pending() {
        gtk::main_iteration();
    }
    answer == gtk::ResponseType::Accept
}

/// Takes the other port; the notification says so.
#[cfg(not(target_os = "linux"))]
pub fn ask_for_another_port(_: &str, _: u16) -> bool {
    true
}
