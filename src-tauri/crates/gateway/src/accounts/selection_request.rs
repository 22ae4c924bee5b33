//! Input and outcome types of account selection.

use std::time::Duration;

use super::account::AccountKind;
use super::state::LimitReason;
use storage::secrets::StoreError;
use upstreams::{ResolvedModel, UpstreamError};

/// Which kinds of account can serve a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindSet {
    pub web: bool,
    pub api: bool,
}

impl KindSet {
    pub const ANY: Self = Self { web: true, api: true };
    pub const API: Self = Self { web: false, api: true };
    pub const WEB: Self = Self { web: true, api: false };

    /// The kinds that can serve a model. Only the API offers embeddings. A model that no list names may go to any kind.
    pub fn serving(model: &ResolvedModel) -> Self {
        if model.info.as_ref().is_some_and(|info| info.embeds) {
            return Self::API;
        }
        let (web, api) = (model.in_web, model.in_api);
        Self { web: web || api != Some(true), api: !web || api != Some(false) }
    }

    pub fn contains(self, kind: AccountKind) -> bool {
        match kind {
            AccountKind::Web => self.web,
            AccountKind::Api => self.api,
        }
    }

    /// The set without `kind`.
    #[must_use]
    pub fn without(self, kind: AccountKind) -> Self {
        self.intersection(match kind {
            AccountKind::Web => Self::API,
            AccountKind::Api => Self::WEB,
        })
    }

    /// The intersection of both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self { web: self.web && other.web, api: self.api && other.api }
    }

    pub fn is_empty(self) -> bool {
        !self.web && !self.api
    }
}

/// Requirements of a request for an account.
#[derive(Debug, Clone, Copy)]
pub struct SelectionRequest<'a> {
    /// The kinds that can serve the request. The user's preference decides among them.
    pub kinds: KindSet,
    /// The scope of a web account's limits: the model's family, or the model itself if it has a limit of its own. An
    /// API key has one budget for all models.
    pub scope: &'a str,
    /// Ids of accounts that refused this request already.
    pub excluded: &'a [String],
    /// A hash of how the conversation began, for affinity.
    pub conversation: Option<u64>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub enum CallOutcome<'a> {
    /// The first event of the reply arrived. `served` is the model, if the upstream names it.
    Answered {
        requested: &'a str,
        served: Option<&'a str>,
    },
    /// The last event of the reply arrived.
    Completed,
    Failed(&'a UpstreamError),
}

/// Why no account can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// There are no accounts, or none is enabled.
    NoAccounts,
    /// Only an account of this kind could serve the request, and there is none.
    NoneOfKind(AccountKind),
    /// The secrets are being read for the first time.
    Starting,
    /// The secrets of accounts that could serve the request could not be read.
    Unreadable(StoreError),
    /// All other accounts refused this request.
    AllTried,
    LoginRequired,
    /// The accounts that could serve the request were added for another upstream address.
    OtherHost,
    /// Every usable account is limited. The first limit ends after `wait`.
    Limited {
        wait: Duration,
        reason: LimitReason,
    },
    /// The upstream is failing, and its circuit breaker is open.
    UpstreamDown {
        wait: Duration,
    },
    Challenge {
        wait: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use upstreams::api_key::ModelInfo;

    #[test]
    fn who_can_serve_a_model() {
        let of = |in_web, in_api, embeds| {
            let info = Some(ModelInfo { embeds, ..ModelInfo::default() });
            KindSet::serving(&ResolvedModel { in_web, in_api, info, ..ResolvedModel::default() })
        };
        assert_eq!(of(true, Some(true), false), KindSet::ANY);
        assert_eq!(of(true, Some(false), false), KindSet::WEB);
        assert_eq!(of(true, Some(true), true), KindSet::API);
        assert_eq!(of(false, Some(true), false), KindSet::API);
    }

    #[test]
    fn known_models_go_to_their_kinds_and_unknown_ones_to_all() {
        let kinds_of =
            |in_web, in_api| KindSet::serving(&ResolvedModel { in_web, in_api, ..ResolvedModel::default() });
        assert_eq!(kinds_of(true, Some(true)), KindSet::ANY);
        assert_eq!(kinds_of(true, Some(false)), KindSet::WEB);
        assert_eq!(kinds_of(false, Some(true)), KindSet::API);
        assert_eq!(kinds_of(false, Some(false)), KindSet::ANY);
        assert_eq!((kinds_of(true, None), kinds_of(false, None)), (KindSet::ANY, KindSet::ANY));
    }
}
