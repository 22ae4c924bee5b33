//! Texts of tray, windows and notifications in the program's three languages.
//!
//! A text with `{}` is filled by [`fill`]. A test compares the languages, so that none lacks a placeholder.

mod en;
mod fr;
mod zh;

/// The supported languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Chinese,
    French,
}

impl Language {
    /// The language of the setting `language`. `auto` and unknown values mean the system's language.
    pub(super) fn from_setting(setting: &str) -> Self {
        Self::from_tag(setting).unwrap_or_else(|| {
            let mut preferred = sys_locale::get_locales();
            preferred.find_map(|tag| Self::from_tag(&tag)).unwrap_or(Self::English)
        })
    }

    /// The language of a tag such as `fr-CH` or `zh_CN.UTF-8`, by its first letters.
    fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_', '.']).next().unwrap_or_default() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    pub(super) fn strings(self) -> &'static Strings {
        match self {
            Self::English => &en::STRINGS,
            Self::Chinese => &zh::STRINGS,
            Self::French => &fr::STRINGS,
        }
    }
}

/// Replaces the placeholders of a text by the values, in order.
pub(super) fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut values = values.iter();
    for (index, piece) in text.split("{}").enumerate() {
        if index > 0 {
            filled.push_str(values.next().unwrap_or(&""));
        }
        filled.push_str(piece);
    }
    filled
}

/// Definition of the type and of the list of its texts for the test, so that a new text is always tested.
macro_rules! strings {
    ($($name:ident),+ $(,)?) => {
        /// All texts of one language.
        pub(super) struct Strings {
            /// The window's error texts in the same language, as JSON.
            page: &'static str,
            $(pub(super) $name: &'static str,)+
        }

        #[cfg(test)]
        impl Strings {
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

strings! {
    // The first line of the tray.
    serving, busy, limited, stopped, failing, no_account, unknown, demo,
    // An account.
    ready, limited_now, needs_login, unreachable, paused, starting, locked, unreadable, other_host, resets_in, hours_minutes, hours, minutes,
    under_a_minute, only_this, all_accounts, pause, resume, sign_in_again, add_account, more_accounts,
    // Choices: strategy and port.
    strategy, balance, fill_first, reset_soonest, port, now_on, next_free, other_port,
    // Clients.
    clients, set_up_clients, show_client, copy_launch, client_not_set_up, client_set_up, client_other_port,
    client_key_refused, client_changed, client_unreadable, client_unknown,
    // Copied texts.
    copy_base_url, copy_key, copy_environment, key_unread,
    // What to do about a failed request whose code the window's texts do not know.
    advise_detail,
    // Why a clicked action failed.
    failed_port, failed_saving, failed_keychain, failed_upstream, failed_starting,
    // Why the program did not start, after the error itself.
    start_failed, open_data_folder, start_settings, start_data_folder, start_in_use, start_port, start_certificates,
    start_other,
    // Why the window cannot be shown, after the error itself.
    no_window, no_window_advice, no_webview, open_in_browser, close,
    // The rest.
    stop_serving, start_serving, last_error, show_requests, open_window, accounts, requests, settings, start_at_login,
    quit,
    // Windows and notifications.
    save_title, sign_in_title, no_tray_title, no_tray, failed_title, port_taken, use_port, moved_title, moved,
    account_limited, limited_until, account_back, account_login, all_limited, all_limited_until,
}

impl Strings {
    /// The window's text for a failed request's code; `None` for a code that the window does not know.
    pub(super) fn request_error_text(&self, code: &str) -> Option<String> {
        self.page_text(&format!("request_error.{code}.text"))
    }

    /// Advice for the user about a failed request, from the window's texts.
    pub(super) fn request_error_step(&self, code: &str) -> String {
        self.page_text(&format!("request_error.{code}.step")).unwrap_or_else(|| self.advise_detail.to_owned())
    }

    fn page_text(&self, key: &str) -> Option<String> {
        let texts: std::collections::HashMap<String, String> = serde_json::from_str(self.page).ok()?;
        texts.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::request_log::RequestErrorCode;

    const ALL: [Language; 3] = [Language::English, Language::Chinese, Language::French];

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        for (index, (name, english)) in en::STRINGS.all().into_iter().enumerate() {
            for language in ALL {
                let (_, text) = language.strings().all()[index];
                assert!(!text.trim().is_empty(), "{language:?} lacks {name}");
                assert_eq!(
                    text.matches("{}").count(),
                    english.matches("{}").count(),
                    "{name} in {language:?}"
                );
            }
        }
    }

    #[test]
    fn languages_differ_where_they_should() {
        let texts = |language: Language| {
            let words = language.strings();
            [words.quit, words.pause, words.strategy, words.no_tray, words.stopped]
        };
        for (first, second) in [(ALL[0], ALL[1]), (ALL[1], ALL[2]), (ALL[0], ALL[2])] {
            for (one, other) in texts(first).into_iter().zip(texts(second)) {
                assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn a_language_is_known_by_its_tag() {
        for (tag, language) in [
            ("fr", Language::French),
            ("fr-CH", Language::French),
            ("zh_CN.UTF-8", Language::Chinese),
            ("zh", Language::Chinese),
            ("en", Language::English),
        ] {
            assert_eq!(Language::from_tag(tag), Some(language), "{tag}");
        }
        assert_eq!(Language::from_tag("auto"), None);
    }

    #[test]
    fn the_windows_error_texts_exist_in_each_language() {
        let said = ALL.map(|language| language.strings().request_error_text("no_account").unwrap());
        assert_eq!(said[0], "There is no account to answer from.");
        assert!(said[0] != said[1] && said[1] != said[2]);
        assert_eq!(Language::English.strings().request_error_text("brand_new"), None);
    }

    #[test]
    fn a_failed_request_has_advice_in_each_language() {
        for strings in ALL.map(Language::strings) {
            for code in RequestErrorCode::ALL {
                let (text, step) =
                    (strings.request_error_text(code.name()), strings.request_error_step(code.name()));
                assert!(text.is_some() && step != strings.advise_detail, "{code:?}");
            }
            assert_eq!(strings.request_error_step("brand_new"), strings.advise_detail);
        }
    }

    #[test]
    fn placeholders_are_filled_in_order() {
        assert_eq!(fill("{} on {}", &["busy", "3000"]), "busy on 3000");
        assert_eq!(fill("plain", &["unused"]), "plain");
        assert_eq!(fill("{} and {}", &["a{}"]), "a{} and ");
    }
}
