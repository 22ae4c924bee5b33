//! Sessions of browsers that signed in with the control token. They are stored in the server, so that signing out ends
//! a session for good.
//!
//! Cookies are not isolated by port (RFC 6265, 8.5): a program on another port of this host receives our cookie as soon
//! as the browser visits that port. So a session has a second secret, which is sent in a header instead of a cookie.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap};
use parking_lot::{Mutex, MutexGuard};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::client_keys::{digest, digest_bytes, generate_key};
use storage::secrets::{ExposeSecret, Secret};

/// The name of the cookie that carries the session id.
pub const SESSION_COOKIE: &str = "mammouth_session";
/// The header that carries the session token, which only scripts of the page's own origin can read.
pub const SESSION_TOKEN_HEADER: &str = "x-mammouth-session";
/// The time without use after which a session ends.
pub const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);
/// The most sessions at once. One more ends the session that was not used for the longest time.
const MAX_SESSIONS: usize = 32;

/// The sessions of this run. Clones share the same sessions.
#[derive(Debug, Clone, Default)]
pub struct Sessions(Arc<Mutex<Vec<Session>>>);

/// Both secrets of a new session.
#[derive(Debug)]
pub struct NewSession {
    /// The value of the cookie.
    pub id: Secret,
    /// The value of [`SESSION_TOKEN_HEADER`].
    pub token: Secret,
}

/// A session with the digests of its secrets.
struct Session {
    id: [u8; 32],
    token: [u8; 32],
    last_used: Instant,
    ended: CancellationToken,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Session")
    }
}

impl Sessions {
    /// Starts a session with new secrets.
    pub fn begin(&self, now: Instant) -> NewSession {
        let new = NewSession { id: generate_key(), token: generate_key() };
        let (id, token) = (digest(new.id.expose_secret()), digest(new.token.expose_secret()));
        let mut sessions = self.unexpired(now);
        while sessions.len() >= MAX_SESSIONS {
            let oldest = (0..sessions.len()).min_by_key(|at| sessions[*at].last_used).unwrap_or(0);
            sessions.swap_remove(oldest).ended.cancel();
        }
        let ended = CancellationToken::new();
        sessions.push(Session { id, token, last_used: now, ended });
        new
    }

    /// Ends the session of these headers, which must carry both secrets. Returns whether there was one.
    pub fn end(&self, headers: &HeaderMap, now: Instant) -> bool {
        let Some(secrets) = presented_secrets(headers) else { return false };
        let mut sessions = self.unexpired(now);
        let ended = sessions.extract_if(.., |session| session.matches(&secrets));
        ended.map(|session| session.ended.cancel()).count() > 0
    }

    /// Finds the session whose two secrets the headers carry, and restarts its idle timeout. The returned token is
    /// cancelled when the session ends.
    pub fn find(&self, headers: &HeaderMap, now: Instant) -> Option<CancellationToken> {
        let secrets = presented_secrets(headers)?;
        let mut sessions = self.unexpired(now);
        let session = sessions.iter_mut().find(|session| session.matches(&secrets))?;
        session.last_used = now;
        Some(session.ended.clone())
    }

    fn unexpired(&self, now: Instant) -> MutexGuard<'_, Vec<Session>> {
        let mut sessions = self.0.lock();
        for session in sessions.extract_if(.., |session| session.last_used + SESSION_IDLE_TIMEOUT < now) {
            session.ended.cancel();
        }
        sessions
    }
}

impl Session {
    /// Whether these are the digests of the session's id and token, in constant time.
    fn matches(&self, (id, token): &([u8; 32], [u8; 32])) -> bool {
        (self.id.ct_eq(id) & self.token.ct_eq(token)).into()
    }
}

/// Digests of the id and the token that a browser sends. `None` if one is missing or repeated.
fn presented_secrets(headers: &HeaderMap) -> Option<([u8; 32], [u8; 32])> {
    let mut tokens = headers.get_all(SESSION_TOKEN_HEADER).iter();
    let token = tokens.next().filter(|_| tokens.next().is_none())?;
    Some((digest_bytes(session_id(headers)?), digest_bytes(token.as_bytes())))
}

