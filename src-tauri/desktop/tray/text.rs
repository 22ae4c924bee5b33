//! Small texts: an account in a few words, a quota as a bar, a time that is left.

use super::super::seen::Account;
use super::super::words::{Words, fill};

/// The longest piece of a line that comes from outside, characters.
const LONGEST: usize = 80;
const CELLS: usize = 10;

/// Shortens what comes from outside, and leaves out what would break a line of a menu.
pub(super) fn cut(text: &str) -> String {
    let mut clean = text.chars().filter(|c| !c.is_control());
    let short: String = clean.by_ref().take(LONGEST).collect();
    if clean.next().is_some() { format!("{short}…") } else { short }
}

/// A used share of the quota, such as `▰▰▰▱▱▱▱▱▱▱ 30 %`.
pub(super) fn bar(percent: f64) -> String {
    let percent = percent.clamp(0.0, 100.0);
    // Rounded up, so that the first use and the last rest can be seen.
    let full = (0..CELLS).filter(|cell| *cell as f64 * 100.0 < percent * CELLS as f64).count();
    format!("{}{} {percent:.0} %", "▰".repeat(full), "▱".repeat(CELLS - full))
}

/// An account's state in a few words.
pub(super) fn about(account: &Account, words: &Words) -> String {
    let state = match account.state.as_str() {
        "limited" => {
            return match account.seconds_left() {
                Some(seconds) => fill(words.resets_in, &[&time_left(seconds, words)]),
                None => words.limited_now.to_owned(),
            };
        }
        "needs_login" => words.needs_login,
        "unreachable" => words.unreachable,
        "disabled" => words.paused,
        "starting" => words.starting,
        "locked" => words.locked,
        "unreadable" => words.unreadable,
        "other_host" => words.other_host,
        "ready" => words.ready,
        _ => words.unknown_account,
    };
    state.to_owned()
}

/// What the user can do about a request that failed with this code.
pub(super) fn advice(code: &str, words: &Words) -> &'static str {
    match code {
        "invalid_api_key" => words.advise_key,
        "host_not_allowed" => words.advise_host,
        "origin_not_allowed" => words.advise_origin,
        "insufficient_quota" => words.advise_quota,
        "rate_limit_exceeded" => words.advise_slower,
        "client_limit" => words.advise_client_limit,
        "no_account" => words.advise_account,
        "account_login_required" => words.advise_login,
        "upstream_challenge" => words.advise_browser,
        "upstream_unreachable" | "upstream_timeout" => words.advise_network,
        "upstream_tls_error" => words.advise_tls,
        "context_length_exceeded" => words.advise_context,
        "invalid_image" => words.advise_image,
        "client_closed" => words.advise_closed,
        "overloaded" => words.advise_again,
        "starting" => words.advise_soon,
        _ => words.advise_detail,
    }
}

/// In whole minutes, rounded up: a menu whose text changes every second cannot be read.
pub(in crate::desktop) fn time_left(seconds: u64, words: &Words) -> String {
    let minutes = seconds.div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, 0 | 1) => words.under_a_minute.to_owned(),
        (0, minutes) => fill(words.minutes, &[&minutes.to_string()]),
        (hours, minutes) => fill(words.hours_minutes, &[&hours.to_string(), &minutes.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::words::Language;
    use super::*;

    #[test]
    fn a_bar_shows_the_first_use_and_the_last_rest() {
        assert_eq!(bar(0.0), "▱▱▱▱▱▱▱▱▱▱ 0 %");
        assert_eq!(bar(0.5), "▰▱▱▱▱▱▱▱▱▱ 0 %");
        assert_eq!(bar(30.0), "▰▰▰▱▱▱▱▱▱▱ 30 %");
        assert_eq!(bar(99.0), "▰▰▰▰▰▰▰▰▰▰ 99 %");
        assert_eq!(bar(250.0), "▰▰▰▰▰▰▰▰▰▰ 100 %");
    }

    #[test]
    fn time_is_told_in_whole_minutes() {
        let words = Language::English.words();
        for (seconds, text) in [
            (0, "under a minute"),
            (60, "under a minute"),
            (61, "2 min"),
            (3_600, "1 h 0 min"),
            (9_001, "2 h 31 min"),
        ] {
            assert_eq!(time_left(seconds, words), text, "{seconds}");
        }
    }

    #[test]
    fn a_failed_request_has_advice_in_each_language() {
        for language in [Language::English, Language::Chinese, Language::French] {
            let words = language.words();
            assert_eq!(advice("no_account", words), words.advise_account);
            assert_eq!(advice("brand_new", words), words.advise_detail);
        }
    }

    #[test]
    fn text_from_outside_is_cut_and_kept_on_one_line() {
        assert_eq!(cut("a\nb\tc"), "abc");
        let long = "é".repeat(100);
        assert_eq!(cut(&long), format!("{}…", "é".repeat(80)));
    }
}
