//! What a request used and what it cost, for the log.

use crate::accounts::{AccountKind, Lease};
use protocol::Usage;
use storage::request_log::OpenRecord;
use upstreams::ResolvedModel;

/// Notes the tokens and, where the catalogue has prices, the cost: what a key is billed at most, and of a web session,
/// which is not billed by the request, what the API would have asked for.
pub(super) fn record_usage(entry: &mut OpenRecord, model: &ResolvedModel, lease: &Lease, usage: Usage) {
    entry.set_tokens(usage.prompt_tokens, usage.completion_tokens, usage.estimated);
    usage.note.into_iter().for_each(|note| entry.set_note(note));
    let (info, billed) = match lease.account.kind {
        AccountKind::Api => (&model.info, true),
        AccountKind::Web => (&model.web_price, false),
    };
    let cost = info.as_ref().and_then(|info| info.cost(usage.prompt_tokens, usage.completion_tokens));
    cost.into_iter().for_each(|cost| entry.set_cost(cost, billed));
}
