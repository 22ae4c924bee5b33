//! Faults of the run, in sequence, with calm phases in between.

use mock_upstream::{Fault, FaultRule, MockUpstream};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::Outcome;
use crate::load::Load;
use crate::profile::SoakProfile;
use crate::program::Program;

/// Position in the sequence of faults.
pub(crate) struct FaultCycle {
    index: usize,
    step_time: std::time::Duration,
}

impl FaultCycle {
    pub(crate) fn new(scale: &SoakProfile) -> Self {
        Self { index: 0, step_time: scale.step }
    }

    /// Starts the next phase and waits for its end.
    pub(crate) async fn next(
        &mut self,
        simulator: &MockUpstream,
        program: &Program,
        load: &Load,
    ) -> Outcome<()> {
        let names = ["calm", "F07", "calm", "F18", "calm", "F31", "calm", "F42"];
        let name = names[self.index % names.len()];
        eprintln!("{name} …");
        match name {
            "F07" => simulator.set_faults(vec![FaultRule::on_web_chat(Fault::status(503))]),
            "F18" => simulator.set_faults(vec![FaultRule::on_web_chat("reset=5".parse::<Fault>()?)]),
            "F31" => load.switch().await?,
            "F42" => {
                program.signal(Signal::STOP)?;
                sleep(self.step_time / 2).await;
                program.signal(Signal::CONT)?;
            }
            _ => simulator.set_faults(Vec::new()),
        }
        sleep(self.step_time).await;
        self.index += 1;
        Ok(())
    }
}
