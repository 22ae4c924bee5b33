//! A clock of the program that the test sets (libfaketime), so that minutes and days pass at once.

use std::path::PathBuf;

use super::{Options, Program};

/// A clock that shows the real time plus an offset.
pub struct Clock {
    dir: tempfile::TempDir,
    library: PathBuf,
    steady_too: bool,
}

impl Clock {
    /// A clock of which only the time of day changes, as when the user sets the clock.
    pub fn wall_clock() -> Self {
        Self::new(false)
    }

    /// A clock that changes the timers too, as when the machine was suspended.
    pub fn all_clocks() -> Self {
        Self::new(true)
    }

    fn new(steady_too: bool) -> Self {
        let folders = std::fs::read_dir("/usr/lib").expect("a folder").flatten();
        let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let library =
            libraries.find(|path| path.is_file()).expect("faketime is installed (script/setup test)");
        let clock = Self { dir: tempfile::tempdir().expect("a folder"), library, steady_too };
        clock.set_offset(0);
        clock
    }

    /// Options of a program that uses this clock.
    pub fn options(&self) -> Options {
        let options = Options::default()
            .env("LD_PRELOAD", self.library.to_str().expect("UTF-8"))
            .env("FAKETIME_TIMESTAMP_FILE", self.file().to_str().expect("UTF-8"))
            .env("FAKETIME_NO_CACHE", "1");
        if self.steady_too { options } else { options.env("DONT_FAKE_MONOTONIC", "1") }
    }

    /// Sets the offset from the real time, seconds.
    pub fn set_offset(&self, seconds: i64) {
        let new = self.dir.path().join("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("written");
        std::fs::rename(new, self.file()).expect("renamed");
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("added")
    }
}

impl Program {
    /// Sends a request, because the runtime reads the clock only on an event.
    pub async fn wake_runtime(&self) {
        assert_eq!(self.get("/healthz").await.status, 200);
    }
}
