//! Amount of work of a run.

use std::time::Duration;

/// The sizes of one run.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) quick: bool,
    /// Number of starts of the program; the median is reported.
    pub(crate) starts: usize,
    /// Number of turns per side.
    pub(crate) rounds: usize,
    /// Duration of one turn of small requests.
    pub(crate) turn: Duration,
    /// Numbers of connections for the small requests, ascending.
    pub(crate) connections: [usize; 3],
    /// Number of request pairs for the time to the first token.
    pub(crate) pairs: usize,
    /// Number of concurrent streams.
    pub(crate) streams: usize,
    /// Chunks per stream in one turn.
    pub(crate) chunks: usize,
    /// Time between two chunks of a stream.
    pub(crate) gap: Duration,
    /// Number of open streams for the memory of one stream.
    pub(crate) open: usize,
}

impl Profile {
    pub(crate) fn full() -> Self {
        Self {
            quick: false,
            starts: 5,
            rounds: 3,
            turn: Duration::from_secs(2),
            connections: [1, 32, 256],
            pairs: 1_000,
            streams: 200,
            chunks: 150,
            gap: Duration::from_millis(20),
            open: 1_000,
        }
    }

    /// A tenth of the work, which shows that everything runs, not how fast.
    pub(crate) fn quick() -> Self {
        Self {
            quick: true,
            starts: 1,
            rounds: 1,
            turn: Duration::from_millis(500),
            connections: [1, 4, 25],
            pairs: 100,
            streams: 20,
            chunks: 50,
            gap: Duration::from_millis(20),
            open: 100,
        }
    }
}
