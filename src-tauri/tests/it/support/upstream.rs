//! Mammouth's two upstreams, for tests that hold over both.

use mammouth_proxy::simulator::FaultRule;

use super::{Options, Scene, on_models};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    Web,
    Api,
}

impl Upstream {
    pub const BOTH: [Self; 2] = [Self::Web, Self::Api];

    /// One account of this kind, and no other.
    pub async fn alone(self, options: Options) -> Scene {
        self.scene(1, options).await
    }

    /// Two accounts; the first is asked first.
    pub async fn pair(self, options: Options) -> Scene {
        self.scene(2, options).await
    }

    async fn scene(self, count: usize, options: Options) -> Scene {
        let labels = &self.owners()[..count];
        match self {
            Self::Web => Scene::with(labels, options).await,
            Self::Api => Scene::mixed(&[], labels, options).await,
        }
    }

    /// Who the simulator says that the accounts are.
    pub fn owners(self) -> [&'static str; 2] {
        match self {
            Self::Web => ["alice", "bob"],
            Self::Api => ["dora", "emil"],
        }
    }

    /// What the program calls the accounts.
    pub fn labels(self) -> [&'static str; 2] {
        match self {
            Self::Web => ["web-1", "web-2"],
            Self::Api => ["api-1", "api-2"],
        }
    }

    /// From now on every call for a reply meets this fault.
    pub fn fault(self, scene: &Scene, text: &str) {
        scene.simulator.set_faults(vec![self.on_replies(text)]);
    }

    /// From now on every call of the first account for a reply meets this fault.
    pub fn fault_of_first(self, scene: &Scene, text: &str) {
        scene.simulator.set_faults(vec![self.on_replies(text).for_account(self.owners()[0])]);
    }

    pub fn on_replies(self, text: &str) -> FaultRule {
        let on_models = on_models(text);
        match self {
            Self::Web => on_models,
            Self::Api => FaultRule::on_api_chat(on_models.fault),
        }
    }
}
