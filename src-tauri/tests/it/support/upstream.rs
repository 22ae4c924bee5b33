//! Selection of Mammouth's two upstreams, for tests that hold over both.

use mock_upstream::FaultRule;

use super::{Options, TestEnv, web_fault};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    Web,
    Api,
}

impl Upstream {
    pub const BOTH: [Self; 2] = [Self::Web, Self::Api];

    /// Starts with one account of this kind.
    pub async fn one_account(self, options: Options) -> TestEnv {
        self.env(1, options).await
    }

    /// Starts with two accounts; the first is used first.
    pub async fn two_accounts(self, options: Options) -> TestEnv {
        self.env(2, options).await
    }

    async fn env(self, count: usize, options: Options) -> TestEnv {
        let labels = &self.owners()[..count];
        match self {
            Self::Web => TestEnv::with_options(labels, options).await,
            Self::Api => TestEnv::mixed(&[], labels, options).await,
        }
    }

    /// Labels of the accounts in the mock.
    pub fn owners(self) -> [&'static str; 2] {
        match self {
            Self::Web => ["alice", "bob"],
            Self::Api => ["dora", "emil"],
        }
    }

    /// Labels of the accounts in the program.
    pub fn labels(self) -> [&'static str; 2] {
        match self {
            Self::Web => ["web-1", "web-2"],
            Self::Api => ["api-1", "api-2"],
        }
    }

    /// Sets a fault for every model call.
    pub fn set_fault(self, env: &TestEnv, text: &str) {
        env.simulator.set_faults(vec![self.on_replies(text)]);
    }

    /// Sets a fault for every model call of the first account.
    pub fn set_first_account_fault(self, env: &TestEnv, text: &str) {
        env.simulator.set_faults(vec![self.on_replies(text).for_account(self.owners()[0])]);
    }

    pub fn on_replies(self, text: &str) -> FaultRule {
        let on_models = web_fault(text);
        match self {
            Self::Web => on_models,
            Self::Api => FaultRule::on_api_chat(on_models.fault),
        }
    }
}
