//! Command `accounts.explain`: the account that a request for a model would be given to now.

use serde::Deserialize;

use super::super::{Control, ControlError};
use super::{Explanation, NoAccountReason, SkippedAccount};
use crate::accounts::{SelectionRequest, Unavailable};
use upstreams::web_session;

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct ExplainArgs {
    model: String,
}

pub(in crate::management) async fn explain(
    control: &Control,
    args: ExplainArgs,
) -> Result<Explanation, ControlError> {
    let model = control.models.resolve(&args.model);
    let ask = SelectionRequest {
        upstreams: &model.serving_upstreams(),
        model: &model,
        excluded: &[],
        conversation: None,
    };
    let choice = control.accounts.explain(&ask, control.clock.now());
    let (account, why, nobody) = match choice.selected {
        Ok((label, why)) => (Some(label), Some(why), None),
        Err(none) => (None, None, Some(no_account_reason(none))),
    };
    let others = choice.skipped.into_iter().map(|(label, why)| SkippedAccount { label, why }).collect();
    Ok(Explanation { model: model.id_at(web_session::ID).to_owned(), account, why, nobody, others })
}

fn no_account_reason(none: Unavailable) -> NoAccountReason {
    match none {
        Unavailable::NoAccounts => NoAccountReason::NoAccount,
        Unavailable::NoneOfUpstream(_) => NoAccountReason::OtherKind,
        Unavailable::Starting => NoAccountReason::Reading,
        Unavailable::Unreadable(error) => NoAccountReason::Unreadable { error },
        Unavailable::AllTried => NoAccountReason::AllTried,
        Unavailable::LoginRequired => NoAccountReason::NeedsLogin,
        Unavailable::OtherHost => NoAccountReason::OtherHost,
        Unavailable::Limited { wait, .. } => {
            NoAccountReason::Limited { minutes: wait.as_secs().div_ceil(60) }
        }
        Unavailable::UpstreamDown { .. } => NoAccountReason::Unreachable,
        Unavailable::Challenge { .. } => NoAccountReason::Challenge,
    }
}
