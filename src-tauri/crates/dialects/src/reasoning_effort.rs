//! Reasoning effort: maps the words and numbers of clients to one scale.

use serde_json::Value;

use protocol::ReasoningEffort;

/// Parses the name of an effort; `None` if it is unknown.
pub(super) fn parse(word: &str) -> Option<ReasoningEffort> {
    match word {
        "none" | "off" | "disabled" => Some(ReasoningEffort::Off),
        "minimal" => Some(ReasoningEffort::Minimal),
        "low" => Some(ReasoningEffort::Low),
        "medium" => Some(ReasoningEffort::Medium),
        "high" => Some(ReasoningEffort::High),
        "xhigh" | "max" | "maximum" => Some(ReasoningEffort::Max),
        _ => None,
    }
}

/// Returns the effort for a budget of reasoning tokens.
pub(super) fn from_budget(tokens: u64) -> ReasoningEffort {
    match tokens {
        0 => ReasoningEffort::Off,
        1..=1_024 => ReasoningEffort::Minimal,
        1_025..=4_096 => ReasoningEffort::Low,
        4_097..=12_000 => ReasoningEffort::Medium,
        12_001..=32_000 => ReasoningEffort::High,
        _ => ReasoningEffort::Max,
    }
}

/// Parses `{"type": "enabled", "budget_tokens": n}`, in the format of Anthropic's API.
pub(super) fn from_thinking(thinking: &Value) -> Option<ReasoningEffort> {
    match thinking["type"].as_str() {
        Some("disabled") => Some(ReasoningEffort::Off),
        Some("enabled") => thinking["budget_tokens"].as_u64().map(from_budget),
        Some(_) | None => None,
    }
}

/// Splits a reasoning effort off a model name: `gpt-5:high` and `gpt-5-high` are `gpt-5` with high effort.
///
/// After a colon the word is always an effort. After a hyphen it may be part of the name (`mistral-medium`),
/// so the caller must check that no model has the whole name.
pub fn split_effort_suffix(name: &str) -> Option<(&str, ReasoningEffort, SuffixMatch)> {
    let (base, certainty, word) = match (name.rsplit_once(':'), name.rsplit_once('-')) {
        (Some((base, word)), _) if parse(word).is_some() => (base, SuffixMatch::Certain, word),
        (_, Some((base, word))) => (base, SuffixMatch::OnlyIfUnknown, word),
        (Some(_) | None, None) => return None,
    };
    let effort = parse(word).filter(|_| !base.is_empty())?;
    Some((base, effort, certainty))
}

/// Certainty that the end of a model name is an effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuffixMatch {
    Certain,
    /// The end is an effort only if no model has the whole name and a model has the rest.
    OnlyIfUnknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_suffixes_are_split_off() {
        assert_eq!(
            split_effort_suffix("gpt-5:high"),
            Some(("gpt-5", ReasoningEffort::High, SuffixMatch::Certain))
        );
        assert_eq!(
            split_effort_suffix("gpt-5-mini-low"),
            Some(("gpt-5-mini", ReasoningEffort::Low, SuffixMatch::OnlyIfUnknown))
        );
        for name in ["gpt-5", "llama3:8b", ":high", "-high", "high", ""] {
            assert_eq!(split_effort_suffix(name), None, "{name}");
        }
    }

    #[test]
    fn a_larger_budget_never_means_less_effort() {
        let steps: Vec<ReasoningEffort> =
            [0, 1, 1_024, 4_000, 10_000, 20_000, 100_000].map(from_budget).to_vec();
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!(from_thinking(&serde_json::json!({ "type": "adaptive" })), None);
    }
}
