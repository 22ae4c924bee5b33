//! Canary test of every fault of Mammouth, including replies that repeat the program's secrets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mock_upstream::{FaultRule, MockUpstream};
use serde_json::json;

use super::{COOKIE, CanaryWatch, options, question, start_with, upstream};

/// Faults in the text form of the mock.
const FAULTS: [&str; 41] = [
    "status=400",
    "status=401",
    "status=403",
    "status=404",
    "status=413",
    "status=429 header=Retry-After:7",
    "status=500",
    "status=503",
    "quota",
    "bad-cookie",
    "body=message",
    "body=leak",
    "body=leak status=400",
    "body=leak status=401",
    "body=leak status=403",
    "body=leak status=429",
    "body=html",
    "body=challenge",
    "body=portal",
    "body=login",
    "redirect=http://127.0.0.1:1/elsewhere",
    "body=empty",
    "body=json",
    "body=json-string",
    "body=json-error",
    "body=cut-json",
    "downgrade=openai-gpt-4o-mini",
    "header=Set-Cookie:auth_session=ckcanary.w9/Qz+7xLm3/Rt5+Gh8k==",
    "delay=forever",
    "first=forever",
    "stall=2",
    "reset=0",
    "reset=2",
    "cut=2",
    "eof=2",
    "slice=1",
    "size=100000",
    "utf8=invalid",
    "utf8=cut",
    "length=9",
    "gzip",
];

#[tokio::test]
async fn r07_no_fault_of_the_upstream_brings_a_secret_out() {
    let mut faults: Vec<String> = FAULTS.map(str::to_owned).to_vec();
    faults.extend(repeating());
    // Several at a time: many faults take a second until the time limit.
    let work = faults.chunks(faults.len().div_ceil(4)).map(all);
    let mut watch = CanaryWatch::new();
    watch.seen = futures_util::future::join_all(work).await.concat();
    watch.assert_nothing_found();
}

/// Errors that repeat the cookie in every encoding that error pages use.
fn repeating() -> Vec<String> {
    let url: String = url::form_urlencoded::byte_serialize(COOKIE.as_bytes()).collect();
    let hex: String = COOKIE.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut texts = vec![
        COOKIE.to_owned(),
        COOKIE[..17].to_owned(),
        url.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d"),
        url,
        hex.to_uppercase(),
        hex,
        json!({ "cookie": COOKIE }).to_string().replace('/', "\\/"),
    ];
    texts.extend((0..3).map(|before| STANDARD.encode(format!("{}{COOKIE}", "x".repeat(before)))));
    let text = serde_json::Value::from(format!("the session {} is bad", texts.join(" or "))).to_string();
    let mut faults = vec![format!("status=500 message={text}"), format!("status=400 message={text}")];
    // The upstream may also put a secret into a status line, a header or an address.
    faults.push(format!(r#"raw="HTTP/1.1 500 {COOKIE}\r\nX-{COOKIE}: x\r\nConnection: close\r\n\r\n""#));
    faults.push(format!(r#"raw="{COOKIE}\r\n\r\n""#));
    faults.push(format!("redirect=http://127.0.0.1:1/{COOKIE}"));
    faults
}

async fn all(faults: &[String]) -> Vec<String> {
    let mut seen = Vec::new();
    for fault in faults {
        let mut watch = CanaryWatch::new();
        // One account, because only the cookie that was sent is redacted in a response.
        let simulator = upstream(&[("alice", COOKIE)]).await;
        meet(&mut watch, &simulator, fault).await;
        seen.extend(watch.seen.into_iter().map(|seen| format!("[{fault}] {seen}")));
    }
    seen
}

/// Runs one fault against a separate program, so that the account's state does not hide the next fault.
async fn meet(watch: &mut CanaryWatch, simulator: &MockUpstream, fault: &str) {
    let for_ever = fault.ends_with("forever");
    let fault =
        |rule: fn(_) -> FaultRule| vec![rule(fault.parse().unwrap_or_else(|error| panic!("{error}")))];
    let impatient = options().settings("[limits]\nfirst_byte_seconds = 1\nidle_seconds = 1\n");
    let program = start_with(simulator, impatient).await;
    let on_models = || fault(FaultRule::on_web_chat);
    for (rules, stream) in [(on_models(), true), (on_models(), false), (fault(FaultRule::on_uploads), false)]
    {
        simulator.set_faults(rules);
        let asked = program.canary_post("/v1/chat/completions", question(stream).to_string()).send().await;
        watch.answer("the answer", asked).await;
    }
    if !for_ever {
        simulator.set_faults(vec![FaultRule { path: None, ..on_models().remove(0) }]);
    }
    for line in [&["accounts", "check"][..], &["doctor"], &["logs", "--json"], &["status"]] {
        watch.output(line[0], &program.cli(line).await);
    }
    let dir = program.stop().await;
    watch.folder("after the fault", dir.path());
}
