//! System notifications. Each kind can be switched off, and a click opens the page of the window that the notification
//! is about.

mod events;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "plugin.rs")]
mod system;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::context::{DesktopContext, strings_for};
use super::i18n::fill;
use super::status::ProxyStatus;
use super::window::WindowPage;
use events::{NotificationEvent, NotificationKind};

/// Minimum time between two equal notifications about the same account: a limit may start and end often.
const REPEAT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// One notification, as it is passed to the system.
#[derive(Debug, Clone)]
pub(super) struct Notification {
    title: String,
    text: String,
    /// The page that a click opens, on systems that report clicks.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "a click on it comes back on Linux only")
    )]
    page: WindowPage,
}

/// Shows a notification at once, as the response to an action of the user.
pub(super) fn show(context: &DesktopContext, title: &str, text: &str, page: WindowPage) {
    let shown = Notification { title: title.to_owned(), text: text.to_owned(), page };
    let task_context = context.clone();
    context.spawn(async move {
        if let Err(error) = system::show(&task_context, shown).await {
            tracing::info!("a notification could not be shown: {error}");
        }
    });
}

/// Notifies that the configured port was taken, with the port that is used instead.
pub(super) async fn notify_port_moved(context: DesktopContext) {
    let Some(status) = context.status().await else { return };
    if is_on(&settings(&context).await, NotificationKind::Port) {
        let strings = strings_for(&status);
        let text = fill(strings.moved, &[&status.port().to_string()]);
        show(&context, strings.moved_title, &text, WindowPage::Settings);
    }
}

async fn settings(context: &DesktopContext) -> Value {
    context.run_command("settings.get", json!({})).await.unwrap_or_default()
}

/// Notifier for changes of the status.
#[derive(Default)]
pub(super) struct Notifier {
    previous: Option<ProxyStatus>,
    last_shown: HashMap<(NotificationKind, String), Instant>,
}

impl Notifier {
    /// Shows notifications for the changes since the last status. The first status produces none.
    pub(super) async fn notify_changes(&mut self, context: &DesktopContext, status: &ProxyStatus) {
        let Some(previous) = self.previous.replace(status.clone()) else { return };
        let now = Instant::now();
        let mut events = events::changes_between(&previous, status, strings_for(status));
        events.retain(|news| self.is_due(news, now));
        if events.is_empty() {
            return;
        }
        let settings = settings(context).await;
        for news in events.into_iter().filter(|news| is_on(&settings, news.kind)) {
            show(context, &news.title, &news.text, news.page);
        }
    }

    fn is_due(&mut self, event: &NotificationEvent, now: Instant) -> bool {
        self.last_shown.retain(|_, shown_at| now.duration_since(*shown_at) < REPEAT_INTERVAL);
        let key = (event.kind, event.subject.clone());
        if self.last_shown.contains_key(&key) {
            return false;
        }
        self.last_shown.insert(key, now);
        true
    }
}

/// Whether the kind is switched on, which is the default.
fn is_on(settings: &Value, kind: NotificationKind) -> bool {
    let named = |setting: &&Value| setting.get("name").and_then(Value::as_str) == Some(kind.setting());
    let setting = settings.as_array().and_then(|settings| settings.iter().find(named));
    setting.and_then(|setting| setting.get("value")?.as_bool()).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(label: &str) -> NotificationEvent {
        NotificationEvent {
            kind: NotificationKind::Limited,
            subject: label.to_owned(),
            title: String::new(),
            text: String::new(),
            page: WindowPage::Accounts,
        }
    }

    #[test]
    fn a_repeated_event_is_shown_once_per_interval() {
        let mut teller = Notifier::default();
        let start = Instant::now();
        assert!(teller.is_due(&limited("a"), start));
        assert!(!teller.is_due(&limited("a"), start + Duration::from_secs(60)));
        assert!(teller.is_due(&limited("b"), start + Duration::from_secs(60)));
        assert!(teller.is_due(&limited("a"), start + REPEAT_INTERVAL));
    }

    #[test]
    fn each_kind_has_its_setting() {
        let settings =
            json!([{ "name": "notify_back", "value": false }, { "name": "notify_login", "value": true }]);
        assert!(!is_on(&settings, NotificationKind::Back));
        assert!(is_on(&settings, NotificationKind::Login));
        assert!(is_on(&settings, NotificationKind::Limited));
        let kinds = [
            NotificationKind::Limited,
            NotificationKind::Back,
            NotificationKind::Login,
            NotificationKind::AllLimited,
            NotificationKind::Port,
        ];
        assert!(kinds.iter().all(|kind| kind.setting().starts_with("notify_")));
    }
}
