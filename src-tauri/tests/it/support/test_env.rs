//! A program with its simulator, and the questions that most tests ask of the two.

use std::time::Duration;

use mock_upstream::{CHAT_PATH, FaultRule, LLMS_PATH, MockAccount, MockUpstream, RecordedCall};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Answer, KEY, Options, Program, question, simulator};

/// Only so that a fact that never comes fails a test instead of hanging it.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

pub struct TestEnv {
    pub simulator: MockUpstream,
    pub program: Program,
}

impl TestEnv {
    /// Accounts of these labels; the program calls them `web-1`, `web-2`, … in this order.
    pub async fn new(labels: &[&str]) -> Self {
        Self::with_options(labels, Options::default()).await
    }

    pub async fn with_options(labels: &[&str], options: Options) -> Self {
        let simulator = simulator(labels).await;
        let program = Program::start_with(&simulator, options).await;
        Self { simulator, program }
    }

    /// Web accounts and accounts with keys; the program calls the latter `api-1`, `api-2`, …
    pub async fn mixed(web: &[&str], keyed: &[&str], options: Options) -> Self {
        let web = web.iter().map(|label| MockAccount::web(label));
        let accounts = web.chain(keyed.iter().map(|label| MockAccount::api(label))).collect();
        let simulator = super::simulator_with(accounts).await;
        let program = Program::start_with(&simulator, options).await;
        Self { simulator, program }
    }

    /// One account with a key.
    pub async fn with_api_account() -> Self {
        Self::mixed(&[], &["dora"], Options::default()).await
    }

    /// Stops the program as a service manager would and starts it again on what it kept.
    pub async fn restart(self) -> Self {
        let dir = self.program.stop().await;
        let program = Program::start_in(dir, Some(&self.simulator), Options::default()).await;
        Self { simulator: self.simulator, program }
    }

    /// From now on every model call meets this fault.
    pub fn set_web_fault(&self, text: &str) {
        self.simulator.set_faults(vec![web_fault(text)]);
    }

    /// From now on every model call of one account meets this fault.
    pub fn set_account_fault(&self, label: &str, text: &str) {
        self.simulator.set_faults(vec![web_fault(text).for_account(label)]);
    }

    pub fn clear_faults(&self) {
        self.simulator.set_faults(Vec::new());
    }

    /// From now on every chat completion of the API meets this fault.
    pub fn set_api_fault(&self, text: &str) {
        let fault = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        self.simulator.set_faults(vec![FaultRule::on_api_chat(fault)]);
    }

    /// The calls for a reply, oldest first.
    pub fn model_calls(&self) -> Vec<RecordedCall> {
        let is_model_call = |call: &RecordedCall| [LLMS_PATH, CHAT_PATH].contains(&call.path.as_str());
        self.simulator.calls().into_iter().filter(is_model_call).collect()
    }

    /// The accounts that were asked for a reply, oldest first.
    pub fn accounts_called(&self) -> Vec<String> {
        self.model_calls().into_iter().map(|call| call.account.expect("a known account")).collect()
    }

    /// Carries out a command of the control door.
    pub async fn control(&self, name: &str, args: &Value) -> Value {
        let token = std::fs::read_to_string(self.program.dir.path().join("control-token")).expect("a token");
        let request = self.program.http.post(format!("{}/control/{name}", self.program.base));
        let request = request.bearer_auth(token.trim()).header("content-type", "application/json");
        let answer = Answer::of(request.body(args.to_string()).send().await).await;
        assert_eq!(answer.status, 200, "{name}: {:?}", answer.body);
        answer.json()
    }

    /// The accounts as `accounts list` shows them.
    pub async fn accounts(&self) -> Vec<Value> {
        let accounts = self.control("accounts.list", &Value::Null).await;
        accounts.as_array().expect("a list").clone()
    }

