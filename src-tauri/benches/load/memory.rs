//! Resident memory of a fresh program: idle, after work, and per open stream.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::machine::{self, Cpu};
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::streams::first_piece;
use crate::tokens::ReplySpec;
use crate::unary::ask;
use crate::wire::Wire;

/// Number of streams opened at once; below the length of a listener's queue.
const STREAMS_PER_WAVE: usize = 50;
/// Time between the chunks of an open stream, longer than the measurements meanwhile.
const STREAM_GAP: Duration = Duration::from_secs(60);
/// Idle time before the memory is read.
const IDLE_TIME: Duration = Duration::from_secs(2);

/// Memory of the program, KB.
#[derive(Debug)]
pub(crate) struct MemoryUse {
    pub(crate) idle: u64,
    pub(crate) idle_cpu: f64,
    pub(crate) idle_files: usize,
    pub(crate) after_one: u64,
    pub(crate) open: u64,
    pub(crate) after: u64,
    pub(crate) per_stream: f64,
    /// Time until the files of disconnected clients were closed; `None` if the wait was too short.
    pub(crate) released: Option<Duration>,
}

pub(crate) async fn measure(mock: &Mock, scale: &Profile) -> Outcome<MemoryUse> {
    let program = Program::start(mock.address).await?;
    program.health().await?;
    tokio::time::sleep(IDLE_TIME / 4).await;
    let before = Cpu::of(program.pid)?;
    tokio::time::sleep(IDLE_TIME).await;
    let idle_cpu = Cpu::of(program.pid)?.since(before).total().as_secs_f64() / IDLE_TIME.as_secs_f64();
    let (idle, idle_files) = (machine::resident(program.pid)?, machine::files(program.pid)?);

    ask(&mut Wire::connect(program.target.address).await?, &program.target.request(ReplySpec::WHOLE)).await?;
    tokio::time::sleep(IDLE_TIME / 4).await;
    let (after_one, files) = (machine::resident(program.pid)?, machine::files(program.pid)?);

    let streams = open_streams(&program.target, scale.open).await?;
    let open = machine::resident(program.pid)?;
    drop(streams);
    let released = wait_for_files(files, program.pid).await?;
    let after = machine::resident(program.pid)?;
    program.stop().await?;
    #[expect(clippy::cast_precision_loss, reason = "KB and counts are far below 2^52")]
    let per_stream = open.saturating_sub(after_one) as f64 / scale.open as f64;
    Ok(MemoryUse { idle, idle_cpu, idle_files, after_one, open, after, per_stream, released })
}

/// Opens streams and reads the first chunk of each.
async fn open_streams(target: &Target, count: usize) -> Outcome<Vec<Wire>> {
    let request = target.request(ReplySpec { chunks: 2, gap: STREAM_GAP, stamped: false });
    let mut open = Vec::with_capacity(count);
    while open.len() < count {
        let wave = STREAMS_PER_WAVE.min(count - open.len());
        let opening = (0..wave).map(|_| async {
            let mut wire = Wire::connect(target.address).await?;
            first_piece(&mut wire, &request).await?;
            Outcome::Ok(wire)
        });
        open.append(&mut futures_util::future::try_join_all(opening).await?);
    }
    Ok(open)
}

/// Waits until a process has as few open files as before, apart from a few kept connections.
async fn wait_for_files(files: usize, pid: u32) -> Outcome<Option<Duration>> {
    const KEPT_CONNECTIONS: usize = 8;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if machine::files(pid)? <= files + KEPT_CONNECTIONS {
            return Ok(Some(began.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(None)
}
