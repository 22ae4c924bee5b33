use proptest::prelude::Just;
use proptest::strategy::Strategy as _;
use proptest::{prop_assert, prop_oneof, proptest};

use super::super::account::Origin;
use super::super::state::{Reason, Standing};
use super::super::view::AccountState;
use super::*;
use crate::secrets::StoreError;
use crate::upstreams::{Identity, Quota, UpstreamError, UpstreamErrorKind};

fn at(seconds: u64) -> Now {
    Now {
        uptime: Duration::from_secs(10_000 + seconds),
        wall: std::time::UNIX_EPOCH + Duration::from_secs(seconds),
    }
}

fn account(label: &str, kind: Kind) -> Account {
    Account::new(label, kind, Origin::Environment, format!("secret-of-{label}").into())
}

fn accounts(labels: &[&str]) -> Accounts {
    let list = labels.iter().map(|label| account(label, Kind::Web)).collect();
    Accounts::new(list, Strategy::Balance, None, at(0))
}

fn ask<'a>(scope: &'a str, tried: &'a [String]) -> Ask<'a> {
    Ask { kinds: Kinds::ANY, scope, tried, conversation: None }
}

fn fail(accounts: &Accounts, lease: &mut Lease, kind: UpstreamErrorKind, now: Now) {
    accounts.report(lease, &ask("f", &[]), Report::Failed(&UpstreamError::new(kind, "")), now, 0.5);
}

#[test]
fn f01_a_limited_account_gives_way_and_comes_back() {
    let accounts = accounts(&["a", "b"]);
    let mut first = accounts.pick(&ask("f", &[]), at(0)).unwrap();
    assert_eq!(first.account.label, "a");
    fail(&accounts, &mut first, UpstreamErrorKind::Limited, at(0));
    drop(first);
    let second = accounts.pick(&ask("f", &[]), at(1)).unwrap();
    assert_eq!(second.account.label, "b");
    assert_eq!(second.why.limited, 1, "{}", second.why);
    drop(second);
    let again = accounts.pick(&ask("f", &["".into()]), at(3 * 3_600)).unwrap();
    assert_eq!(again.account.label, "a", "least recently used once its window is over");
}

#[test]
fn all_limited_names_the_soonest_end() {
    let accounts = accounts(&["a"]);
    let mut lease = accounts.pick(&ask("f", &[]), at(0)).unwrap();
    let failure =
        UpstreamError::new(UpstreamErrorKind::Throttled, "").with_retry_after(Some(Duration::from_secs(7)));
    accounts.report(&mut lease, &ask("f", &[]), Report::Failed(&failure), at(0), 0.0);
    let expected = NoAccount::Limited { wait: Duration::from_secs(7), reason: Reason::Throttled };
    assert_eq!(accounts.pick(&ask("f", &[]), at(0)).unwrap_err(), expected);
}

#[test]
fn who_is_missing_is_said() {
    assert_eq!(accounts(&[]).pick(&ask("f", &[]), at(0)).unwrap_err(), NoAccount::None);
    let api = Accounts::new(vec![account("k", Kind::Api)], Strategy::Balance, None, at(0));
    let web_only = Ask { kinds: Kinds::WEB, ..ask("f", &[]) };
    assert_eq!(api.pick(&web_only, at(0)).unwrap_err(), NoAccount::Missing(Kind::Web));
    let native = Ask { kinds: Kinds::API, ..ask("f", &[]) };
    assert_eq!(accounts(&["a"]).pick(&native, at(0)).unwrap_err(), NoAccount::Missing(Kind::Api));
    let lost = accounts(&["a"]);
    let mut lease = lost.pick(&ask("f", &[]), at(0)).unwrap();
    fail(&lost, &mut lease, UpstreamErrorKind::LoginRequired, at(0));
    assert_eq!(lost.pick(&ask("f", &[]), at(0)).unwrap_err(), NoAccount::LoginRequired);
    let id = lease.account.id.clone();
    lost.checked(&id, true, at(1));
    assert!(lost.pick(&ask("f", &[]), at(1)).is_ok());
}

#[test]
fn f45_who_waits_for_the_keychain_is_said_to() {
    let accounts = accounts(&[]);
    let late = account("late", Kind::Web);
    accounts.expect(late.id.clone(), late.label.clone(), Kind::Web);
    accounts.expect("lost".to_owned(), "gone".to_owned(), Kind::Web);
    accounts.set_absence("lost", Absence::Lost);
    let why = || accounts.pick(&ask("f", &[]), at(0)).unwrap_err();
    assert_eq!(why(), NoAccount::Starting);
    accounts.set_absence(&late.id, Absence::Unreadable(StoreError::Locked));
    assert_eq!(why(), NoAccount::Unreadable(StoreError::Locked));
    let views = accounts.list(at(0));
    assert_eq!((views[0].state, views[1].state), (AccountState::Locked, AccountState::NeedsLogin));
    assert!(views.iter().all(|view| view.advice.is_some()));
    assert!(accounts.add(late, at(0)));
    assert_eq!(accounts.pick(&ask("f", &[]), at(0)).unwrap().account.label, "late");
    assert_eq!(accounts.absent().len(), 1);
    accounts.remove("late");
    assert_eq!(why(), NoAccount::LoginRequired);
    accounts.remove("gone");
    assert_eq!(why(), NoAccount::None);
}

