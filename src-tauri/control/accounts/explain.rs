//! `accounts.explain`: whom a request for a model would be given to now.

use serde::Deserialize;

use super::super::{Control, ControlError, models};
use super::{Explained, Nobody, PassedOver};
use crate::accounts::{Ask, NoAccount};

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
    let ask =
        Ask { kinds: models::kinds(&model, embeds), scope: &model.scope, tried: &[], conversation: None };
    let choice = control.accounts.explain(&ask, control.clock.now());
    let (account, why, nobody) = match choice.chosen {
        Ok((label, why)) => (Some(label), Some(why), None),
        Err(none) => (None, None, Some(nobody(none))),
    };
    let others = choice.others.into_iter().map(|(label, why)| PassedOver { label, why }).collect();
    Ok(Explained { model: model.web_id, account, why, nobody, others })
}

fn nobody(none: NoAccount) -> Nobody {
    match none {
        NoAccount::None => Nobody::NoAccount,
        NoAccount::Missing(_) => Nobody::OtherKind,
        NoAccount::Starting => Nobody::Reading,
        NoAccount::Unreadable(error) => Nobody::Unreadable { error },
        NoAccount::AllTried => Nobody::AllTried,
        NoAccount::LoginRequired => Nobody::NeedsLogin,
        NoAccount::OtherHost => Nobody::OtherHost,
        NoAccount::Limited { wait, .. } => Nobody::Limited { minutes: wait.as_secs().div_ceil(60) },
        NoAccount::UpstreamDown { .. } => Nobody::Unreachable,
        NoAccount::Challenge { .. } => Nobody::Challenge,
    }
}
