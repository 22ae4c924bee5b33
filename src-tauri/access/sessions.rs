//! Browsers that signed in with the control token: a list on this side, so that signing out ends a session for good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::keys::{digest, digest_bytes, generate_key};
use crate::secrets::{ExposeSecret, Secret};

/// The cookie's name.
pub const COOKIE: &str = "mammouth_session";
/// A session that is not used for so long has ended.
pub const IDLE: Duration = Duration::from_secs(12 * 60 * 60);
/// More browsers at once end the session that was used longest ago.
const MOST: usize = 32;

/// The sessions of this run. Clones are handles to the same list.
#[derive(Debug, Clone, Default)]
pub struct Sessions(Arc<Mutex<Vec<Session>>>);

struct Session {
    id: [u8; 32],
    used: Instant,
    ended: CancellationToken,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Session")
    }
}

impl Sessions {
    /// Begins a session under a new id.
    pub fn begin(&self, now: Instant) -> Secret {
        let id = generate_key();
        let mut sessions = self.alive(now);
        while sessions.len() >= MOST {
            let oldest = (0..sessions.len()).min_by_key(|at| sessions[*at].used).unwrap_or(0);
            sessions.swap_remove(oldest).ended.cancel();
        }
        let ended = CancellationToken::new();
        sessions.push(Session { id: digest(id.expose_secret()), used: now, ended });
        id
    }

    /// Ends the session of this id; nothing happens where there is none.
    pub fn end(&self, id: &[u8]) {
        let id = digest_bytes(id);
        for session in self.alive(Instant::now()).extract_if(.., |session| same(&session.id, &id)) {
            session.ended.cancel();
        }
    }

    /// Whether the id is one of a session, which then counts as used now. What comes back is cancelled when it ends.
    pub fn find(&self, id: &[u8], now: Instant) -> Option<CancellationToken> {
        let id = digest_bytes(id);
        let mut sessions = self.alive(now);
        let session = sessions.iter_mut().find(|session| same(&session.id, &id))?;
        session.used = now;
        Some(session.ended.clone())
    }

    fn alive(&self, now: Instant) -> MutexGuard<'_, Vec<Session>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for session in sessions.extract_if(.., |session| session.used + IDLE < now) {
            session.ended.cancel();
        }
        sessions
    }
}

/// The session id that a browser sends; `None` where there is none or more than one.
pub fn session_id(headers: &HeaderMap) -> Option<&[u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut ids =
        pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="));
    let only = ids.next()?;
    ids.next().is_none().then_some(only)
}

fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn u12_a_session_ends_when_signed_out_or_idle_and_never_has_an_old_id() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (one, two) = (sessions.begin(now), sessions.begin(now));
        assert_ne!(one.expose_secret(), two.expose_secret());
        let find = |id: &Secret, now| sessions.find(id.expose_secret().as_bytes(), now);
        let ended = find(&one, now).unwrap();
        sessions.end(one.expose_secret().as_bytes());
        assert!(ended.is_cancelled() && find(&one, now).is_none());
        assert!(find(&two, now + IDLE).is_some(), "use keeps it alive");
        assert!(find(&two, now + IDLE + IDLE).is_some());
        assert!(find(&two, now + 4 * IDLE).is_none());
        assert!(sessions.find(b"", now).is_none());
    }

    #[test]
    fn the_list_is_bounded() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin(now);
        let later = now + Duration::from_secs(1);
        (0..MOST).for_each(|_| drop(sessions.begin(later)));
        assert!(sessions.find(first.expose_secret().as_bytes(), later).is_none());
        assert_eq!(sessions.0.lock().unwrap().len(), MOST);
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
