//! Applications that import a provider by a link and ask their user about it. No file is touched.
//!
//! The link contains the key: it is to be opened by the system's own call, never on a command line that others can list.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::client::{BaseUrl, Client, PickUp, root_and_key};
use crate::connection::{Model, PROVIDER_ID, PROVIDER_NAME};
use crate::value::Value;

const BY_LINK: Client = Client {
    base_url: BaseUrl::Root,
    pick_up: PickUp::AtOnce,
    by_hand: root_and_key,
    why_not: Some("it imports a provider by a link instead, and asks before it does"),
    ..Client::UNKNOWN
};

/// Cherry Studio. Source: `CherryHQ/cherry-studio`, `providersImport.ts`.
pub(super) static CHERRY_STUDIO: Client = Client {
    id: "cherry-studio",
    name: "Cherry Studio",
    traces: |environment| vec![environment.app_settings().join("CherryStudio")],
    deep_link: Some(|connection| {
        let provider = Value::object([
            ("id", PROVIDER_ID.into()),
            ("name", PROVIDER_NAME.into()),
            ("type", "openai".into()),
            ("baseUrl", connection.root().into()),
            ("apiKey", connection.key_value()),
        ]);
        link(&format!("cherrystudio://providers/api-keys?v=1&data={}", encoded(&provider)))
    }),
    ..BY_LINK
};

/// Chatbox. Source: <https://docs.chatboxai.app/guides/providers/import-config>.
pub(super) static CHATBOX: Client = Client {
    id: "chatbox",
    name: "Chatbox",
    traces: |environment| vec![environment.app_settings().join("xyz.chatboxapp.app")],
    deep_link: Some(|connection| {
        let settings = Value::object([
            ("apiHost", connection.root().into()),
            ("apiPath", "/v1/chat/completions".into()),
            ("apiKey", connection.key_value()),
            ("models", Value::array(connection.models().map(chatbox_model))),
        ]);
        let provider = Value::object([
            ("id", PROVIDER_ID.into()),
            ("name", PROVIDER_NAME.into()),
            ("type", "openai".into()),
            ("urls", Value::object([("website", connection.root().into())])),
            ("settings", settings),
        ]);
        link(&format!("chatbox://provider/import?config={}", encoded(&provider)))
    }),
    notes: &["Version 1.15.1 or later."],
    ..BY_LINK
};

/// DeepChat. With an `id` the link would overwrite a built-in provider. Source: `ThinkInAIXYZ/deepchat`,
/// `providerDeeplink.ts`.
pub(super) static DEEPCHAT: Client = Client {
    id: "deepchat",
    name: "DeepChat",
    base_url: BaseUrl::V1,
    traces: |environment| vec![environment.app_settings().join("DeepChat")],
    deep_link: Some(|connection| {
        let provider = Value::object([
            ("name", PROVIDER_NAME.into()),
            ("type", "openai".into()),
            ("baseUrl", connection.base().into()),
            ("apiKey", connection.key_value()),
        ]);
        link(&format!("deepchat://provider/install?v=1&data={}", encoded(&provider)))
    }),
    ..BY_LINK
};

/// OpenCat. Source: `QuantumNous/new-api`, `setting/chat.go`.
pub(super) static OPENCAT: Client = Client {
    id: "opencat",
    name: "OpenCat",
    deep_link: Some(|connection| {
        let (root, key) = (percent_encoded(&connection.root()), percent_encoded(connection.secret()));
        link(&format!("opencat://team/join?domain={root}&token={key}"))
    }),
    ..BY_LINK
};

/// CC Switch. Source: `farion1231/cc-switch`, `src-tauri/src/deeplink/parser.rs`.
pub(super) static CC_SWITCH: Client = Client {
    id: "cc-switch",
    name: "CC Switch",
    traces: |environment| vec![environment.home.join(".cc-switch")],
    deep_link: Some(|connection| {
        let (model, small) = (&connection.model.id, &connection.small().id);
        let parameters = [
            ("resource", "provider"),
            ("app", "claude"),
            ("name", PROVIDER_NAME),
            ("endpoint", &connection.root()),
            ("apiKey", connection.secret()),
            ("model", model),
            ("haikuModel", small),
            ("sonnetModel", model),
            ("opusModel", model),
        ]
        .map(|(name, value)| format!("{name}={}", percent_encoded(value)));
        link(&format!("ccswitch://v1/import?{}", parameters.join("&")))
    }),
    ..BY_LINK
};

fn chatbox_model(model: &Model) -> Value {
    let capabilities = [(model.images, "vision"), (model.tools, "tool_use"), (model.reasoning, "reasoning")];
    let capabilities = capabilities.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.into());
    Value::object([
        ("modelId", model.id.as_str().into()),
        ("nickname", model.name.as_str().into()),
        ("type", "chat".into()),
        ("capabilities", Value::array(capabilities)),
        ("contextWindow", model.context_window.into()),
        ("maxOutput", model.max_output.into()),
    ])
}

fn link(url: &str) -> SecretString {
    SecretString::from(url)
}

/// Encodes the JSON as Base64. `+`, `/` and `=` are percent-encoded, because not every application reads the
/// URL-safe alphabet.
fn encoded(value: &Value) -> String {
    percent_encoded(&STANDARD.encode(value.to_json()))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::connection::Connection;

    fn connection() -> Connection {
        Connection::new(8787, SecretString::from("mp-key+1"), Model::named("gpt"))
    }

    #[test]
    fn a_link_carries_the_provider_as_base64_of_json() {
        let link = CHERRY_STUDIO.deep_link.unwrap()(&connection());
        let data = link.expose_secret().strip_prefix("cherrystudio://providers/api-keys?v=1&data=").unwrap();
        let json = STANDARD.decode(data.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/")).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["baseUrl"], "http://127.0.0.1:8787");
        assert_eq!(value["apiKey"], "mp-key+1");
    }

    #[test]
    fn parameters_are_percent_encoded() {
        let link = OPENCAT.deep_link.unwrap()(&connection());
        assert_eq!(
            link.expose_secret(),
            "opencat://team/join?domain=http%3A%2F%2F127.0.0.1%3A8787&token=mp-key%2B1"
        );
    }

    #[test]
    fn deepchat_gets_no_id() {
        let link = DEEPCHAT.deep_link.unwrap()(&connection());
        let data = link.expose_secret().split("data=").nth(1).unwrap().replace("%3D", "=");
        let json = STANDARD.decode(data).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&json).unwrap().get("id").is_none());
    }
}
