//! A program with its mock upstream, and requests that most tests need.

use std::time::Duration;

use mock_upstream::{CHAT_PATH, FaultRule, LLMS_PATH, MockAccount, MockUpstream, RecordedCall};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Answer, KEY, Options, Program, question, simulator};

/// Time limit of a wait, which makes a test fail instead of hang.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

pub struct TestEnv {
    pub simulator: MockUpstream,
    pub program: Program,
}

impl TestEnv {
    /// Starts with web accounts of these labels. The program names them `web-1`, `web-2`, … in this order.
    pub async fn new(labels: &[&str]) -> Self {
        Self::with_options(labels, Options::default()).await
    }

    pub async fn with_options(labels: &[&str], options: Options) -> Self {
        let simulator = simulator(labels).await;
        let program = Program::start_with(&simulator, options).await;
        Self { simulator, program }
    }

    /// Starts with web and API accounts. The program names the latter `api-1`, `api-2`, …
    pub async fn mixed(web: &[&str], keyed: &[&str], options: Options) -> Self {
        let web = web.iter().map(|label| MockAccount::web(label));
        let accounts = web.chain(keyed.iter().map(|label| MockAccount::api(label))).collect();
        let simulator = super::simulator_with(accounts).await;
        let program = Program::start_with(&simulator, options).await;
        Self { simulator, program }
    }

    /// Starts with one API account.
    pub async fn with_api_account() -> Self {
        Self::mixed(&[], &["dora"], Options::default()).await
    }

    /// Stops the program as a service manager would, and starts it again on the same data directory.
    pub async fn restart(self) -> Self {
        let dir = self.program.stop().await;
        let program = Program::start_in(dir, Some(&self.simulator), Options::default()).await;
        Self { simulator: self.simulator, program }
    }

    /// Sets a fault for every model call over the web.
    pub fn set_web_fault(&self, text: &str) {
        self.simulator.set_faults(vec![web_fault(text)]);
    }

    /// Sets a fault for every model call of one web account.
    pub fn set_account_fault(&self, label: &str, text: &str) {
        self.simulator.set_faults(vec![web_fault(text).for_account(label)]);
    }

    pub fn clear_faults(&self) {
        self.simulator.set_faults(Vec::new());
    }

    /// Sets a fault for every chat completion of the API.
    pub fn set_api_fault(&self, text: &str) {
        let fault = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        self.simulator.set_faults(vec![FaultRule::on_api_chat(fault)]);
    }

    /// Model calls, oldest first.
    pub fn model_calls(&self) -> Vec<RecordedCall> {
        let is_model_call = |call: &RecordedCall| [LLMS_PATH, CHAT_PATH].contains(&call.path.as_str());
        self.simulator.calls().into_iter().filter(is_model_call).collect()
    }

    /// Accounts of the model calls, oldest first.
    pub fn accounts_called(&self) -> Vec<String> {
        self.model_calls().into_iter().map(|call| call.account.expect("a known account")).collect()
    }

    /// Runs a command of the management API, which must succeed.
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

    /// State of an account and the scopes of its limits, such as `limited openai`.
    pub async fn account_state(&self, label: &str) -> String {
        let accounts = self.accounts().await;
        let account = accounts.iter().find(|account| account["label"] == label).expect("a known label");
        let limits = account["limits"].as_array().expect("a list");
        let words = limits.iter().map(|limit| limit["scope"].as_str().expect("a text"));
        let mut words: Vec<&str> = std::iter::once(account["state"].as_str().unwrap()).chain(words).collect();
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }

    /// Waits until no account has a running call.
    pub async fn wait_until_idle(&self) {
        let idle = async {
            while !self.accounts().await.iter().all(|account| account["running"] == 0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, idle).await.expect("every place in an account is given back");
    }

    /// Log record of a response, found by the request id in the headers.
    pub async fn record_of(&self, headers: &HeaderMap) -> Value {
        let id = headers["x-request-id"].to_str().expect("an id").to_owned();
        let is_it = |record: &Value| record["request_id"] == id;
        let records = self.wait_for_records(|records| records.iter().any(is_it)).await;
        records.into_iter().find(is_it).expect("it was seen")
    }

    /// Newest records of the request log, once `right` holds for them. A record follows its response after a
    /// moment.
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

    /// Checks that the program still serves and never violated the upstream protocol. Every test should end
    /// with this check.
    pub async fn still_serves(&self) -> Answer {
        self.serves_model("gpt-4.1").await
    }

    /// Does the same as [`Self::still_serves`], with this model.
    pub async fn serves_model(&self, model: &str) -> Answer {
        self.clear_faults();
        let mut request = question("echo: still here");
        request["model"] = model.into();
        let answer = self.program.chat(&request).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "still here"));
        self.assert_no_protocol_error();
        answer
    }

    /// Checks that the mock recorded no protocol violation.
    pub fn assert_no_protocol_error(&self) {
        for call in self.simulator.calls() {
            assert_eq!(call.problem, None, "{call:?}");
        }
    }

    /// Sends a chat completion request over a separate socket without reading the response.
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

    /// Resident memory of the program, bytes.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.pid())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line about memory");
        let kilobytes: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kilobytes * 1024
    }

    /// Number of files and sockets that the program has open.
    #[cfg(target_os = "linux")]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.program.pid())).expect("Linux").count()
    }

    /// Waits until at most this many files and sockets are open.
    #[cfg(target_os = "linux")]
    pub async fn wait_for_open_files(&self, most: usize) {
        let few = async {
            while self.open_files() > most {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, few).await.expect("sockets are given back");
    }

    /// Waits until a condition on the mock holds.
    pub async fn wait_for(&self, fact: impl Fn(&mock_upstream::MockUpstreamState) -> bool) {
        let waiting = self.simulator.wait_for(fact);
        tokio::time::timeout(WAIT_TIMEOUT, waiting).await.expect("the simulator sees it happen");
    }
}

/// Waits for the `Retry-After` of a response, as a regular client does.
pub async fn wait_retry_after(answer: &Answer) {
    tokio::time::sleep(Duration::from_secs(retry_after(answer).expect("a Retry-After"))).await;
}

/// Seconds of `Retry-After`.
pub fn retry_after(answer: &Answer) -> Option<u64> {
    answer.header("retry-after").map(|value| value.parse().expect("whole seconds"))
}

/// Rule with a fault for every model call over the web.
pub fn web_fault(text: &str) -> FaultRule {
    FaultRule::on_web_chat(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// Rule with a fault for every upload.
pub fn upload_fault(text: &str) -> FaultRule {
    FaultRule::on_uploads(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}
