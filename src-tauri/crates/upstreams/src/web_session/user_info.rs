//! Parsers of a session's user and quota. The fields are not documented and have changed, so every known form is tried,
//! and missing fields are left out. Pure.

use serde_json::Value;

use super::site_protocol::{PERCENT_KEYS, SiteProtocol};
use crate::transport::sanitize::sanitize;
use crate::{Identity, Quota};
use storage::secrets::Secret;

/// Maximum number of families and length of a name.
const MAX_FAMILIES: usize = 100;
const MAX_NAME_BYTES: usize = 200;

/// Parses the response of the user path. `None` if it names no user: the session is not valid.
pub(super) fn parse_identity(json: &Value, secret: &Secret) -> Option<Identity> {
    let user = ["user", "data"].into_iter().find_map(|key| json.get(key)).unwrap_or(json);
    let user = user.get("user").unwrap_or(user);
    if user.as_object().is_none_or(|user| user.is_empty()) {
        return None;
    }
    let plan = ["plan", "planName", "subscription", "tier"]
        .into_iter()
        .find_map(|key| plan_name(user.get(key)?, secret));
    let name = ["name", "fullName", "username", "firstName"]
        .into_iter()
        .find_map(|key| clean_text(user.get(key)?, secret));
    Some(Identity { email: user.get("email").and_then(|email| clean_text(email, secret)), name, plan })
}

/// Parses the two responses about usage; either may be missing. A percentage that neither has is computed from the
/// spend and the plan, and marked as estimated (docs/upstream-protocol.md, "Quota").
pub(super) fn parse_quota(
    recent: Option<&Value>,
    current: Option<&Value>,
    shape: &SiteProtocol,
    secret: &Secret,
) -> Quota {
    let inside = |json: &Value| ["quota", "usage"].into_iter().find_map(|key| parse_percent(json.get(key)?));
    let told = recent.and_then(|json| parse_percent(json).or_else(|| inside(json)));
    let spend_cents = current.and_then(|json| json.get("currentSpendCents")).and_then(parse_number);
    let spend_cents = spend_cents.filter(|cents| *cents >= 0.0);
    let plan = current.and_then(|json| plan_name(json.get("usagePlan")?, secret));
    let estimate =
        spend_cents.zip(plan.as_deref()).and_then(|(cents, plan)| estimated_percent(cents, plan, shape));
    Quota {
        percent: told.or(estimate),
        estimated: told.is_none() && estimate.is_some(),
        spend_cents,
        plan: plan.filter(|plan| plan != "none").map(|plan| capitalized(&plan)),
        by_family: recent.map(|json| by_family(json, secret)).unwrap_or_default(),
        ..Quota::default()
    }
}

/// The share of a plan's window that `cents` use up, percent; `None` if the plan is unknown or has no quota.
fn estimated_percent(cents: f64, plan: &str, shape: &SiteProtocol) -> Option<f64> {
    let factor = shape.plan_factors.get(&plan.to_lowercase())?;
    let window = f64::from(shape.window_cents) * f64::from(*factor);
    (window > 0.0).then(|| (cents / window * 100.0).min(100.0))
}

fn capitalized(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn parse_percent(json: &Value) -> Option<f64> {
    let found = PERCENT_KEYS.into_iter().find_map(|key| parse_number(json.get(key)?));
    found.filter(|percent| *percent >= 0.0).map(|percent| percent.min(100.0))
}

/// A number, or a text like `"42 %"` or `"42,5%"`.
fn parse_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().trim_end_matches('%').trim().replace(',', ".").parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

/// Share of the use by model family, percent. In the form of 2026 `brand` names the family and `value` is its share;
/// older answers have `name` and a spend, which is turned into a share of all spends.
fn by_family(json: &Value, secret: &Secret) -> Vec<(String, f64)> {
    let brands = json.get("byBrand").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |key: &'static str| {
        let family = move |brand: &Value| {
            Some((clean_text(brand.get(key)?, secret)?.to_lowercase(), parse_number(brand.get("value")?)?))
        };
        brands.iter().take(MAX_FAMILIES).filter_map(family).collect::<Vec<_>>()
    };
    let shares = named("brand");
    if shares.is_empty() { spend_shares(named("name")) } else { shares }
}

fn spend_shares(spends: Vec<(String, f64)>) -> Vec<(String, f64)> {
    let all: f64 = spends.iter().map(|(_, spend)| spend.max(0.0)).sum();
    let share = |spend: f64| if all > 0.0 { (spend.max(0.0) / all * 100.0).min(100.0) } else { 0.0 };
    spends.into_iter().map(|(family, spend)| (family, share(spend))).collect()
}

fn plan_name(value: &Value, secret: &Secret) -> Option<String> {
    clean_text(value, secret)
        .or_else(|| ["name", "plan"].into_iter().find_map(|key| clean_text(value.get(key)?, secret)))
}

