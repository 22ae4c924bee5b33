//! Small replies that are not streamed: maximum rate, and the proxy's CPU time per request.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::machine::Cpu;
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::stats::{Samples, Spread};
use crate::tokens::ReplySpec;
use crate::wire::Wire;

/// Result for a number of connections.
#[derive(Debug)]
pub(crate) struct UnaryResult {
    pub(crate) connections: usize,
    pub(crate) direct: UnarySide,
    pub(crate) proxied: UnarySide,
    /// CPU time of the proxy per request.
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// One side of the comparison.
#[derive(Debug)]
pub(crate) struct UnarySide {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Latency in milliseconds.
    pub(crate) latency: Spread,
}

pub(crate) async fn measure(mock: &Mock, program: &Program, scale: &Profile) -> Outcome<Vec<UnaryResult>> {
    let direct = Target::direct(mock.address);
    let mut results = Vec::new();
    for connections in scale.connections {
        let (mut direct_turns, mut proxied_turns, mut cpu) =
            (UnaryTurns::default(), UnaryTurns::default(), Cpu::default());
        for _ in 0..scale.rounds {
            direct_turns.run(&direct, connections, scale.turn, program.pid).await?;
            cpu = cpu.plus(proxied_turns.run(&program.target, connections, scale.turn, program.pid).await?);
        }
        let requests = u32::try_from(proxied_turns.latency_count())?;
        results.push(UnaryResult {
            connections,
            direct: direct_turns.side(),
            proxied: proxied_turns.side(),
            user: cpu.user / requests,
            system: cpu.system / requests,
        });
    }
    Ok(results)
}

/// Requests a small reply and reads it completely.
///
/// # Errors
/// The response is not a complete 200.
pub(crate) async fn ask(wire: &mut Wire, request: &[u8]) -> Outcome<()> {
    wire.write(request).await?;
    let head = wire.head().await?.ok_or("no answer")?;
    let status = head.status();
    let body = wire.body(head.rest).await?;
    if status == 200 { Ok(()) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
}

/// The turns of one side.
#[derive(Default)]
pub(crate) struct UnaryTurns {
    latency: Samples,
    time: Duration,
}

impl UnaryTurns {
    /// One turn of one side: returns the proxy's CPU time in it.
    pub(crate) async fn run(
        &mut self,
        target: &Target,
        connections: usize,
        turn: Duration,
        proxy: u32,
    ) -> Outcome<Cpu> {
        self.run_with(target, &target.request(ReplySpec::WHOLE), connections, turn, proxy).await
    }

    /// As [`UnaryTurns::run`], with a request of one's own.
    pub(crate) async fn run_with(
        &mut self,
        target: &Target,
        request: &[u8],
        connections: usize,
        turn: Duration,
        proxy: u32,
    ) -> Outcome<Cpu> {
        let mut wires =
            futures_util::future::try_join_all((0..connections).map(|_| warm_connection(target, request)))
                .await?;
        let (began, before) = (Instant::now(), Cpu::of(proxy)?);
        let end = began + turn;
        let tasks: Vec<_> =
            wires.drain(..).map(|wire| tokio::spawn(ask_until(end, wire, request.to_vec()))).collect();
        for task in tasks {
            self.latency.append(task.await??);
        }
        self.time += began.elapsed();
        Ok(Cpu::of(proxy)?.since(before))
    }

    pub(crate) fn latency_count(&self) -> usize {
        self.latency.count()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn side(self) -> UnarySide {
        let rate = self.latency.count() as f64 / self.time.as_secs_f64();
        UnarySide { rate, latency: self.latency.middle_and_tail() }
    }
}

/// A connection that has had a response, so that neither connecting nor waking up is measured.
async fn warm_connection(target: &Target, request: &[u8]) -> Outcome<Wire> {
    let mut wire = Wire::connect(target.address).await?;
    ask(&mut wire, request).await?;
    Ok(wire)
}

async fn ask_until(end: Instant, mut wire: Wire, request: Vec<u8>) -> Outcome<Samples> {
    let mut latency = Samples::default();
    let mut asked = Instant::now();
    while asked < end {
        ask(&mut wire, &request).await?;
        let answered = Instant::now();
        latency.add(answered - asked);
        asked = answered;
    }
    Ok(latency)
}
