//! Records token usage and cost of a request in the request log.

use protocol::Usage;
use storage::request_log::OpenRecord;
use upstreams::api_key::ModelInfo;
use upstreams::{Capability, UpstreamId};

/// Records the tokens and, if the catalog has prices, the cost in US dollars. For an API key this is the most that can
/// be billed. For a web session, which is not billed by the request, this is what the API would have charged.
pub(super) fn record_usage(
    entry: &mut OpenRecord,
    model: Option<&ModelInfo>,
    upstream: UpstreamId,
    usage: Usage,
) {
    entry.set_tokens(usage.prompt_tokens, usage.completion_tokens, usage.estimated);
    usage.note.into_iter().for_each(|note| entry.set_note(note));
    let cost = model.and_then(|model| model.cost(usage.prompt_tokens, usage.completion_tokens));
    cost.into_iter().for_each(|cost| entry.set_cost(cost, upstream.can(Capability::Billing)));
}
