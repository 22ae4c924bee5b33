//! Clipboard access: copies text.

#[cfg(target_os = "linux")]
use tauri::AppHandle;

use super::context::DesktopContext;
use gateway::management::{ControlError, ErrorCode};

/// Copies through GTK, which keeps the text while this program runs and hands it to a clipboard manager, if there is
/// one. On Wayland the window copies, because the desktop lets no other process.
///
/// # Errors
/// `clipboard`: the program is about to end.
#[cfg(target_os = "linux")]
pub(super) async fn copy(context: &DesktopContext, text: String) -> Result<(), ControlError> {
    if context.is_on_wayland()
        && let Some(copied) = context.windows().copy(&text).await
    {
        return copied;
    }
    let put = move || {
        let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
        clipboard.set_text(&text);
        clipboard.store();
    };
    run_on_main_thread(context.app(), put).await
}

/// Copies through GTK, which keeps `owner` until another program copies something.
///
/// # Errors
/// `clipboard`: the program is about to end.
#[cfg(target_os = "linux")]
pub(super) async fn copy_as_owner(
    app: &AppHandle,
    text: String,
    owner: impl Send + 'static,
) -> Result<(), ControlError> {
    let put = move || {
        let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
        let targets = TEXT_TARGETS.map(|target| gtk::TargetEntry::new(target, gtk::TargetFlags::empty(), 0));
        clipboard.set_with_data(&targets, move |_, selection, _| {
            // Kept by the closure, and dropped with it.
            let _ = &owner;
            selection.set_text(&text);
        });
    };
    run_on_main_thread(app, put).await
}

/// The types under which programs ask for text.
#[cfg(target_os = "linux")]
const TEXT_TARGETS: [&str; 4] = ["UTF8_STRING", "text/plain;charset=utf-8", "text/plain", "STRING"];

#[cfg(target_os = "linux")]
async fn run_on_main_thread(
    app: &AppHandle,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), ControlError> {
    let (sender, done) = tokio::sync::oneshot::channel();
    app.run_on_main_thread(move || {
        work();
        // The receiver is gone if the command was cancelled.
        let _ = sender.send(());
    })
    .map_err(refused)?;
    done.await.map_err(refused)
}

/// Copies through the system's command-line program. The text goes through its standard input, where no other program
/// sees it.
///
/// # Errors
/// `clipboard`: the program cannot be started.
#[cfg(not(target_os = "linux"))]
pub(super) async fn copy(_: &DesktopContext, text: String) -> Result<(), ControlError> {
    let copied = tokio::task::spawn_blocking(move || pipe_to_clipboard_program(&text)).await;
    copied.map_err(refused)?.map_err(refused)
}

/// Creation flag that starts a console program without a console window (`CreateProcessW`).
#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

#[cfg(not(target_os = "linux"))]
fn pipe_to_clipboard_program(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let (name, arguments) = if cfg!(windows) { windows_program(text) } else { ("pbcopy", &[][..]) };
    let mut command = Command::new(name);
    command.args(arguments);
    // A program of the console would open a window for a moment.
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(format!("{name} ended with {status}"))) }
}

/// The program of Windows that copies its standard input. `clip` takes it for text in the console's code page, which is
/// right for ASCII only; PowerShell takes half a second to start.
#[cfg(any(not(target_os = "linux"), test))]
fn windows_program(text: &str) -> (&'static str, &'static [&'static str]) {
    const READ_UTF8: &str = "$in = New-Object IO.StreamReader([Console]::OpenStandardInput(), [Text.Encoding]::UTF8); \
                             Set-Clipboard -Value $in.ReadToEnd()";
    if text.is_ascii() {
        ("clip", &[])
    } else {
        ("powershell", &["-NoProfile", "-NonInteractive", "-Command", READ_UTF8])
    }
}

fn refused(error: impl std::fmt::Display) -> ControlError {
    ControlError::new(ErrorCode::Clipboard, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_windows_text_beyond_ascii_is_copied_as_utf_8() {
        assert_eq!(windows_program("sk-0123").0, "clip");
        let (program, arguments) = windows_program("C:\\Users\\André");
        assert_eq!(program, "powershell");
        assert!(arguments.last().unwrap().contains("[Text.Encoding]::UTF8"));
    }
}
