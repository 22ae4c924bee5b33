//! Sessions of the browser interface: the control token is sent once, then a cookie and a session token in a header.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use warp::reply::Response;

use crate::auth::{self, NewSession, SESSION_COOKIE as NAME, SESSION_IDLE_TIMEOUT, Sessions};
use storage::secrets::ExposeSecret;

/// Number of consecutive wrong tokens that are answered without delay.
const FREE_ATTEMPTS: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// The most delayed answers at a time. Further attempts are rejected at once.
const MAX_DELAYED_ANSWERS: u32 = 4;
/// Time without a wrong token after which the count is reset.
const FAILURE_RESET_AFTER: Duration = Duration::from_secs(5 * 60);

/// Authentication by control token or session. Cheap to clone.
#[derive(Clone)]
pub struct SessionAuth {
    sessions: Sessions,
    /// Digest of the control token.
    token: [u8; 32],
    failures: Arc<Mutex<SignInFailures>>,
}

/// Consecutive sign-ins with a wrong token. The right token is never delayed, so no attacker can lock the owner out.
#[derive(Debug, Default)]
struct SignInFailures {
    consecutive: u32,
    waiting: u32,
    last: Option<Instant>,
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

impl SessionAuth {
    pub fn new(sessions: Sessions, token: [u8; 32]) -> Self {
        Self { sessions, token, failures: Arc::default() }
    }

    /// Handles a sign-in request.
    pub(super) async fn sign_in(&self, body: &[u8]) -> Response {
        let Ok(asked) = serde_json::from_slice::<SignIn>(body) else {
            return error_response(StatusCode::BAD_REQUEST, "bad_arguments", "send {\"token\": \"…\"}");
        };
        if auth::is_secret_of(asked.token.trim().as_bytes(), &self.token) {
            self.failures().reset();
            return self.session_response();
        }
        let delay = self.failures().record(Instant::now());
        let Some(delay) = delay else {
            return error_response(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                "too many wrong tokens: wait a little",
            );
        };
        let _waiting = DelayedAnswer(Arc::clone(&self.failures));
        tokio::time::sleep(delay).await;
        error_response(StatusCode::UNAUTHORIZED, "invalid_token", "this is not the control token")
    }

    /// Ends the session of the request.
    pub(super) fn sign_out(&self, headers: &HeaderMap) -> Response {
        let mut response = empty();
        if self.sessions.end(headers, Instant::now()) {
            response.headers_mut().insert(SET_COOKIE, HeaderValue::from_static(CLEARED_COOKIE));
        }
        response
    }

    /// A token that is cancelled when the session of these headers ends. It is never cancelled if the control token
    /// itself was sent.
    pub(super) fn session_ended(&self, headers: &HeaderMap) -> tokio_util::sync::CancellationToken {
        self.sessions.find(headers, Instant::now()).unwrap_or_default()
    }

    /// The response to a sign-in: the session id as a cookie that no script can read, and the session token in the
    /// body, which no other origin can read.
    fn session_response(&self) -> Response {
        let NewSession { id, token } = self.sessions.begin(Instant::now());
        let cookie = format!(
            "{NAME}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
            id.expose_secret(),
            SESSION_IDLE_TIMEOUT.as_secs()
        );
        let mut response =
            json(StatusCode::OK, &serde_json::json!({ "session_token": token.expose_secret() }));
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    fn failures(&self) -> MutexGuard<'_, SignInFailures> {
        self.failures.lock()
    }
}

const CLEARED_COOKIE: &str = "mammouth_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";

/// Guard of one delayed answer. The answer counts until the guard is dropped, also if the client disconnects.
struct DelayedAnswer(Arc<Mutex<SignInFailures>>);

impl Drop for DelayedAnswer {
    fn drop(&mut self) {
        let mut failures = self.0.lock();
        failures.waiting = failures.waiting.saturating_sub(1);
    }
}

impl SignInFailures {
    /// Resets the count of consecutive failures. Delayed answers still count until they are sent.
    fn reset(&mut self) {
        *self = Self { waiting: self.waiting, ..Self::default() };
    }

    /// Records a wrong token. Returns the delay of the answer; `None` if too many answers are waiting already.
    fn record(&mut self, now: Instant) -> Option<Duration> {
        if self.last.is_some_and(|last| last + FAILURE_RESET_AFTER < now) {
            self.consecutive = 0;
        }
        self.last = Some(now);
        self.consecutive = self.consecutive.saturating_add(1);
        if self.waiting >= MAX_DELAYED_ANSWERS {
            return None;
        }
        self.waiting += 1;
        let doublings = self.consecutive.saturating_sub(FREE_ATTEMPTS + 1).min(16);
        Some(if self.consecutive <= FREE_ATTEMPTS {
            Duration::ZERO
        } else {
            (FIRST_DELAY * (1 << doublings)).min(MAX_DELAY)
        })
    }
}

fn empty() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    json(status, &serde_json::json!({ "error": { "code": code, "message": message } }))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d03_the_answer_to_wrong_tokens_comes_later_and_later() {
        let (mut failures, now) = (SignInFailures::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..9 {
            pauses.push(failures.record(now).unwrap().as_millis());
            failures.waiting = 0;
        }
        assert_eq!(pauses, [0, 0, 0, 500, 1_000, 2_000, 4_000, 8_000, 10_000]);
        assert_eq!(failures.record(now + FAILURE_RESET_AFTER * 2), Some(Duration::ZERO));
    }

    #[test]
    fn d03_few_answers_wait_at_the_same_time() {
        let (mut failures, now) = (SignInFailures::default(), Instant::now());
        let waiting = (0..100).filter(|_| failures.record(now).is_some()).count();
        assert_eq!(waiting, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn u12_the_right_token_is_never_kept_waiting() {
        let door = SessionAuth::new(Sessions::default(), auth::digest("right"));
        for _ in 0..20 {
            assert_eq!(door.sign_in(br#"{"token":"wrong"}"#).await.status(), 401);
        }
        let before = tokio::time::Instant::now();
        let answer = door.sign_in(br#"{"token":"right"}"#).await;
        assert_eq!((answer.status().as_u16(), before.elapsed()), (200, Duration::ZERO));
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(door.sign_in(b"{}").await.status(), 400);
    }

    #[tokio::test(start_paused = true)]
    async fn d03_waiting_answers_stay_counted_over_a_right_token_and_until_they_are_gone() {
        use futures_util::FutureExt;
        let door = SessionAuth::new(Sessions::default(), auth::digest("right"));
        for _ in 0..FREE_ATTEMPTS {
            door.sign_in(br#"{"token":"wrong"}"#).await;
        }
        let mut answers: Vec<_> =
            (0..MAX_DELAYED_ANSWERS).map(|_| Box::pin(door.sign_in(br#"{"token":"wrong"}"#))).collect();
        for answer in &mut answers {
            assert!(answer.now_or_never().is_none());
        }
        assert_eq!(door.sign_in(br#"{"token":"right"}"#).await.status(), 200);
        assert_eq!(door.failures().waiting, MAX_DELAYED_ANSWERS);
        assert_eq!(door.sign_in(br#"{"token":"wrong"}"#).await.status(), 429);
        drop(answers.pop());
        assert_eq!(door.failures().waiting, MAX_DELAYED_ANSWERS - 1, "a client that left waits no more");
        futures_util::future::join_all(answers).await;
        assert_eq!(door.failures().waiting, 0);
    }
}
