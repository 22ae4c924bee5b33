//! The second call of a reply: a running reply may ask the model once more, long after its first call was noted.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::Failure;

/// What is known of a reply's second call. Shared by the reply, which makes the call, and the record of the request.
#[derive(Debug, Clone, Default)]
pub struct SecondCall(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    began: OnceLock<Instant>,
    ended: OnceLock<(Duration, Option<Failure>)>,
}

/// How far a second call came.
#[derive(Debug, Clone)]
pub enum Came {
    /// Its reply is there.
    Answered(Duration),
    Failed(Duration, Failure),
    /// It still runs, or the client left meanwhile.
    Running(Duration),
}

impl SecondCall {
    /// Makes the call.
    pub async fn make<T>(self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let began = *self.0.began.get_or_init(Instant::now);
        let result = call.await;
        let _ = self.0.ended.set((began.elapsed(), result.as_ref().err().cloned()));
        result
    }

    /// `None` as long as it was not needed.
    pub fn came(&self) -> Option<Came> {
        let began = self.0.began.get()?;
        Some(match self.0.ended.get() {
            None => Came::Running(began.elapsed()),
            Some((took, None)) => Came::Answered(*took),
            Some((took, Some(failure))) => Came::Failed(*took, failure.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::upstreams::FailureKind;

    #[test]
    fn it_is_seen_while_it_runs_and_afterwards() {
        let second = SecondCall::default();
        assert!(second.came().is_none());
        let never = second.clone().make(std::future::pending::<Result<(), Failure>>());
        assert!(never.now_or_never().is_none(), "left while it runs");
        assert!(matches!(second.came(), Some(Came::Running(_))));
        let failing = SecondCall::default();
        let call = async { Err::<(), _>(Failure::new(FailureKind::Server, "no")) };
        assert!(failing.clone().make(call).now_or_never().is_some());
        assert!(matches!(failing.came(), Some(Came::Failed(_, told)) if told.kind == FailureKind::Server));
    }
}
