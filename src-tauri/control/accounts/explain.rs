//! `accounts.explain`: whom a request for a model would be given to now.

use serde::Deserialize;

use super::super::{Control, ControlError, models};
use super::{Explained, Nobody, PassedOver};
use crate::accounts::{SelectionRequest, Unavailable};

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::control) struct ExplainArgs {
    model: String,
}

pub(in crate::control) async fn explain(
    control: &Control,
    args: ExplainArgs,
) -> Result<Explained, ControlError> {
    let model = control.names.resolve(&args.model);
    let embeds = model.info.as_ref().is_some_and(|info| info.embeds);
    let ask = SelectionRequest {
        kinds: models::kinds(&model, embeds),
        scope: &model.scope,
        excluded: &[],
        conversation: None,
    };
    let choice = control.accounts.explain(&ask, control.clock.now());
    let (account, why, nobody) = match choice.selected {
        Ok((label, why)) => (Some(label), Some(why), None),
        Err(none) => (None, None, Some(nobody(none))),
    };
    let others = choice.skipped.into_iter().map(|(label, why)| PassedOver { label, why }).collect();
    Ok(Explained { model: model.web_id, account, why, nobody, others })
}

fn nobody(none: Unavailable) -> Nobody {
    match none {
        Unavailable::NoAccounts => Nobody::NoAccount,
        Unavailable::NoneOfKind(_) => Nobody::OtherKind,
        Unavailable::Starting => Nobody::Reading,
        Unavailable::Unreadable(error) => Nobody::Unreadable { error },
        Unavailable::AllTried => Nobody::AllTried,
        Unavailable::LoginRequired => Nobody::NeedsLogin,
        Unavailable::OtherHost => Nobody::OtherHost,
        Unavailable::Limited { wait, .. } => Nobody::Limited { minutes: wait.as_secs().div_ceil(60) },
        Unavailable::UpstreamDown { .. } => Nobody::Unreachable,
        Unavailable::Challenge { .. } => Nobody::Challenge,
    }
}
