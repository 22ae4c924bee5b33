//! Process figures from the system, and limits to raise before a run.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// Minimum limit on open files: both ends of 1,000 streams, with a reserve.
const MIN_OPEN_FILES: u64 = 8_192;

/// Raises the limit on open files, which the started processes inherit.
///
/// # Errors
/// The system's hard limit is lower.
pub(crate) fn allow_many_files() -> Outcome<()> {
    let now = getrlimit(Resource::Nofile);
    let current = now.current.unwrap_or(MIN_OPEN_FILES).max(MIN_OPEN_FILES);
    setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: now.maximum })
        .map_err(|error| format!("{MIN_OPEN_FILES} open files are needed (ulimit -n): {error}").into())
}

/// CPU time of a process so far, in steps of a scheduler tick (10 ms).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Cpu {
    /// Reads the CPU time of all threads of a process, ended ones included.
    ///
    /// # Errors
    /// There is no such process.
    pub(crate) fn of(pid: u32) -> Outcome<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in brackets may hold anything; the fields after it are counted from the third.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has an unknown form")?;
        let mut fields = fields.split_ascii_whitespace().skip(11);
        let mut next = || -> Outcome<Duration> {
            let ticks: u32 = fields.next().ok_or("/proc/PID/stat is too short")?.parse()?;
            Ok(Duration::from_secs(1) * ticks / u32::try_from(rustix::param::clock_ticks_per_second())?)
        };
        Ok(Self { user: next()?, system: next()? })
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }

    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

/// Pins the main thread of a process to a core, if the machine has enough cores.
///
/// # Errors
/// There is no such process.
pub(crate) fn pin(pid: u32, core: usize) -> Outcome<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("no process id")?;
    pin_thread(Some(pid), core).map(drop)
}

/// The calling thread while it is pinned to a core. Processes that it starts meanwhile stay pinned.
pub(crate) struct PinnedThread {
    before: CpuSet,
}

impl PinnedThread {
    /// Pins the calling thread, if the machine has enough cores.
    ///
    /// # Errors
    /// The system rejects it.
    pub(crate) fn pin(core: usize) -> Outcome<Self> {
        Ok(Self { before: pin_thread(None, core)? })
    }
}

impl Drop for PinnedThread {
    fn drop(&mut self) {
        let _ = sched_setaffinity(None, &self.before);
    }
}

/// Pins a thread and returns its former set of cores.
fn pin_thread(thread: Option<Pid>, core: usize) -> Outcome<CpuSet> {
    let before = sched_getaffinity(thread)?;
    if before.is_set(core) {
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(thread, &only)?;
    }
    Ok(before)
}

/// Resident memory of a process, KB.
///
/// # Errors
/// There is no such process.
pub(crate) fn resident(pid: u32) -> Outcome<u64> {
    status_field(pid, "VmRSS:")
}

/// Peak resident memory since [`forget_peak`], KB.
///
/// # Errors
/// There is no such process.
pub(crate) fn peak(pid: u32) -> Outcome<u64> {
    status_field(pid, "VmHWM:")
}

/// Resets the peak of the resident memory.
///
/// # Errors
/// The process belongs to another user.
pub(crate) fn forget_peak(pid: u32) -> Outcome<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

fn status_field(pid: u32, name: &str) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("an unknown form of status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Open file descriptors of a process.
///
/// # Errors
/// There is no such process.
pub(crate) fn files(pid: u32) -> Outcome<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Nanoseconds of a clock that is common to all processes of the machine.
pub(crate) fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Load average over the last minute, because the work of other programs affects the figures.
pub(crate) fn busy() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Name of the processor and number of the available cores.
pub(crate) fn cores() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} cores ({})", name.map_or("unknown processor", |(_, name)| name))
}