/// The session id that a browser sends. `None` if it is missing or repeated.
fn session_id(headers: &HeaderMap) -> Option<&[u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut ids = pairs
        .filter_map(|pair| pair.trim_ascii().strip_prefix(SESSION_COOKIE.as_bytes())?.strip_prefix(b"="));
    let id = ids.next()?;
    ids.next().is_none().then_some(id)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn u12_a_session_ends_when_signed_out_or_idle_and_never_has_an_old_id() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (one, two) = (sessions.begin(now), sessions.begin(now));
        assert_ne!(one.id.expose_secret(), two.id.expose_secret());
        assert_ne!(one.token.expose_secret(), two.token.expose_secret());
        let find = |new: &NewSession, now| sessions.find(&headers(Some(&new.id), &[&new.token]), now);
        let ended = find(&one, now).unwrap();
        assert!(sessions.end(&headers(Some(&one.id), &[&one.token]), now));
        assert!(ended.is_cancelled() && find(&one, now).is_none());
        assert!(find(&two, now + SESSION_IDLE_TIMEOUT).is_some(), "use keeps it alive");
        assert!(find(&two, now + SESSION_IDLE_TIMEOUT + SESSION_IDLE_TIMEOUT).is_some());
        assert!(find(&two, now + 4 * SESSION_IDLE_TIMEOUT).is_none());
        assert!(sessions.find(&HeaderMap::new(), now).is_none());
    }

    #[test]
    fn u12_one_secret_alone_neither_finds_nor_ends_a_session() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (one, two) = (sessions.begin(now), sessions.begin(now));
        let halves = [
            headers(Some(&one.id), &[]),
            headers(None, &[&one.token]),
            headers(Some(&one.id), &[&two.token]),
            headers(Some(&one.id), &[&one.id]),
            headers(Some(&one.token), &[&one.token]),
            headers(Some(&one.id), &[&one.token, &one.token]),
            headers(Some(&one.id), &[&Secret::from("")]),
        ];
        for (case, half) in halves.iter().enumerate() {
            assert!(sessions.find(half, now).is_none(), "case {case}");
            assert!(!sessions.end(half, now), "case {case}");
        }
        assert!(sessions.find(&headers(Some(&one.id), &[&one.token]), now).is_some());
    }

    fn headers(id: Option<&Secret>, tokens: &[&Secret]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        if let Some(id) = id {
            headers.append(header::COOKIE, value(&format!("{SESSION_COOKIE}={}", id.expose_secret())));
        }
        for token in tokens {
            headers.append(SESSION_TOKEN_HEADER, value(token.expose_secret()));
        }
        headers
    }

    #[test]
    fn the_number_of_sessions_is_limited() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin(now);
        let later = now + Duration::from_secs(1);
        (0..MAX_SESSIONS).for_each(|_| drop(sessions.begin(later)));
        assert!(sessions.find(&headers(Some(&first.id), &[&first.token]), later).is_none());
        assert_eq!(sessions.0.lock().len(), MAX_SESSIONS);
    }

    #[test]
    fn an_id_is_read_from_one_cookie_only() {
        let id = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("cookie", HeaderValue::from_static(line));
            }
            session_id(&headers).map(|id| String::from_utf8_lossy(id).into_owned())
        };
        assert_eq!(id(&["a=1; mammouth_session=x; b=2"]).as_deref(), Some("x"));
        assert_eq!(id(&["a=1", "mammouth_session=x"]).as_deref(), Some("x"));
        assert_eq!(id(&["mammouth_session=x; mammouth_session=y"]), None);
        assert_eq!(id(&["xmammouth_session=x", "mammouth_session_2=y"]), None);
        assert_eq!(id(&[]), None);
    }
}
