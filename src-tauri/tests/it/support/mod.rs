//! Helpers of the tests: the program as a child process, and small independent clients for it.
//!
//! Everything that a test starts ends with it: the child by its handle, the data directory with its folder.
//! No helper waits for a fixed time: a child reports when it is ready, and the mock reports upstream calls.

pub mod canary;
#[cfg(target_os = "linux")]
mod clock;
mod dialects;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(target_os = "linux")]
mod network_namespace;
mod port;
mod program;
#[cfg(target_os = "linux")]
mod proxied;
mod raw;
mod reply;
mod routes;
mod test_env;
mod upstream;
mod wire;

#[cfg(target_os = "linux")]
pub use clock::Clock;
pub use dialects::{DIALECT_CLIENTS, DialectClient};
#[cfg(target_os = "linux")]
pub use keyring::KeyringSession;
#[cfg(target_os = "linux")]
pub use network_namespace::{in_network_namespace, run_shell};
pub use port::free_port;
#[cfg(unix)]
pub use program::command;
pub use program::{KEY, Options, Program, cli_in, cli_with, refused_start, stderr_text, stdout_text};
#[cfg(target_os = "linux")]
pub use proxied::{PROXY, PROXY_NAME, PUBLIC, PUBLIC_NAME, ProxiedNetwork, SITE, TlsFront};
pub use raw::{RawAnswer, raw};
pub use reply::{Answer, Sse, code_of};
pub use routes::{body_of, every_route, path_of};
pub use test_env::{TestEnv, retry_after, upload_fault, wait_retry_after, web_fault};
pub use upstream::Upstream;
pub use wire::{Wire, check_headers, head, post, with_key};

use mock_upstream::{MockAccount, MockUpstream, MockUpstreamOptions as SimulatorOptions};
use serde_json::{Value, json};

/// A mock with these accounts, without limits and delays.
pub async fn simulator(labels: &[&str]) -> MockUpstream {
    let accounts = labels.iter().map(|label| MockAccount::web(label)).collect();
    simulator_with(accounts).await
}

/// A mock with these accounts.
pub async fn simulator_with(accounts: Vec<MockAccount>) -> MockUpstream {
    MockUpstream::start(SimulatorOptions::instant(accounts)).await.expect("the simulator starts")
}

/// A chat completion request with one user message.
pub fn question(text: &str) -> Value {
    json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": text }] })
}

/// A streamed chat completion request with one user message.
pub fn streamed(text: &str) -> Value {
    let mut request = question(text);
    request["stream"] = json!(true);
    request
}

/// Waits until a condition holds. The time limit only makes a test fail instead of hang.
pub async fn wait_until(what: &str, fact: impl AsyncFn() -> bool) {
    let waiting = async {
        while !fact().await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(120), waiting).await;
    waited.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}
