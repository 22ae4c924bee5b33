//! Follow-up call of a reply: a running reply may call the model once more, long after its first call was recorded.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::UpstreamError;

/// State of a reply's follow-up call. Shared by the reply, which makes the call, and the record of the request.
#[derive(Debug, Clone, Default)]
pub struct FollowUpCall(Arc<FollowUpState>);

#[derive(Debug, Default)]
struct FollowUpState {
    started: OnceLock<Instant>,
    ended: OnceLock<(Duration, Option<UpstreamError>)>,
}

/// Progress of a follow-up call.
#[derive(Debug, Clone)]
pub enum FollowUpStatus {
    /// The call has its reply, after this time.
    Completed(Duration),
    Failed(Duration, UpstreamError),
    /// The call has been running for this time, or the client left meanwhile.
    Running(Duration),
}

impl FollowUpCall {
    /// Makes the call.
    pub async fn run<T>(
        self,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        let started = *self.0.started.get_or_init(Instant::now);
        let result = call.await;
        let _ = self.0.ended.set((started.elapsed(), result.as_ref().err().cloned()));
        result
    }

    /// The progress of the call; `None` while there was no need for one.
    pub fn status(&self) -> Option<FollowUpStatus> {
        let started = self.0.started.get()?;
        Some(match self.0.ended.get() {
            None => FollowUpStatus::Running(started.elapsed()),
            Some((took, None)) => FollowUpStatus::Completed(*took),
            Some((took, Some(failure))) => FollowUpStatus::Failed(*took, failure.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::UpstreamErrorKind;

    #[test]
    fn its_status_is_known_while_it_runs_and_afterwards() {
        let follow_up = FollowUpCall::default();
        assert!(follow_up.status().is_none());
        let never = follow_up.clone().run(std::future::pending::<Result<(), UpstreamError>>());
        assert!(never.now_or_never().is_none(), "left while it runs");
        assert!(matches!(follow_up.status(), Some(FollowUpStatus::Running(_))));
        let failing = FollowUpCall::default();
        let call = async { Err::<(), _>(UpstreamError::new(UpstreamErrorKind::Server, "no")) };
        assert!(failing.clone().run(call).now_or_never().is_some());
        assert!(
            matches!(failing.status(), Some(FollowUpStatus::Failed(_, told)) if told.kind == UpstreamErrorKind::Server)
        );
    }
}
