//! Rules that assign faults to requests.

use serde::Deserialize;

use super::fault::Fault;

/// Path of chat requests to the website.
pub const LLMS_PATH: &str = "/api/models/llms";
/// Path of image uploads to the website.
pub const UPLOAD_PATH: &str = "/api/attachments/saveFile";

/// A fault and the conditions of its requests. A condition of `None` matches every request, usage polls included.
///
/// In the JSON of `POST /__sim/faults`, the fault is its text form:
/// `[{"path": "/api/models/llms", "account": "alice", "times": 1, "fault": "status=429 header=Retry-After:7"}]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    #[serde(default)]
    pub path: Option<String>,
    /// Label of the account. A request without a valid cookie has none.
    #[serde(default)]
    pub account: Option<String>,
    /// The upstream's model id; only model calls have one.
    #[serde(default)]
    pub model: Option<String>,
    /// Number of requests that get the fault before the rule ends.
    #[serde(default)]
    pub times: Option<u32>,
    #[serde(deserialize_with = "fault_from_text")]
    pub fault: Fault,
}

impl FaultRule {
    /// Rule for every chat request to the website.
    pub fn on_web_chat(fault: Fault) -> Self {
        Self { path: Some(LLMS_PATH.to_owned()), account: None, model: None, times: None, fault }
    }

    /// Rule for every chat completion of the API.
    pub fn on_api_chat(fault: Fault) -> Self {
        Self { path: Some(super::CHAT_PATH.to_owned()), ..Self::on_web_chat(fault) }
    }

    /// Rule for every upload.
    pub fn on_uploads(fault: Fault) -> Self {
        Self { path: Some(UPLOAD_PATH.to_owned()), ..Self::on_web_chat(fault) }
    }

    /// Limits the rule to requests of this account.
    #[must_use]
    pub fn for_account(self, label: &str) -> Self {
        Self { account: Some(label.to_owned()), ..self }
    }

    /// Limits the rule to this many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    fn matches(&self, path: &str, account: Option<&str>, model: Option<&str>) -> bool {
        let same = |wanted: &Option<String>, is: Option<&str>| wanted.is_none() || wanted.as_deref() == is;
        self.times != Some(0)
            && same(&self.path, Some(path))
            && same(&self.account, account)
            && same(&self.model, model)
    }
}

/// Returns the fault of the first matching rule, and counts its use.
pub(super) fn take_fault(
    rules: &mut [FaultRule],
    path: &str,
    account: Option<&str>,
    model: Option<&str>,
) -> Option<Fault> {
    let rule = rules.iter_mut().find(|rule| rule.matches(path, account, model))?;
    rule.times = rule.times.map(|times| times - 1);
    Some(rule.fault.clone())
}

fn fault_from_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Fault, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fit_by_path_account_and_model_and_are_used_up() {
        let mut rules = vec![
            FaultRule::on_web_chat(Fault::status(500)).for_account("alice").times(1),
            FaultRule { model: Some("m".into()), ..FaultRule::on_web_chat(Fault::quota()) },
        ];
        let mut take = |account, model| take_fault(&mut rules, LLMS_PATH, account, model);
        assert_eq!(take(Some("bob"), Some("x")), None);
        assert_eq!(take(Some("alice"), Some("m")), Some(Fault::status(500)));
        assert_eq!(take(Some("alice"), Some("m")), Some(Fault::quota()));
        assert_eq!(take(None, None), None);
    }

    #[test]
    fn rules_are_read_from_json() {
        let rules: Vec<FaultRule> =
            serde_json::from_str(r#"[{"account": "alice", "times": 2, "fault": "status=503"}]"#).unwrap();
        let expected = FaultRule { path: None, ..FaultRule::on_web_chat(Fault::status(503)) };
        assert_eq!(rules, [expected.for_account("alice").times(2)]);
        assert!(serde_json::from_str::<FaultRule>(r#"{"fault": "x=1"}"#).is_err());
        assert!(serde_json::from_str::<FaultRule>(r#"{"fault": "gate", "acount": "a"}"#).is_err());
    }
}
