//! Short texts for the tray: the state of an account, a quota as a bar, remaining time.

use super::super::i18n::{Strings, fill};
use super::super::status::AccountStatus;
use gateway::accounts::AccountState;

/// Maximum length of a text from outside in a menu line, characters.
const MAX_TEXT_CHARACTERS: usize = 80;
const BAR_CELLS: usize = 10;

/// Shortens a text from outside and removes characters that would break a menu line.
pub(super) fn truncate(text: &str) -> String {
    let mut clean = text.chars().filter(|c| !c.is_control());
    let short: String = clean.by_ref().take(MAX_TEXT_CHARACTERS).collect();
    if clean.next().is_some() { format!("{short}…") } else { short }
}

/// The used share of a quota as a bar, such as `▰▰▰▱▱▱▱▱▱▱ 30 %`. `percent` is 0 to 100.
pub(super) fn quota_bar(percent: f64) -> String {
    let percent = percent.clamp(0.0, 100.0);
    // Rounded up, so that the first use is visible.
    let full = (0..BAR_CELLS).filter(|cell| *cell as f64 * 100.0 < percent * BAR_CELLS as f64).count();
    format!("{}{} {percent:.0} %", "▰".repeat(full), "▱".repeat(BAR_CELLS - full))
}

/// An account's state in a few words.
pub(super) fn account_text(account: &AccountStatus, strings: &Strings) -> String {
    let state = match account.state {
        AccountState::Limited => {
            return match account.seconds_left {
                Some(seconds) => fill(strings.resets_in, &[&time_left(seconds, strings)]),
                None => strings.limited_now.to_owned(),
            };
        }
        AccountState::NeedsLogin => strings.needs_login,
        AccountState::Unreachable => strings.unreachable,
        AccountState::Disabled => strings.paused,
        AccountState::Starting => strings.starting,
        AccountState::Locked => strings.locked,
        AccountState::Unreadable => strings.unreadable,
        AccountState::OtherHost => strings.other_host,
        AccountState::Ready => strings.ready,
    };
    state.to_owned()
}

/// The remaining time in whole minutes, rounded up: a menu whose text changes every second cannot be read.
pub(crate) fn time_left(seconds: u64, strings: &Strings) -> String {
    let minutes = seconds.div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, 0 | 1) => strings.under_a_minute.to_owned(),
        (0, minutes) => fill(strings.minutes, &[&minutes.to_string()]),
        (hours, 0) => fill(strings.hours, &[&hours.to_string()]),
        (hours, minutes) => fill(strings.hours_minutes, &[&hours.to_string(), &minutes.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    #[test]
    fn a_bar_shows_the_first_use_and_the_last_rest() {
        assert_eq!(quota_bar(0.0), "▱▱▱▱▱▱▱▱▱▱ 0 %");
        assert_eq!(quota_bar(0.5), "▰▱▱▱▱▱▱▱▱▱ 0 %");
        assert_eq!(quota_bar(30.0), "▰▰▰▱▱▱▱▱▱▱ 30 %");
        assert_eq!(quota_bar(99.0), "▰▰▰▰▰▰▰▰▰▰ 99 %");
        assert_eq!(quota_bar(250.0), "▰▰▰▰▰▰▰▰▰▰ 100 %");
    }

    #[test]
    fn time_left_is_in_whole_minutes() {
        let words = Language::English.strings();
        for (seconds, text) in [
            (0, "under a minute"),
            (60, "under a minute"),
            (61, "2 min"),
            (3_600, "1 h"),
            (9_001, "2 h 31 min"),
        ] {
            assert_eq!(time_left(seconds, words), text, "{seconds}");
        }
    }

    #[test]
    fn text_from_outside_is_cut_and_kept_on_one_line() {
        assert_eq!(truncate("a\nb\tc"), "abc");
        let long = "é".repeat(100);
        assert_eq!(truncate(&long), format!("{}…", "é".repeat(80)));
    }
}
