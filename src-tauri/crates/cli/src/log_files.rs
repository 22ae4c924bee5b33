//! Log files of the desktop program: one per day, in the folder `logs` of the data directory.
//!
//! This is own code instead of `tracing-appender`, which does not set the files' mode and does not limit
//! their size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;
use storage::request_log::format_utc;
use storage::secrets::{create_private_dir, restrict_to_owner};

/// Number of daily files kept, the current one included.
pub(super) const MAX_LOG_DAYS: usize = 7;
/// Maximum size of a daily file in bytes; later lines of that day are dropped.
const MAX_LOG_FILE_BYTES: u64 = 8 * 1024 * 1024;
const FILE_PREFIX: &str = "desktop-";
const FILE_SUFFIX: &str = ".log";

/// The folder of the log files.
pub(super) fn log_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}

/// Writer of the daily log file. Lines that cannot be written are dropped.
pub(super) struct LogFiles {
    folder: PathBuf,
    current: Mutex<Option<DayFile>>,
}

struct DayFile {
    /// Date in UTC, such as `2026-03-01`.
    day: String,
    file: File,
    bytes: u64,
}

impl LogFiles {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { folder: log_folder(data_dir), current: Mutex::default() }
    }

    /// Appends to the file of the day of `now_ms`, in Unix milliseconds.
    fn append(&self, now_ms: u64, lines: &[u8]) -> io::Result<()> {
        let mut current = self.current.lock();
        let day: String = format_utc(now_ms).chars().take_while(|c| *c != ' ').collect();
        if current.as_ref().is_none_or(|open| open.day != day) {
            *current = None;
            *current = Some(self.open(day)?);
        }
        match current.as_mut() {
            Some(open) => open.append(lines),
            None => Ok(()),
        }
    }

    fn open(&self, day: String) -> io::Result<DayFile> {
        create_private_dir(&self.folder)?;
        let file = open_private(&self.folder.join(format!("{FILE_PREFIX}{day}{FILE_SUFFIX}")))?;
        let bytes = file.metadata()?.len();
        remove_oldest(&self.folder)?;
        Ok(DayFile { day, file, bytes })
    }
}

impl DayFile {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let length = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        let bytes = self.bytes.saturating_add(length);
        if bytes <= MAX_LOG_FILE_BYTES {
            self.file.write_all(lines)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl Write for &LogFiles {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        // The lines are on stderr too. A failure to write them must not add a line of its own each time.
        let _ = self.append(storage::unix_ms(SystemTime::now()), lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn remove_oldest(folder: &Path) -> io::Result<()> {
    let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with(FILE_PREFIX) && name.ends_with(FILE_SUFFIX)).collect();
    names.sort_unstable();
    let surplus = names.len().saturating_sub(MAX_LOG_DAYS);
    names.iter().take(surplus).try_for_each(|name| fs::remove_file(folder.join(name)))
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    restrict_to_owner(&mut options);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(log_folder(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_day_has_a_file_and_seven_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let files = LogFiles::new(dir.path());
        for day in 0..10 {
            files.append(day * DAY_MS, format!("day {day}\n").as_bytes()).unwrap();
        }
        files.append(9 * DAY_MS + 1, b"again\n").unwrap();
        let names = names(dir.path());
        assert_eq!(names.len(), MAX_LOG_DAYS);
        assert_eq!(names[0], "desktop-1970-01-04.log");
        let last = fs::read_to_string(log_folder(dir.path()).join("desktop-1970-01-10.log")).unwrap();
        assert_eq!(last, "day 9\nagain\n");
    }

    #[test]
    fn a_file_is_bounded_and_goes_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let line = vec![b'x'; 1024 * 1024];
        for _ in 0..20 {
            LogFiles::new(dir.path()).append(0, &line).unwrap();
        }
        let length = fs::metadata(log_folder(dir.path()).join("desktop-1970-01-01.log")).unwrap().len();
        assert_eq!(length, MAX_LOG_FILE_BYTES);
    }

    #[cfg(unix)]
    #[test]
    fn l05_log_files_are_their_owner_s_and_no_link_is_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let files = LogFiles::new(dir.path());
        files.append(0, b"line\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = log_folder(dir.path());
        assert_eq!((mode(&folder), mode(&folder.join("desktop-1970-01-01.log"))), (0o700, 0o600));
        let target = dir.path().join("target");
        fs::write(&target, "theirs").unwrap();
        symlink(&target, folder.join("desktop-1970-01-02.log")).unwrap();
        assert!(files.append(DAY_MS, b"line\n").is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    }

    #[test]
    fn an_unwritable_disk_loses_the_lines_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(log_folder(dir.path()), "a file in the way").unwrap();
        let files = LogFiles::new(dir.path());
        assert_eq!((&files).write(b"line\n").unwrap(), 5);
    }
}
