//! Small replies that are not streamed: as many as go through, and the CPU time that each costs the proxy.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::machine::Cpu;
use crate::mock::Mock;
use crate::profile::Scale;
use crate::program::{Program, Target};
use crate::stats::{Samples, Spread};
use crate::tokens::Wish;
use crate::wire::Wire;

/// What a number of connections got through.
#[derive(Debug)]
pub(crate) struct Small {
    pub(crate) connections: usize,
    pub(crate) direct: Side,
    pub(crate) proxied: Side,
    /// Of the proxy, a request.
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// One side of the comparison.
#[derive(Debug)]
pub(crate) struct Side {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) latency: Spread,
}

pub(crate) async fn measure(mock: &Mock, program: &Program, scale: &Scale) -> Outcome<Vec<Small>> {
    let direct = Target::direct(mock.address);
    let mut all = Vec::new();
    for connections in scale.connections {
        let (mut past, mut through, mut cpu) = (Turns::default(), Turns::default(), Cpu::default());
        for _ in 0..scale.rounds {
            past.take(&direct, connections, scale.turn, program.pid).await?;
            cpu = cpu.plus(through.take(&program.target, connections, scale.turn, program.pid).await?);
        }
        let requests = u32::try_from(through.latency_count())?;
        all.push(Small {
            connections,
            direct: past.side(),
            proxied: through.side(),
            user: cpu.user / requests,
            system: cpu.system / requests,
        });
    }
    Ok(all)
}

/// Asks for a small reply and reads it to its end.
///
/// # Errors
/// Any answer but a complete 200.
pub(crate) async fn ask(wire: &mut Wire, request: &[u8]) -> Outcome<()> {
    wire.write(request).await?;
    let head = wire.head().await?.ok_or("no answer")?;
    let status = head.status();
    let body = wire.body(head.rest).await?;
    if status == 200 { Ok(()) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
}

#[derive(Default)]
struct Turns {
    latency: Samples,
    time: Duration,
}

impl Turns {
    /// One turn of one side: returns the proxy's CPU time in it.
    async fn take(
        &mut self,
        target: &Target,
        connections: usize,
        turn: Duration,
        proxy: u32,
    ) -> Outcome<Cpu> {
        let request = target.request(Wish::WHOLE);
        let mut wires =
            futures_util::future::try_join_all((0..connections).map(|_| warm(target, &request))).await?;
        let (began, before) = (Instant::now(), Cpu::of(proxy)?);
        let end = began + turn;
        let asking: Vec<_> =
            wires.drain(..).map(|wire| tokio::spawn(until(end, wire, request.clone()))).collect();
        for asked in asking {
            self.latency.append(asked.await??);
        }
        self.time += began.elapsed();
        Ok(Cpu::of(proxy)?.since(before))
    }

    fn latency_count(&self) -> usize {
        self.latency.count()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn side(self) -> Side {
        let rate = self.latency.count() as f64 / self.time.as_secs_f64();
        Side { rate, latency: self.latency.middle_and_tail() }
    }
}

/// A connection that has had an answer, so that neither connecting nor waking up is measured.
async fn warm(target: &Target, request: &[u8]) -> Outcome<Wire> {
    let mut wire = Wire::connect(target.address).await?;
    ask(&mut wire, request).await?;
    Ok(wire)
}

async fn until(end: Instant, mut wire: Wire, request: Vec<u8>) -> Outcome<Samples> {
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
