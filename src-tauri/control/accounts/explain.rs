//! `accounts.explain`: whom a request for a model would be given to now.

use serde::Deserialize;

use super::super::{Control, ControlError, models};
use super::{Explained, PassedOver};
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
    let (account, why) = match choice.chosen {
        Ok((label, why)) => (Some(label), why),
        Err(none) => (None, why_nobody(&none)),
    };
    let others = choice.others.into_iter().map(|(label, why)| PassedOver { label, why }).collect();
    Ok(Explained { model: model.web_id, account, why, others })
}

fn why_nobody(none: &NoAccount) -> String {
    let minutes = |wait: &std::time::Duration| wait.as_secs().div_ceil(60);
    match none {
        NoAccount::None => "there is no account that may serve it".to_owned(),
        NoAccount::Missing(_) => "there is no account of a kind that serves it".to_owned(),
        NoAccount::Starting => "the accounts are still being read from the keychain".to_owned(),
        NoAccount::Unreadable(error) => format!("the secrets of the accounts cannot be read. {error}"),
        NoAccount::AllTried => "no account could answer".to_owned(),
        NoAccount::LoginRequired => "every account that serves it needs a new login".to_owned(),
        NoAccount::Limited { wait, .. } => {
            format!("every account that serves it is limited; the next is free in {} min", minutes(wait))
        }
        NoAccount::UpstreamDown { .. } => {
            "Mammouth does not answer; the proxy tries again in seconds".to_owned()
        }
        NoAccount::Challenge { .. } => "mammouth.ai asks for a browser check".to_owned(),
    }
}
