use std::sync::LazyLock;

use proptest::prelude::Just;
use proptest::strategy::Strategy as _;
use proptest::{prop_assert, prop_oneof, proptest};

use super::super::account::AccountOrigin;
use super::super::state::{Availability, LimitReason};
use super::super::view::AccountState;
use super::*;
use storage::secrets::StoreError;
use upstreams::{
    ModelRegistry, ResolvedModel, UPSTREAMS, UpstreamError, UpstreamErrorKind, api_key, web_session,
};

static ANY: LazyLock<UpstreamSet> = LazyLock::new(|| UPSTREAMS.iter().copied().collect());
static MODEL: LazyLock<ResolvedModel> = LazyLock::new(|| ModelRegistry::default().resolve("f"));

fn at(seconds: u64) -> Timestamp {
    Timestamp {
        uptime: Duration::from_secs(10_000 + seconds),
        wall: std::time::UNIX_EPOCH + Duration::from_secs(seconds),
    }
}

fn account(label: &str, upstream: UpstreamId) -> Account {
    Account::new(label, upstream, AccountOrigin::Environment, format!("secret-of-{label}").into())
}

fn accounts(labels: &[&str]) -> Accounts {
    let list = labels.iter().map(|label| account(label, web_session::ID)).collect();
    Accounts::new(list, Strategy::Balance, None, at(0))
}

fn request(tried: &[String]) -> SelectionRequest<'_> {
    SelectionRequest { upstreams: &ANY, model: &MODEL, excluded: tried, conversation: None }
}

fn fail(lease: &mut Lease, kind: UpstreamErrorKind, now: Timestamp) {
    lease.report(CallOutcome::Failed(&UpstreamError::new(kind, "")), now, 0.5);
}

#[test]
fn f01_a_limited_account_is_skipped_until_its_window_ends() {
    let accounts = accounts(&["a", "b"]);
    let mut first = accounts.acquire(&request(&[]), at(0)).unwrap();
    assert_eq!(first.account.label, "a");
    fail(&mut first, UpstreamErrorKind::Limited, at(0));
    drop(first);
    let second = accounts.acquire(&request(&[]), at(1)).unwrap();
    assert_eq!(second.account.label, "b");
    assert_eq!(second.selection.limited, 1, "{}", second.selection);
    drop(second);
    let again = accounts.acquire(&request(&["".into()]), at(3 * 3_600)).unwrap();
    assert_eq!(again.account.label, "a", "least recently used once its window is over");
}

#[test]
fn the_soonest_end_is_given_when_all_are_limited() {
    let accounts = accounts(&["a"]);
    let mut lease = accounts.acquire(&request(&[]), at(0)).unwrap();
    let failure =
        UpstreamError::new(UpstreamErrorKind::Throttled, "").with_retry_after(Some(Duration::from_secs(7)));
    lease.report(CallOutcome::Failed(&failure), at(0), 0.0);
    let expected = Unavailable::Limited { wait: Duration::from_secs(7), reason: LimitReason::Throttled };
    assert_eq!(accounts.acquire(&request(&[]), at(0)).unwrap_err(), expected);
}

#[test]
fn the_reason_names_the_missing_kind() {
    assert_eq!(accounts(&[]).acquire(&request(&[]), at(0)).unwrap_err(), Unavailable::NoAccounts);
    let api = Accounts::new(vec![account("k", api_key::ID)], Strategy::Balance, None, at(0));
    let (only_web, only_api) = (UpstreamSet::from([web_session::ID]), UpstreamSet::from([api_key::ID]));
    let web_only = SelectionRequest { upstreams: &only_web, ..request(&[]) };
    assert_eq!(api.acquire(&web_only, at(0)).unwrap_err(), Unavailable::NoneOfUpstream(web_session::ID));
    let native = SelectionRequest { upstreams: &only_api, ..request(&[]) };
    assert_eq!(
        accounts(&["a"]).acquire(&native, at(0)).unwrap_err(),
        Unavailable::NoneOfUpstream(api_key::ID)
    );
    let lost = accounts(&["a"]);
    let mut lease = lost.acquire(&request(&[]), at(0)).unwrap();
    fail(&mut lease, UpstreamErrorKind::LoginRequired, at(0));
    assert_eq!(lost.acquire(&request(&[]), at(0)).unwrap_err(), Unavailable::LoginRequired);
    let id = lease.account.id.clone();
    lost.record_credential_check(&id, true, at(1));
    assert!(lost.acquire(&request(&[]), at(1)).is_ok());
}

