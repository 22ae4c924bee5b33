//! Duration and size of a run.

use std::time::Duration;

use crate::Outcome;

/// The size of one run.
#[derive(Debug)]
pub(crate) struct SoakProfile {
    pub(crate) time: Duration,
    /// Number of concurrent streams.
    pub(crate) streams: usize,
    /// Short calls a second.
    pub(crate) rate: u32,
    /// Duration of each fault, and of the calm phase after it.
    pub(crate) step: Duration,
}

impl SoakProfile {
    /// Parses `--minutes N --streams N --rate N`.
    ///
    /// # Errors
    /// An argument is unknown, not a number or out of range.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let (mut minutes, mut streams, mut rate) = (5, 50, 20);
        while let Some(name) = arguments.next() {
            let into = match name.as_str() {
                "--minutes" => &mut minutes,
                "--streams" => &mut streams,
                "--rate" => &mut rate,
                // `cargo bench` passes this argument.
                "--bench" => continue,
                _ => return Err(format!("{name} is not known").into()),
            };
            let value = arguments.next().ok_or("a number is missing")?;
            *into = value.parse().map_err(|_| format!("{name} {value}: not a number"))?;
        }
        if !(1..=10_000).contains(&minutes) || !(1..=1_000).contains(&streams) || !(1..=1_000).contains(&rate)
        {
            return Err("from 1 minute, 1 stream and 1 call a second to 10000, 1000 and 1000".into());
        }
        let time = Duration::from_secs(60) * minutes;
        // A minute is enough for each fault once; longer runs give each more time.
        let step = (time / 12).min(Duration::from_secs(30));
        Ok(Self { time, streams: usize::try_from(streams)?, rate, step })
    }
}
