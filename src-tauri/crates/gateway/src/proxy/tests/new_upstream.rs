//! An upstream that only the tests have, to show what a new upstream needs: an implementation and a registry entry.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{FutureExt, stream};
use http::Request as HttpRequest;
use serde_json::Value;

use super::{post, send};
use crate::accounts::{Account, AccountOrigin, AccountState, Accounts, Clock};
use crate::proxy::{Proxy, ProxyParts};
use protocol::{Event, FinishReason, Part, Usage};
use storage::config::Strategy;
use upstreams::api_key::CatalogCache;
use upstreams::{
    CompletionCall, Credential, CredentialKind, EventReply, FollowUpCall, Identity, ModelRegistry,
    ModelSettings, Outbound, ProxyServer, Quota, Upstream, UpstreamBuildError, UpstreamError,
    UpstreamErrorKind, UpstreamFuture, UpstreamId, UpstreamInfo, UpstreamModel, UpstreamResponse, Upstreams,
};

/// An upstream without a network: its only model repeats the prompt.
struct Echo;

const ID: UpstreamId = UpstreamId::new(&UpstreamInfo {
    name: "echo",
    display_name: "Echo",
    credential: CredentialKind::ApiKey,
    capabilities: &[],
    settings_table: "echo_accounts",
    default_host: "echo.invalid",
    url: |config| &config.api_url,
    credentials: |_| &[],
    model_names: |_| vec!["echo-1"],
    find_model: |query| UpstreamModel {
        id: query.name.to_owned(),
        is_listed: Some(query.name == "echo-1"),
        scope: "echo".to_owned(),
        ..UpstreamModel::default()
    },
    no_account: "there is no account of Echo",
    build: |_| Ok(Arc::new(Echo)),
});

/// Every upstream of the tests.
const UPSTREAMS: &[UpstreamId] = &[ID];

impl Upstream for Echo {
    fn id(&self) -> UpstreamId {
        ID
    }

    fn start(self: Arc<Self>, call: CompletionCall) -> UpstreamFuture<'static, UpstreamResponse> {
        let prompt = call.request.messages.iter().flat_map(|message| &message.parts);
        let prompt: String = prompt
            .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
            .collect();
        let reply = if prompt == "quota" {
            Err(UpstreamError::new(UpstreamErrorKind::Limited, "the echo is used up"))
        } else {
            let done = Event::Done { finish: FinishReason::Stop, usage: Usage::default() };
            let events = [Ok(Event::Text(format!("{}: {prompt}", call.model.id))), Ok(done)];
            Ok(UpstreamResponse::Events(EventReply {
                served_model: None,
                events: Box::pin(stream::iter(events)),
                follow_up: FollowUpCall::default(),
            }))
        };
        async { reply }.boxed()
    }

    fn identify<'a>(&'a self, _: &'a Credential) -> UpstreamFuture<'a, Identity> {
        async { Ok(Identity::default()) }.boxed()
    }

    fn quota<'a>(&'a self, _: &'a Credential) -> UpstreamFuture<'a, Quota> {
        async { Ok(Quota::default()) }.boxed()
    }

    fn probe(&self) -> UpstreamFuture<'_, Option<SystemTime>> {
        async { Ok(None) }.boxed()
    }

    fn proxy(&self) -> Option<ProxyServer> {
        None
    }

    fn set_outbound(&self, _: &Outbound) -> Result<(), UpstreamBuildError> {
        Ok(())
    }
}

fn proxy(clock: Clock) -> Proxy {
    let account = Account::new("mine", ID, AccountOrigin::Stored, "secret".into());
    Proxy::new(ProxyParts {
        accounts: Accounts::new(vec![account], Strategy::FillFirst, None, clock.now()),
        upstreams: Upstreams::new(vec![Arc::new(Echo)]),
        models: ModelRegistry::new(ModelSettings::default(), CatalogCache::default(), UPSTREAMS),
        clock,
        ..ProxyParts::for_tests()
    })
}

#[tokio::test]
async fn a_new_upstream_needs_an_implementation_and_a_registry_entry() {
    let clock = Clock::default();
    let proxy = proxy(clock);
    let models = send(&proxy, HttpRequest::get("/v1/models"), b"").await.1;
    let models: Value = serde_json::from_str(&models).unwrap();
    assert_eq!(models["data"][0]["id"], "echo-1");
    assert_eq!(models["data"][0]["served_by"], serde_json::json!(["echo"]));

    let hello = br#"{"model":"echo-1","messages":[{"role":"user","content":"hello"}]}"#;
    let (status, reply) = post(&proxy, "/v1/chat/completions", hello).await;
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!((status, &reply["choices"][0]["message"]["content"]), (200, &"echo-1: hello".into()));

    let quota = br#"{"model":"echo-1","messages":[{"role":"user","content":"quota"}]}"#;
    assert_eq!(post(&proxy, "/v1/chat/completions", quota).await.0, 429);
    let account = proxy.inner.parts.accounts.list(clock.now()).remove(0);
    assert_eq!((account.kind, account.state), (ID, AccountState::Limited));
    assert_eq!(account.limits[0].scope, "echo");
}
