//! What a request used and what it cost, for the log.

use crate::accounts::{Kind, Lease};
use crate::chat::Usage;
use crate::journal::Entry;
use crate::upstreams::Model;

/// Notes the tokens and, where a key was asked and the prices are known, the cost. A web session costs nothing a request.
pub(super) fn note(entry: &mut Entry, model: &Model, lease: &Lease, usage: Usage) {
    entry.tokens(usage.prompt_tokens, usage.completion_tokens, usage.estimated);
    usage.note.into_iter().for_each(|note| entry.note(note));
    let info = model.info.as_ref().filter(|_| lease.account.kind == Kind::Api);
    if let Some(cost) = info.and_then(|info| info.cost(usage.prompt_tokens, usage.completion_tokens)) {
        entry.cost(cost);
    }
}
