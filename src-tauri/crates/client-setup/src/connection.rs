//! The proxy as a client is to reach it.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// The name that clients list us under.
pub const PROVIDER_NAME: &str = "Mammouth Proxy";
/// The id of our provider entry in a client's file.
pub const PROVIDER_ID: &str = "mammouth-proxy";
/// The variable that clients are told to read our key from.
pub const KEY_VARIABLE: &str = "MAMMOUTH_PROXY_KEY";

/// A model that a client is to offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub id: String,
    pub name: String,
    /// In tokens.
    pub context_window: u64,
    /// In tokens.
    pub max_output: u64,
    pub images: bool,
    pub tools: bool,
    pub reasoning: bool,
}

impl Model {
    /// A model of which nothing but its id is known: 200,000 tokens in, 32,000 out, with tools.
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

/// The address, the key and the models that are written into a client's file. The key never shows in `Debug`.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Of 127.0.0.1.
    pub port: u16,
    /// A key made for this one client, so that undo can revoke it.
    pub key: SecretString,
    pub model: Model,
    /// For titles and summaries; the main model where there is none.
    pub small_model: Option<Model>,
    /// The program that prints a key, and its arguments before the id of the client.
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

    /// The main model and the small one, each once.
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