#[test]
fn f45_pending_and_unreadable_secrets_are_given_as_the_reason() {
    let accounts = accounts(&[]);
    let late = account("late", web_session::ID);
    accounts.add_pending(late.id.clone(), late.label.clone(), web_session::ID);
    accounts.add_pending("lost".to_owned(), "gone".to_owned(), web_session::ID);
    accounts.set_missing_secret("lost", MissingSecret::Lost);
    let reason = || accounts.acquire(&request(&[]), at(0)).unwrap_err();
    assert_eq!(reason(), Unavailable::Starting);
    accounts.set_missing_secret(&late.id, MissingSecret::Unreadable(StoreError::Locked));
    assert_eq!(reason(), Unavailable::Unreadable(StoreError::Locked));
    let views = accounts.list(at(0));
    assert_eq!((views[0].state, views[1].state), (AccountState::Locked, AccountState::NeedsLogin));
    assert!(views.iter().all(|view| view.advice.is_some()));
    assert!(accounts.add(late, at(0)));
    assert_eq!(accounts.acquire(&request(&[]), at(0)).unwrap().account.label, "late");
    assert_eq!(accounts.without_secret().len(), 1);
    accounts.remove("late");
    assert_eq!(reason(), Unavailable::LoginRequired);
    accounts.remove("gone");
    assert_eq!(reason(), Unavailable::NoAccounts);
}

#[test]
fn f60_a_limit_is_given_as_the_reason_once_no_secret_is_pending() {
    let accounts = accounts(&["a"]);
    accounts.add_pending("late".to_owned(), "late".to_owned(), web_session::ID);
    let mut lease = accounts.acquire(&request(&[]), at(0)).unwrap();
    fail(&mut lease, UpstreamErrorKind::Limited, at(0));
    assert_eq!(accounts.acquire(&request(&[]), at(0)).unwrap_err(), Unavailable::Starting);
    accounts.set_missing_secret("late", MissingSecret::Unreadable(StoreError::Hung));
    assert!(matches!(accounts.acquire(&request(&[]), at(0)), Err(Unavailable::Limited { .. })));
}

#[test]
fn f29_a_conversation_keeps_its_account_until_it_is_limited() {
    let accounts = accounts(&["a", "b"]);
    let in_conversation = SelectionRequest { conversation: Some(7), ..request(&[]) };
    let answered = CallOutcome::Answered { requested: "m", served: None };
    let mut lease = accounts.acquire(&in_conversation, at(0)).unwrap();
    lease.report(answered, at(0), 0.0);
    drop(lease);
    let mut second = accounts.acquire(&in_conversation, at(1)).unwrap();
    assert_eq!(second.account.label, "a");
    second.report(CallOutcome::Failed(&UpstreamError::new(UpstreamErrorKind::Limited, "")), at(1), 0.0);
    drop(second);
    let mut third = accounts.acquire(&in_conversation, at(2)).unwrap();
    assert_eq!(third.account.label, "b");
    third.report(answered, at(2), 0.0);
    drop(third);
    assert_eq!(
        accounts.acquire(&in_conversation, at(4 * 3_600 / 2)).unwrap().account.label,
        "b",
        "no way back without a reason"
    );
}

#[test]
fn f11_repeated_interruptions_open_the_circuit_breaker() {
    let accounts = accounts(&["a"]);
    for _ in 0..4 {
        let mut lease = accounts.acquire(&request(&[]), at(0)).unwrap();
        let answered = CallOutcome::Answered { requested: "m", served: None };
        lease.report(answered, at(0), 0.0);
        fail(&mut lease, UpstreamErrorKind::Interrupted, at(0));
    }
    assert!(matches!(accounts.acquire(&request(&[]), at(0)), Err(Unavailable::UpstreamDown { .. })));
}

#[test]
fn f07_the_first_events_of_two_probes_close_the_circuit_breaker() {
    let accounts = accounts(&["a"]);
    let probe = |now| {
        let mut lease = accounts.acquire(&request(&[]), now).unwrap();
        let answered = CallOutcome::Answered { requested: "m", served: None };
        lease.report(answered, now, 0.0);
        lease
    };
    for _ in 0..4 {
        let mut lease = accounts.acquire(&request(&[]), at(0)).unwrap();
        fail(&mut lease, UpstreamErrorKind::Server, at(0));
    }
    let first = probe(at(3));
    let second = probe(at(3));
    assert!([&first, &second].iter().all(|lease| lease.selection.tries));
    assert!(!probe(at(3)).selection.tries, "closed while both replies still run");
}

