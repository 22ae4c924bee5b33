//! Tests of a key that the official API rejects.

use serde_json::json;

use crate::support::{TestEnv, question};

#[tokio::test]
async fn a_refused_key_is_to_be_replaced_and_a_check_tells_when_it_is_good_again() {
    let env = TestEnv::with_api_account().await;
    env.set_api_fault("bad-cookie");
    env.program.chat(&question("hello")).await;
    let account = env.accounts().await[0].clone();
    assert_eq!((&account["kind"], &account["state"]), (&json!("api"), &json!("needs_login")));
    assert_eq!(account["advice"]["what"], "replace_key", "{account}");
    env.clear_faults();
    let check = env.control("accounts.check", &json!({})).await;
    assert_eq!((&check[0]["ok"], &check[0]["quota_percent"]), (&json!(true), &json!(0.0)), "{check}");
    let account = env.accounts().await[0].clone();
    assert_eq!((&account["budget_usd"], &account["spent_usd"]), (&json!(5.0), &json!(0.0)), "{account}");
    assert_eq!(account["budget_reset_ms"], 4_070_908_800_000_u64);
    env.still_serves().await;
}
