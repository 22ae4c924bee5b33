//! How much is measured.

use std::time::Duration;

/// The sizes of one run.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) quick: bool,
    /// Starts of the program; the median counts.
    pub(crate) starts: usize,
    /// Each side takes this many turns.
    pub(crate) rounds: usize,
    /// One turn of small requests.
    pub(crate) turn: Duration,
    /// Connections of the small requests, ascending.
    pub(crate) connections: [usize; 3],
    /// Pairs of requests for the time to the first token.
    pub(crate) pairs: usize,
    /// Streams at once.
    pub(crate) streams: usize,
    /// Chunks of each of them in one turn.
    pub(crate) chunks: usize,
    /// Time between two chunks of a stream.
    pub(crate) gap: Duration,
    /// Streams held open for the memory of one.
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

    /// A tenth of the work: shows that everything runs, not how fast it is.
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
