//! System notifications: few, each can be switched off, and a click opens the page where something can be done.

mod news;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "plugin.rs")]
mod system;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::place::Place;
use super::seen::Seen;
use super::shell::{Shell, words_for};
use super::words::fill;
use news::{Kind, News};

/// The same news about the same account is not told again within this time: a limit may come and go.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// One notification, as the system shows it.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    title: String,
    text: String,
    /// Where its click leads, on systems that tell of it.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "a click on it comes back on Linux only")
    )]
    place: Place,
}

/// Tells something at once, as the answer to what the user did.
pub(super) fn say(shell: &Shell, title: &str, text: &str, place: Place) {
    let shown = Shown { title: title.to_owned(), text: text.to_owned(), place };
    let asked = shell.clone();
    shell.spawn(async move {
        if let Err(error) = system::show(&asked, shown).await {
            tracing::info!("a notification could not be shown: {error}");
        }
    });
}

/// Tells that the usual port was taken, and which one is used instead.
pub(super) async fn say_that_it_moved(shell: Shell) {
    let Some(seen) = shell.look().await else { return };
    if is_on(&settings(&shell).await, Kind::Port) {
        let words = words_for(&seen);
        let text = fill(words.moved, &[&seen.port().to_string()]);
        say(&shell, words.moved_title, &text, Place::Settings);
    }
}

async fn settings(shell: &Shell) -> Value {
    shell.ask("settings.get", json!({})).await.unwrap_or_default()
}

/// Watches for news.
#[derive(Default)]
pub(super) struct Teller {
    before: Option<Seen>,
    told: HashMap<(Kind, String), Instant>,
}

impl Teller {
    /// Tells what is new since the last look; the first look is no news.
    pub(super) async fn tell(&mut self, shell: &Shell, seen: &Seen) {
        let Some(before) = self.before.replace(seen.clone()) else { return };
        let now = Instant::now();
        let mut news = news::between(&before, seen, words_for(seen));
        news.retain(|news| self.is_due(news, now));
        if news.is_empty() {
            return;
        }
        let settings = settings(shell).await;
        for news in news.into_iter().filter(|news| is_on(&settings, news.kind)) {
            say(shell, &news.title, &news.text, news.place);
        }
    }

    fn is_due(&mut self, news: &News, now: Instant) -> bool {
        self.told.retain(|_, told| now.duration_since(*told) < QUIET);
        let what = (news.kind, news.about.clone());
        if self.told.contains_key(&what) {
            return false;
        }
        self.told.insert(what, now);
        true
    }
}

/// On, unless the setting says no.
fn is_on(settings: &Value, kind: Kind) -> bool {
    let named = |setting: &&Value| setting.get("name").and_then(Value::as_str) == Some(kind.setting());
    let setting = settings.as_array().and_then(|settings| settings.iter().find(named));
    setting.and_then(|setting| setting.get("value")?.as_bool()).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(label: &str) -> News {
        News {
            kind: Kind::Limited,
            about: label.to_owned(),
            title: String::new(),
            text: String::new(),
            place: Place::Accounts,
        }
    }

    #[test]
    fn the_same_news_is_told_once_in_a_while() {
        let mut teller = Teller::default();
        let start = Instant::now();
        assert!(teller.is_due(&limited("a"), start));
        assert!(!teller.is_due(&limited("a"), start + Duration::from_secs(60)));
        assert!(teller.is_due(&limited("b"), start + Duration::from_secs(60)));
        assert!(teller.is_due(&limited("a"), start + QUIET));
    }

    #[test]
    fn each_kind_has_its_switch() {
        let settings =
            json!([{ "name": "notify_back", "value": false }, { "name": "notify_login", "value": true }]);
        assert!(!is_on(&settings, Kind::Back));
        assert!(is_on(&settings, Kind::Login));
        assert!(is_on(&settings, Kind::Limited));
        let kinds = [Kind::Limited, Kind::Back, Kind::Login, Kind::AllLimited, Kind::Port];
        assert!(kinds.iter().all(|kind| kind.setting().starts_with("notify_")));
    }
}