    /// State and scopes of the limits of an account, as in `limited openai`.
    pub async fn account_state(&self, label: &str) -> String {
        let accounts = self.accounts().await;
        let account = accounts.iter().find(|account| account["label"] == label).expect("a known label");
        let limits = account["limits"].as_array().expect("a list");
        let words = limits.iter().map(|limit| limit["scope"].as_str().expect("a text"));
        let mut words: Vec<&str> = std::iter::once(account["state"].as_str().unwrap()).chain(words).collect();
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }

    /// Waits until no account has a call running.
    pub async fn wait_until_idle(&self) {
        let idle = async {
            while !self.accounts().await.iter().all(|account| account["running"] == 0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, idle).await.expect("every place in an account is given back");
    }

    /// The record of an answered request, found by the id in the answer's headers.
    pub async fn record_of(&self, headers: &HeaderMap) -> Value {
        let id = headers["x-request-id"].to_str().expect("an id").to_owned();
        let is_it = |record: &Value| record["request_id"] == id;
        let records = self.wait_for_records(|records| records.iter().any(is_it)).await;
        records.into_iter().find(is_it).expect("it was seen")
    }

    /// The newest records of the request log, once they are as they should be: a record may be on its way for a moment.
    pub async fn wait_for_records(&self, right: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let reading = async {
            loop {
                let records = self.control("log.latest", &json!({ "limit": 1000 })).await;
                let records = records.as_array().expect("a list").clone();
                if right(&records) {
                    return records;
                }
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, reading).await.expect("the log has the records")
    }

    /// The program still works, and never broke the protocol: what every case has to end with.
    pub async fn still_serves(&self) -> Answer {
        self.serves_model("gpt-4.1").await
    }

    /// The same with a model of choice.
    pub async fn serves_model(&self, model: &str) -> Answer {
        self.clear_faults();
        let mut request = question("echo: still here");
        request["model"] = model.into();
        let answer = self.program.chat(&request).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "still here"));
        self.assert_no_protocol_error();
        answer
    }

    /// The simulator found nothing wrong with what it was sent.
    pub fn assert_no_protocol_error(&self) {
        for call in self.simulator.calls() {
            assert_eq!(call.problem, None, "{call:?}");
        }
    }

    /// Sends a chat completion over a socket of its own and reads nothing yet.
    pub async fn raw_request(&self, body: &Value) -> TcpStream {
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut socket = TcpStream::connect(("127.0.0.1", self.program.port)).await.expect("a connection");
        socket.write_all(format!("{head}{body}").as_bytes()).await.expect("the request is sent");
        socket
    }

    /// The memory that the program has in use, bytes.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.pid())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line about memory");
        let kilobytes: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kilobytes * 1024
    }

    /// How many files and sockets the program has open.
    #[cfg(target_os = "linux")]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.program.pid())).expect("Linux").count()
    }

    /// Waits until no more files and sockets than this are open.
    #[cfg(target_os = "linux")]
    pub async fn wait_for_open_files(&self, most: usize) {
        let few = async {
            while self.open_files() > most {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, few).await.expect("sockets are given back");
    }

    /// Waits for a fact about the simulator.
    pub async fn wait_for(&self, fact: impl Fn(&mock_upstream::MockUpstreamState) -> bool) {
        let waiting = self.simulator.wait_for(fact);
        tokio::time::timeout(WAIT_TIMEOUT, waiting).await.expect("the simulator sees it happen");
    }
}

/// Waits as long as an answer asks for, as a well-behaved client does.
pub async fn wait_retry_after(answer: &Answer) {
    tokio::time::sleep(Duration::from_secs(retry_after(answer).expect("a Retry-After"))).await;
}

/// The seconds of `Retry-After`.
pub fn retry_after(answer: &Answer) -> Option<u64> {
    answer.header("retry-after").map(|value| value.parse().expect("whole seconds"))
}

/// Every model call meets this fault.
pub fn web_fault(text: &str) -> FaultRule {
    FaultRule::on_web_chat(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// Every upload meets this fault.
pub fn upload_fault(text: &str) -> FaultRule {
    FaultRule::on_uploads(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}