#[test]
fn f60_accounts_that_are_there_do_not_wait_for_those_being_read() {
    let accounts = accounts(&["a"]);
    accounts.expect("late".to_owned(), "late".to_owned(), Kind::Web);
    let mut lease = accounts.pick(&ask("f", &[]), at(0)).unwrap();
    fail(&accounts, &mut lease, UpstreamErrorKind::Limited, at(0));
    assert_eq!(accounts.pick(&ask("f", &[]), at(0)).unwrap_err(), NoAccount::Starting);
    accounts.set_absence("late", Absence::Unreadable(StoreError::Hung));
    assert!(matches!(accounts.pick(&ask("f", &[]), at(0)), Err(NoAccount::Limited { .. })));
}

#[test]
fn f29_a_conversation_stays_until_its_account_is_out() {
    let accounts = accounts(&["a", "b"]);
    let talk = Ask { conversation: Some(7), ..ask("f", &[]) };
    let answered = Report::Answered { asked: "m", served: None };
    let mut lease = accounts.pick(&talk, at(0)).unwrap();
    accounts.report(&mut lease, &talk, answered, at(0), 0.0);
    drop(lease);
    let mut second = accounts.pick(&talk, at(1)).unwrap();
    assert_eq!(second.account.label, "a");
    accounts.report(
        &mut second,
        &talk,
        Report::Failed(&UpstreamError::new(UpstreamErrorKind::Limited, "")),
        at(1),
        0.0,
    );
    drop(second);
    let mut third = accounts.pick(&talk, at(2)).unwrap();
    assert_eq!(third.account.label, "b");
    accounts.report(&mut third, &talk, answered, at(2), 0.0);
    drop(third);
    assert_eq!(
        accounts.pick(&talk, at(4 * 3_600 / 2)).unwrap().account.label,
        "b",
        "no way back without a reason"
    );
}

#[test]
fn f11_replies_that_always_break_off_count_against_mammouth() {
    let accounts = accounts(&["a"]);
    for _ in 0..4 {
        let mut lease = accounts.pick(&ask("f", &[]), at(0)).unwrap();
        let answered = Report::Answered { asked: "m", served: None };
        accounts.report(&mut lease, &ask("f", &[]), answered, at(0), 0.0);
        fail(&accounts, &mut lease, UpstreamErrorKind::Interrupted, at(0));
    }
    assert!(matches!(accounts.pick(&ask("f", &[]), at(0)), Err(NoAccount::UpstreamDown { .. })));
}

#[test]
fn f07_a_probe_helps_by_its_first_event_and_others_by_their_end() {
    let accounts = accounts(&["a"]);
    let probe = |now| {
        let mut lease = accounts.pick(&ask("f", &[]), now).unwrap();
        let answered = Report::Answered { asked: "m", served: None };
        accounts.report(&mut lease, &ask("f", &[]), answered, now, 0.0);
        lease
    };
    for _ in 0..4 {
        let mut lease = accounts.pick(&ask("f", &[]), at(0)).unwrap();
        fail(&accounts, &mut lease, UpstreamErrorKind::Server, at(0));
    }
    let first = probe(at(3));
    let second = probe(at(3));
    assert!([&first, &second].iter().all(|lease| lease.why.tries));
    assert!(!probe(at(3)).why.tries, "closed while both replies still run");
}

#[test]
fn f56_a_dropped_lease_gives_its_place_back() {
    let accounts = accounts(&["a"]);
    drop(accounts.pick(&ask("f", &[]), at(0)).unwrap());
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
            vec![account("a", Kind::Web)],
            Strategy::Balance,
            Some(Store::open(&path).unwrap()),
            now,
        )
    };
    let accounts = open(at(0));
    let mut lease = accounts.pick(&ask("f", &[]), at(0)).unwrap();
    fail(&accounts, &mut lease, UpstreamErrorKind::Limited, at(0));
    drop(lease);
    drop(accounts);
    let reopened = open(at(60));
    assert!(matches!(reopened.pick(&ask("f", &[]), at(60)), Err(NoAccount::Limited { .. })));
    assert!(reopened.pick(&ask("f", &[]), at(4 * 3_600)).is_ok());
}

#[test]
fn what_was_told_of_an_account_outlives_a_restart_with_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let open = |now| {
        let account = account("a", Kind::Web);
        Accounts::new(vec![account], Strategy::Balance, Some(Store::open(&path).unwrap()), now)
    };
    let accounts = open(at(0));
    let id = accounts.list(at(0))[0].id.clone();
    let identity = Identity { email: Some("ada@example.com".into()), ..Identity::default() };
    accounts.set_identity(&id, identity, at(0));
    let mut lease = accounts.pick(&ask("f", &[]), at(1)).unwrap();
    accounts.report(&mut lease, &ask("f", &[]), Report::Answered { asked: "m", served: None }, at(1), 0.0);
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
            if let Step::Disable(index) = step { accounts.lock().seats[index].state.disabled ^= true; continue; }
            let ready: Vec<String> = accounts.lock().seats.iter()
                .filter(|seat| seat.state.standing("f", now) == Standing::Ready)
                .map(|seat| seat.account.id.clone()).collect();
            match accounts.pick(&ask("f", &[]), now) {
                Ok(mut lease) => {
                    prop_assert!(ready.contains(&lease.account.id));
                    let report_ask = ask("f", &[]);
                    match step {
                        Step::Fail(kind) => fail(&accounts, &mut lease, kind, now),
                        Step::Answer | Step::Wait(_) | Step::Disable(_) => accounts.report(&mut lease, &report_ask, Report::Answered { asked: "m", served: None }, now, 0.1),
                    }
                }
                Err(_) => prop_assert!(ready.is_empty()),
            }
        }
    }
}
