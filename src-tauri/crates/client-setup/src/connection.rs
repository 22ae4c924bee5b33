//! Address, key and models that a client uses to reach the proxy.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// Display name of the proxy in clients.
pub const PROVIDER_NAME: &str = "Mammouth Proxy";
/// Id of the proxy's provider entry in a client's file.
pub const PROVIDER_ID: &str = "mammouth-proxy";
/// Environment variable from which clients read the proxy's key.
pub const KEY_VARIABLE: &str = "MAMMOUTH_PROXY_KEY";

/// A model that a client is to offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub id: String,
    pub name: String,
    /// Context window, tokens.
    pub context_window: u64,
    /// Maximum output, tokens.
    pub max_output: u64,
    pub images: bool,
    pub tools: bool,
    pub reasoning: bool,
}

impl Model {
    /// A model of which only the id is known: 200,000 tokens of context, 32,000 of output, with tools.
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            context_window: 200_000,
            max_output: 32_000,
            images: false,
            tools: true,
            reasoning: false,
        }
    }
}

/// Address, key and models for a client's file. `Debug` hides the key.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Key made for this client alone, so that undo can revoke it.
    pub key: SecretString,
    pub model: Model,
    /// Model for titles and summaries; `None` means the main model.
    pub small_model: Option<Model>,
    /// The program that prints a key, with its arguments before the client's id.
    pub key_command: Vec<String>,
}

impl Connection {
    pub fn new(port: u16, key: SecretString, model: Model) -> Self {
        let key_command = [PROVIDER_ID, "keys", "issue"].map(str::to_owned).to_vec();
        Self { port, key, model, small_model: None, key_command }
    }

    /// `http://127.0.0.1:PORT`
    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT/v1`
    pub fn base(&self) -> String {
        format!("{}/v1", self.root())
    }

    /// The main and the small model, without duplicates.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        let small = self.small_model.iter().filter(|small| small.id != self.model.id);
        std::iter::once(&self.model).chain(small)
    }

    pub(crate) fn small(&self) -> &Model {
        self.small_model.as_ref().unwrap_or(&self.model)
    }

    pub(crate) fn secret(&self) -> &str {
        self.key.expose_secret()
    }

    pub(crate) fn key_value(&self) -> Value {
        Value::from(self.secret())
    }
}
