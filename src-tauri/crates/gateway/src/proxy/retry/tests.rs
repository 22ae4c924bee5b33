use proptest::prelude::Just;
use proptest::test_runner::{Config as Proptest, TestRunner};
use proptest::{prop_assert, prop_oneof};

use super::*;
use crate::accounts::{Account, AccountOrigin, Accounts, Clock};
use crate::proxy::{Proxy, ProxyParts};
use mock_upstream::{FaultRule, LLMS_PATH, MockAccount, MockUpstream};
use protocol::{Message, Part, Role};
use storage::config::Strategy;
use storage::request_log::RecordStart;
use upstreams::web_session::{self, WebUpstream};
use upstreams::{ModelRegistry, Upstreams};

const LABELS: [&str; 4] = ["a", "b", "c", "d"];

/// The result of each call of one request to an account.
fn behaviour() -> impl proptest::strategy::Strategy<Value = Option<&'static str>> {
    prop_oneof![
        Just(None),
        Just(Some("status=403 body=quota")),
        Just(Some("status=401")),
        Just(Some("status=429")),
        Just(Some("status=500")),
        Just(Some("reset=0")),
        Just(Some("body=empty")),
        Just(Some("status=200 body=html")),
        Just(Some("status=400")),
    ]
}

/// Makes one request to a proxy with these accounts. Returns the labels of the called accounts, and whether the request
/// succeeded.
async fn asked_accounts(behaviours: &[Option<&'static str>]) -> (Vec<String>, bool) {
    let accounts: Vec<MockAccount> =
        LABELS.iter().take(behaviours.len()).map(|label| MockAccount::web(label)).collect();
    let simulator = MockUpstream::start(mock_upstream::MockUpstreamOptions::instant(accounts)).await.unwrap();
    let rules = LABELS.iter().zip(behaviours).filter_map(|(label, fault)| {
        Some(FaultRule::on_web_chat((*fault)?.parse().unwrap()).for_account(label))
    });
    simulator.set_faults(rules.collect());
    let proxy = proxy(&simulator);
    let text = Part::Text("hello".into());
    let messages = vec![Message { role: Role::User, parts: vec![text] }];
    let request = Request { model: "m".into(), messages, ..Request::default() };
    let start = RecordStart {
        request_id: "1".into(),
        client: "c".into(),
        dialect: "d",
        bytes_in: 0,
        origin: Default::default(),
    };
    let mut entry = proxy.inner.parts.request_log.begin(start);
    let model = ModelRegistry::default().resolve("m");
    let served = start_reply(&proxy.inner, &Arc::new(request), &model, 1, &mut entry).await.is_ok();
    let called =
        simulator.calls().into_iter().filter(|call| call.path == LLMS_PATH).filter_map(|call| call.account);
    (called.collect(), served)
}

fn proxy(simulator: &MockUpstream) -> Proxy {
    let clock = Clock::default();
    let accounts = simulator.cookies().into_iter();
    let accounts = accounts
        .map(|(label, cookie)| Account::new(label, web_session::ID, AccountOrigin::Demo, cookie.into()))
        .collect();
    let base = url::Url::parse(&simulator.base_url()).unwrap();
    let settings = web_session::WebSettings::new(base);
    Proxy::new(ProxyParts {
        accounts: Accounts::new(accounts, Strategy::FillFirst, None, clock.now()),
        upstreams: Upstreams::new(vec![Arc::new(WebUpstream::new(settings).unwrap())]),
        clock,
        ..ProxyParts::for_tests()
    })
}

#[test]
fn at_most_three_calls_and_one_for_an_account_that_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Proptest { cases: 48, ..Proptest::default() });
    let some = proptest::collection::vec(behaviour(), 1..=LABELS.len());
    let outcome = runner.run(&some, |behaviours| {
        let (called, served) = runtime.block_on(asked_accounts(&behaviours));
        prop_assert!(called.len() <= MAX_UPSTREAM_CALLS, "{called:?}");
        for (label, fault) in LABELS.iter().zip(&behaviours) {
            let times = called.iter().filter(|account| account == label).count();
            let may_repeat = matches!(fault, Some("status=500" | "reset=0"));
            prop_assert!(
                times <= if may_repeat { 2 } else { 1 },
                "{label} was called {times} times: {called:?}"
            );
        }
        let good = |label: &String| {
            LABELS.iter().position(|known| known == label).is_some_and(|i| behaviours[i].is_none())
        };
        prop_assert!(served == called.iter().any(good));
        Ok(())
    });
    outcome.unwrap();
}