fn clean_text(value: &Value, secret: &Secret) -> Option<String> {
    let text = sanitize(value.as_str()?, secret);
    (!text.is_empty() && text.len() <= MAX_NAME_BYTES).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn identity(json: &Value) -> Option<Identity> {
        super::parse_identity(json, &"CANARY_CK1234".into())
    }

    fn quota(recent: Option<&Value>, current: Option<&Value>) -> Quota {
        super::parse_quota(recent, current, &SiteProtocol::default(), &"CANARY_CK1234".into())
    }

    #[test]
    fn r07_an_echoed_cookie_is_not_a_name() {
        let user = identity(&json!({"email": "CANARY_CK1234", "name": "a\u{1b}[2J"})).unwrap();
        assert_eq!(
            (user.email.unwrap().as_str(), user.name.unwrap().as_str()),
            ("[redacted]", "a\\u{1b}[2J")
        );
    }

    #[test]
    fn a_user_is_found_at_the_top_level_or_nested() {
        let ada = Identity {
            email: Some("ada@example.com".into()),
            name: Some("Ada".into()),
            plan: Some("Expert".into()),
        };
        let user = json!({"email": "ada@example.com", "name": "Ada", "plan": "Expert", "new": 1});
        for json in [user.clone(), json!({"user": user}), json!({"data": {"user": user}})] {
            assert_eq!(identity(&json), Some(ada.clone()));
        }
        let plan = json!({"email": null, "subscription": {"plan": "Starter"}});
        assert_eq!(identity(&plan).unwrap().plan.unwrap(), "Starter");
    }

    #[test]
    fn f03_an_answer_without_a_user_means_no_session() {
        for json in
            [json!(null), json!({}), json!({"user": null}), json!([]), json!("x"), json!({"user": {}})]
        {
            assert_eq!(identity(&json), None, "{json}");
        }
    }

    #[test]
    fn the_percentage_is_read_from_every_known_key() {
        for json in [
            json!({"percent": 42.5}),
            json!({"percentUsed": "42.5"}),
            json!({"usagePercent": "42,5 %"}),
            json!({"quotaPercent": " 42.5% "}),
            json!({"quota": {"percent": 42.5}}),
            json!({"quota": null, "usage": {"percent": "42.5 %"}}),
        ] {
            assert_eq!(quota(Some(&json), None).percent, Some(42.5), "{json}");
        }
        assert_eq!(quota(Some(&json!({"percent": 180})), None).percent, Some(100.0));
    }

    #[test]
    fn r08_values_of_the_wrong_type_are_ignored() {
        for percent in
            [json!("much"), json!(-1), json!("NaN"), json!("inf"), json!([]), json!(null), json!(true)]
        {
            assert_eq!(quota(Some(&json!({"percent": percent})), None).percent, None, "{percent}");
        }
        let list: Vec<_> = (0..1000).map(|n| json!({"name": format!("b{n}"), "value": n})).collect();
        assert_eq!(quota(Some(&json!({"byBrand": list})), None).by_family.len(), MAX_FAMILIES);
        let odd = json!({"byBrand": [{"name": 1, "value": 2}, null, {"name": "OpenAI", "value": "3"}, {"name": "x"}]});
        assert_eq!(quota(Some(&odd), None).by_family, [("openai".to_owned(), 100.0)]);
    }

    #[test]
    fn the_spend_comes_from_the_other_answer() {
        let spent = quota(None, Some(&json!({"currentSpendCents": 87})));
        assert_eq!(
            spent,
            Quota { percent: None, spend_cents: Some(87.0), by_family: vec![], ..Quota::default() }
        );
    }

    #[test]
    fn the_2026_format_has_shares_and_the_percentage_is_computed_by_plan() {
        let recent =
            json!({"byBrand": [{"brand": "Anthropic", "value": 62.5}, {"brand": "openai", "value": 37.5}]});
        for (plan, cents, percent) in [
            ("starter", 75.0, Some(50.0)),
            ("standard", 45.0, Some(10.0)),
            ("pro", 45.0, Some(10.0)),
            ("Expert", 1500.0, Some(100.0)),
            ("advanced", 9999.0, Some(100.0)),
            ("enterprise", 0.0, Some(0.0)),
            ("free", 1.0, None),
            ("unsubscribed", 1.0, None),
            ("brand-new", 1.0, None),
        ] {
            let current =
                json!({"currentSpendCents": cents, "usagePlan": plan, "usageCounts": {"prompt": 3}});
            let quota = quota(Some(&recent), Some(&current));
            assert_eq!((quota.percent, quota.estimated), (percent, percent.is_some()), "{plan}");
            assert_eq!(quota.by_family, [("anthropic".to_owned(), 62.5), ("openai".to_owned(), 37.5)]);
        }
        let plan = |plan: &str| quota(None, Some(&json!({"usagePlan": plan}))).plan;
        assert_eq!((plan("expert").as_deref(), plan("none")), (Some("Expert"), None));
    }

    #[test]
    fn a_reported_percentage_takes_precedence_over_the_estimate() {
        let current = json!({"currentSpendCents": 75, "usagePlan": "starter"});
        let quota = quota(Some(&json!({"percentUsed": 12})), Some(&current));
        assert_eq!((quota.percent, quota.estimated), (Some(12.0), false));
    }

    #[test]
    fn the_numbers_behind_the_estimate_can_be_overridden() {
        let shape = SiteProtocol {
            window_cents: 200,
            plan_factors: [("gold".to_owned(), 5)].into(),
            ..SiteProtocol::default()
        };
        let current = json!({"currentSpendCents": 500, "usagePlan": "Gold"});
        assert_eq!(super::parse_quota(None, Some(&current), &shape, &"".into()).percent, Some(50.0));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<f64>().prop_map(|n| json!(n)),
            "\\PC{0,9}".prop_map(Value::from)
        ];
        let keys = "percent|quota|usage|byBrand|brand|name|value|user|email|plan|currentSpendCents|usagePlan";
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(keys, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn r08_any_json_is_read_without_panic(json in any_json()) {
            let quota = quota(Some(&json), Some(&json));
            prop_assert!(quota.percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
            let _ = identity(&json);
        }
    }
}