#[test]
fn f56_dropping_a_lease_ends_its_running_call() {
    let accounts = accounts(&["a"]);
    drop(accounts.acquire(&request(&[]), at(0)).unwrap());
    assert_eq!(accounts.list(at(0))[0].running, 0);
}

#[test]
fn the_same_secret_twice_is_one_account() {
    assert_eq!(accounts(&["a", "a"]).list(at(0)).len(), 1);
}

#[test]
fn state_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let open = |now| {
        Accounts::new(
            vec![account("a", web_session::ID)],
            Strategy::Balance,
            Some(AccountStore::open(&path).unwrap()),
            now,
        )
    };
    let accounts = open(at(0));
    let mut lease = accounts.acquire(&request(&[]), at(0)).unwrap();
    fail(&mut lease, UpstreamErrorKind::Limited, at(0));
    drop(lease);
    drop(accounts);
    let reopened = open(at(60));
    assert!(matches!(reopened.acquire(&request(&[]), at(60)), Err(Unavailable::Limited { .. })));
    assert!(reopened.acquire(&request(&[]), at(4 * 3_600)).is_ok());
}

#[test]
fn identity_and_quota_outlive_a_restart_with_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let open = |now| {
        let account = account("a", web_session::ID);
        Accounts::new(vec![account], Strategy::Balance, Some(AccountStore::open(&path).unwrap()), now)
    };
    let accounts = open(at(0));
    let id = accounts.list(at(0))[0].id.clone();
    let identity = Identity { email: Some("ada@example.com".into()), ..Identity::default() };
    accounts.set_identity(&id, identity, at(0));
    let mut lease = accounts.acquire(&request(&[]), at(1)).unwrap();
    lease.report(CallOutcome::Answered { requested: "m", served: None }, at(1), 0.0);
    drop(lease);
    let quota = Quota { percent: Some(40.0), plan: Some("Expert".into()), ..Quota::default() };
    accounts.set_quota(&id, quota, at(2));
    let before = accounts.list(at(2)).remove(0);
    drop(accounts);
    let after = open(at(900)).list(at(900)).remove(0);
    assert_eq!(after, before);
    assert_eq!((after.email.as_deref(), after.plan.as_deref()), (Some("ada@example.com"), Some("Expert")));
    assert!(after.as_of_ms.is_some() && after.last_used_ms.is_some() && after.as_of_ms > after.last_used_ms);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Answer,
    Fail(UpstreamErrorKind),
    Wait(u64),
    Disable(usize),
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Answer),
        prop_oneof![
            Just(UpstreamErrorKind::Limited),
            Just(UpstreamErrorKind::Throttled),
            Just(UpstreamErrorKind::LoginRequired),
            Just(UpstreamErrorKind::Rejected)
        ]
        .prop_map(Step::Fail),
        (1u64..20_000).prop_map(Step::Wait),
        (0usize..3).prop_map(Step::Disable),
    ]
}

proptest! {
    #[test]
    fn never_a_limited_or_disabled_account_while_a_ready_one_exists(steps in proptest::collection::vec(step(), 1..60), fill: bool) {
        let accounts = accounts(&["a", "b", "c"]);
        accounts.set_strategy(if fill { Strategy::FillFirst } else { Strategy::Balance });
        let mut now = at(0);
        for step in steps {
            if let Step::Wait(seconds) = step { now = now.plus(Duration::from_secs(seconds)); continue; }
            if let Step::Disable(index) = step { accounts.lock().entries[index].state.disabled ^= true; continue; }
            let ready: Vec<String> = accounts.lock().entries.iter()
                .filter(|entry| entry.state.availability("f", now) == Availability::Ready)
                .map(|entry| entry.account.id.clone()).collect();
            match accounts.acquire(&request(&[]), now) {
                Ok(mut lease) => {
                    prop_assert!(ready.contains(&lease.account.id));
                    match step {
                        Step::Fail(kind) => fail(&mut lease, kind, now),
                        Step::Answer | Step::Wait(_) | Step::Disable(_) => lease.report(CallOutcome::Answered { requested: "m", served: None }, now, 0.1),
                    }
                }
                Err(_) => prop_assert!(ready.is_empty()),
            }
        }
    }
}
