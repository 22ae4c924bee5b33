//! Time from the start of the program to its first responses, with an empty data directory for each start.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::Program;
use crate::stats::median;
use crate::tokens::ReplySpec;
use crate::unary::ask;
use crate::wire::Wire;

/// Milliseconds since the start of the program, median of several starts.
#[derive(Debug)]
pub(crate) struct StartTimes {
    pub(crate) health: f64,
    /// Time of the first completion, requested directly after the first response of `/healthz`.
    pub(crate) completion: f64,
    /// Time of a later completion.
    pub(crate) second: f64,
}

pub(crate) async fn measure(mock: &Mock, scale: &Profile) -> Outcome<StartTimes> {
    let (mut health, mut completion, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.starts {
        let began = Instant::now();
        let program = Program::start(mock.address).await?;
        program.health().await?;
        health.push(ms(began.elapsed()));
        let mut wire = Wire::connect(program.target.address).await?;
        let request = program.target.request(ReplySpec::WHOLE);
        ask(&mut wire, &request).await?;
        completion.push(ms(began.elapsed()));
        let second_began = Instant::now();
        ask(&mut wire, &request).await?;
        second.push(ms(second_began.elapsed()));
        program.stop().await?;
    }
    Ok(StartTimes { health: median(health), completion: median(completion), second: median(second) })
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
