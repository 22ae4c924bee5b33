//! Reads a secret from stdin. At a terminal it is not echoed, nor cut at the 4,095 bytes of a terminal's line.

use std::io::{self, Read};

/// Maximum size of a secret in bytes: the export of a browser extension holds many cookies.
const MAX_SECRET_BYTES: usize = 128 * 1024;

/// Reads a secret to the end of stdin; at a terminal, to Ctrl-D. `prompt` is called once echo is off.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] after Ctrl-C at a terminal, [`io::ErrorKind::InvalidData`] for invalid UTF-8, and any
/// failure to read. The terminal's mode is restored.
pub(super) fn read_secret(prompt: impl FnOnce()) -> io::Result<String> {
    #[cfg(unix)]
    if io::IsTerminal::is_terminal(&io::stdin()) {
        let hidden = terminal::HiddenInput::new(io::stdin())?;
        prompt();
        let typed = read_typed(io::stdin().lock());
        drop(hidden);
        return typed;
    }
    prompt();
    let mut secret = String::new();
    io::stdin().lock().take(MAX_SECRET_BYTES as u64).read_to_string(&mut secret)?;
    Ok(secret)
}

/// Reads from a terminal in raw mode.
#[cfg(any(unix, test))]
fn read_typed(keys: impl Read) -> io::Result<String> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    const CTRL_U: u8 = 21;
    const BACKSPACES: [u8; 2] = [8, 127];
    let mut secret = Vec::new();
    for key in io::BufReader::new(keys).bytes() {
        match key? {
            CTRL_C => return Err(io::ErrorKind::Interrupted.into()),
            CTRL_D => break,
            CTRL_U => secret.clear(),
            key if BACKSPACES.contains(&key) => drop(secret.pop()),
            key if secret.len() < MAX_SECRET_BYTES => secret.push(key),
            _ => {}
        }
    }
    String::from_utf8(secret).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(unix)]
mod terminal {
    use std::io;
    use std::os::fd::AsFd;

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// Guard of a terminal in raw mode without echo. Dropping it restores the mode.
    pub(super) struct HiddenInput<T: AsFd> {
        terminal: T,
        before: Termios,
    }

    impl<T: AsFd> HiddenInput<T> {
        /// Sets the mode. Signals are off too, so that Ctrl-C arrives as a key and the mode is restored.
        pub(super) fn new(terminal: T) -> io::Result<Self> {
            let before = tcgetattr(&terminal)?;
            let mut modes = before.clone();
            modes.local_modes.remove(
                LocalModes::ECHO
                    | LocalModes::ECHONL
                    | LocalModes::ICANON
                    | LocalModes::ISIG
                    | LocalModes::IEXTEN,
            );
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&terminal, OptionalActions::Now, &modes)?;
            Ok(Self { terminal, before })
        }
    }

    impl<T: AsFd> Drop for HiddenInput<T> {
        fn drop(&mut self) {
            // A closed terminal needs no restoring.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_ends_with_ctrl_d_and_can_be_corrected() {
        for (keys, secret) in [
            ("abc\u{4}ignored", "abc"),
            ("line 1\nline 2\n\u{4}", "line 1\nline 2\n"),
            ("wrong\u{15}abd\u{7f}c\u{4}", "abc"),
            ("\u{7f}a\u{8}", ""),
        ] {
            assert_eq!(read_typed(keys.as_bytes()).unwrap(), secret);
        }
        assert_eq!(read_typed(&b"abc\x03"[..]).unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(read_typed(&b"\xff\x04"[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let long = "x".repeat(MAX_SECRET_BYTES + 1);
        assert_eq!(read_typed(long.as_bytes()).unwrap().len(), MAX_SECRET_BYTES);
    }
}
