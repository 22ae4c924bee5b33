//! Responses of the site: session, quota, reply, upload, usage.

use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use super::accounts::UsageFormat;
use super::call_log::RecordedUpload;
use super::login;
use super::reply::MessageDirectives;
use super::request::ChatForm;
use super::response::MockResponse;
use super::shared::SharedState;

pub(super) const SESSION_COOKIE: &str = "auth_session";

/// A valid request.
pub(super) enum WebRequest {
    Chat(ChatForm, Box<MessageDirectives>),
    Upload(RecordedUpload),
    User,
    RecentUsage,
    CurrentUsage,
    LoginPage,
    SignIn(String),
}

/// The value of the session cookie, if there is exactly one.
pub(super) fn session_cookie(head: &Parts) -> Option<&str> {
    let headers = head.headers.get_all(http::header::COOKIE).iter();
    let pairs = headers.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut values =
        pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == SESSION_COOKIE);
    let (_, value) = values.next()?;
    if values.next().is_none() { Some(value) } else { None }
}

/// The response without a fault. A model call counts against the account's quota.
pub(super) fn answer(shared: &SharedState, account: Option<usize>, input: &WebRequest) -> MockResponse {
    match (account, input) {
        (Some(account), _) => account_answer(shared, account, input),
        (None, WebRequest::LoginPage) => login::page(shared, None),
        (None, WebRequest::SignIn(label)) => login::sign_in(shared, label),
        (None, _) => MockResponse::unauthorized(),
    }
}

fn account_answer(shared: &SharedState, account: usize, input: &WebRequest) -> MockResponse {
    match input {
        WebRequest::LoginPage => login::page(shared, Some(account)),
        WebRequest::SignIn(label) => login::sign_in(shared, label),
        WebRequest::Chat(ask, wish) if shared.charge(account, &ask.model) => {
            MockResponse::plain_text(wish.reply(ask))
        }
        WebRequest::Chat(..) => MockResponse::quota(),
        WebRequest::Upload(upload) => MockResponse::json(
            StatusCode::OK,
            &json!({"location": shared.save_upload(account, &upload.sha256)}),
        ),
        WebRequest::User => user(shared, account),
        WebRequest::RecentUsage => recent_usage(shared, account),
        WebRequest::CurrentUsage => current_usage(shared, account),
    }
}

fn user(shared: &SharedState, account: usize) -> MockResponse {
    let user = &shared.accounts[account];
    let mut value = json!({"id": account + 1, "email": user.email, "name": user.name});
    if shared.usage_form == UsageFormat::Older {
        value["plan"] = json!(user.plan);
    }
    MockResponse::json(StatusCode::OK, &value)
}

fn recent_usage(shared: &SharedState, account: usize) -> MockResponse {
    let usage = shared.usage(account);
    let total_calls: u32 = usage.calls_by_family.values().sum();
    let older = shared.usage_form == UsageFormat::Older;
    let brand = |(name, calls): (&&str, &u32)| match older {
        true => json!({"name": name, "value": calls}),
        false => json!({"brand": name, "value": f64::from(*calls) / f64::from(total_calls) * 100.0}),
    };
    let brands: Vec<_> = usage.calls_by_family.iter().map(brand).collect();
    let mut value = json!({"byBrand": brands, "usedModels": usage.models});
    if older {
        value["percent"] = json!(usage.percent);
    }
    MockResponse::json(StatusCode::OK, &value)
}

fn current_usage(shared: &SharedState, account: usize) -> MockResponse {
    let usage = shared.usage(account);
    let mut value = json!({"currentSpendCents": usage.cents});
    if shared.usage_form == UsageFormat::Current {
        value["usagePlan"] = json!(shared.accounts[account].plan.to_lowercase());
        value["usageCounts"] = json!({"prompt": usage.calls_by_family.values().sum::<u32>()});
    }
    MockResponse::json(StatusCode::OK, &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(headers: &[&str]) -> Option<String> {
        let request = headers.iter().fold(http::Request::builder(), |r, value| r.header("cookie", *value));
        let (head, ()) = request.body(()).unwrap().into_parts();
        session_cookie(&head).map(str::to_owned)
    }

    #[test]
    fn one_session_cookie_counts_among_others() {
        assert_eq!(cookie(&["a=b; auth_session=x=y; c=d"]).as_deref(), Some("x=y"));
        assert_eq!(cookie(&["a=b", "auth_session=x"]).as_deref(), Some("x"));
        assert_eq!(cookie(&["auth_session=x; auth_session=y"]), None);
        assert_eq!(cookie(&["xauth_session=x"]), None);
        assert_eq!(cookie(&[]), None);
    }
}
