//! Tests of secrets typed at a terminal, with a real pseudo-terminal and the real program.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::support::{cli_with, command, simulator, stderr_text, stdout_text};

/// Both ends of a pseudo-terminal: the user's end, and the stdin of the program.
struct Terminal {
    keyboard: File,
    stdin: File,
}

impl Terminal {
    fn new() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let stdin = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        Self { keyboard: keyboard.into(), stdin: stdin.into() }
    }

    fn shows_and_edits(&self) -> bool {
        let modes = tcgetattr(&self.stdin).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Everything shown so far. A marker is written to find its end.
    fn shown(&mut self) -> Vec<u8> {
        self.stdin.write_all(b"|").unwrap();
        let mut shown = Vec::new();
        while shown.last() != Some(&b'|') {
            let mut byte = [0];
            self.keyboard.read_exact(&mut byte).unwrap();
            shown.push(byte[0]);
        }
        shown.pop();
        shown
    }
}

/// Adds an account at a terminal. Returns the exit code and the output. Checks that the input is not shown
/// and that the terminal's mode is restored.
async fn add(dir: &Path, env: &[(&str, &str)], keys: Vec<u8>) -> (Option<i32>, String) {
    let mut terminal = Terminal::new();
    assert!(terminal.shows_and_edits());
    let mut program = command(dir);
    program.args(["accounts", "add", "--accept-terms", "--label", "mine"]).envs(env.iter().copied());
    program.stdin(terminal.stdin.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.kill_on_drop(true).spawn().unwrap();
    drop(program);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Ctrl-D:") {
        assert_ne!(stderr.read_line(&mut said).await.unwrap(), 0, "{said}");
    }
    assert!(!terminal.shows_and_edits());
    let mut keyboard = terminal.keyboard.try_clone().unwrap();
    // Writing blocks until the program reads, because the input exceeds the terminal's buffer.
    let typing = std::thread::spawn(move || keyboard.write_all(&keys).unwrap());
    stderr.read_to_string(&mut said).await.unwrap();
    let ended = child.wait_with_output().await.unwrap();
    typing.join().unwrap();
    assert_eq!(String::from_utf8_lossy(&terminal.shown()), "");
    assert!(terminal.shows_and_edits());
    (ended.status.code(), said + &stdout_text(&ended))
}

#[tokio::test]
async fn u09_a_secret_typed_at_a_terminal_is_neither_shown_nor_cut() {
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let settings = "version = 1\nsecret_store = \"file\"\nsecret_key_file = \"key\"\n";
    std::fs::write(dir.path().join("settings.toml"), settings).unwrap();
    let base = simulator.base_url();
    let env = [("MAMMOUTH_WEB_URL", &*base)];
    // Several thousand bytes in one line, the session at its end.
    let pasted = format!("Cookie: other={}; auth_session={}\n", "x".repeat(7_000), simulator.cookies()[0].1);
    let (code, said) = add(dir.path(), &env, [pasted.as_bytes(), &[4]].concat()).await;
    assert!(code == Some(0) && said.contains("mine: ok, the account was added"), "{said}");
    let listed = cli_with(dir.path(), &env, &["accounts", "list"], "").await;
    assert!(stdout_text(&listed).contains("mine: ready"), "{}{}", stdout_text(&listed), stderr_text(&listed));
}

#[tokio::test]
async fn u09_ctrl_c_and_an_empty_ctrl_d_add_nothing_and_restore_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let (code, said) = add(dir.path(), &[], b"canary\x03".to_vec()).await;
    assert!(code == Some(1) && said.contains("nothing was added") && !said.contains("canary"), "{said}");
    let (code, said) = add(dir.path(), &[], vec![4]).await;
    assert_eq!(code, Some(1), "{said}");
}
