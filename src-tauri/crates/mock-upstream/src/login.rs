//! The login page: a button per account instead of name and password.

use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};

use super::response::MockResponse;
use super::shared::SharedState;
use super::web_api::SESSION_COOKIE;

pub(super) const PATH: &str = "/app/login";
/// The form's only field.
const ACCOUNT_FIELD: &str = "account";
const PAGE_HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Demo login</title><style>\
                    body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}\
                    button{display:block;width:100%;margin:.75rem 0;padding:.75rem;font:inherit}\
                    </style></head><body><h1>Demo login</h1><p>This page stands where Mammouth's login page would be. \
                    It asks for no password, and everything stays on this computer.</p>";

/// The login page for a client that may be signed in. The account for signing in is first.
pub(super) fn page(shared: &SharedState, account: Option<usize>) -> MockResponse {
    let mut page = PAGE_HEAD.to_owned();
    if let Some(account) = account {
        page += &format!("<p>Signed in as {}.</p>", shared.accounts[account].name);
    }
    let mut web_accounts: Vec<_> = shared.accounts.iter().filter(|account| account.key.is_none()).collect();
    web_accounts.sort_by_key(|person| person.preconfigured);
    page += &format!("<form method=\"post\" action=\"{PATH}\">");
    for (at, person) in web_accounts.into_iter().enumerate() {
        let focus = if at == 0 { " autofocus" } else { "" };
        let (label, name) = (person.label(), &person.name);
        page += &format!(
            "<button name=\"{ACCOUNT_FIELD}\" value=\"{label}\"{focus}>Sign in as {name}, {}</button>",
            person.plan
        );
    }
    MockResponse::html(StatusCode::OK, &(page + "</form></body></html>"))
}

/// Label of the account in the form; empty if there is none.
pub(super) fn requested_account(body: &[u8]) -> String {
    let mut fields = url::form_urlencoded::parse(body);
    fields.find(|(name, _)| name == ACCOUNT_FIELD).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Sets the account's session cookie, `HttpOnly` as on the real site.
pub(super) fn sign_in(shared: &SharedState, label: &str) -> MockResponse {
    let cookie = shared.web_account(label).map(|account| {
        HeaderValue::try_from(format!("{SESSION_COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", account.cookie))
    });
    let Some(Ok(cookie)) = cookie else {
        return MockResponse::error(StatusCode::BAD_REQUEST, "there is no such account");
    };
    let mut answer = MockResponse::empty(StatusCode::SEE_OTHER);
    answer.headers.insert(LOCATION, HeaderValue::from_static(PATH));
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers.insert(SET_COOKIE, cookie);
    answer
}
