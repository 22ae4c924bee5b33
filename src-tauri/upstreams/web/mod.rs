//! mammouth.ai by the cookie of a browser session: an adapter for one named shape of requests (`llms-2025`).
//!
//! It lays a conversation out as the site wants it, brings images to the site first, and turns the plain text that comes
//! back into events. What the site cannot do it does itself: stop sequences, a token limit, counting. Every fact about
//! the site stands in [`Shape`] and beside it in `shape.rs`. It retries nothing and picks no account.

mod account;
mod addresses;
mod fetch;
mod images;
pub mod models;
mod refusal;
mod request;
mod shape;
mod site;
mod stream;
mod text;
mod turns;
mod upload;

#[cfg(test)]
mod tests;

pub use shape::Shape;
pub use turns::Layout;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{Method, header};
use url::Url;

use self::fetch::Fetcher;
use self::site::Site;
use self::stream::{Again, ReplyStream};
use self::text::Shaper;
use super::tools::Question;
use super::transport::client::ClientError;
use super::transport::prompt::PromptTokens;
use super::{
    Credential, EventReply, FollowUpCall, Identity, Outbound, ProxyServer, Quota, UpstreamError,
    UpstreamErrorKind,
};
use crate::chat;

/// The largest answer about an account, in bytes.
const ACCOUNT_BYTES: usize = 1024 * 1024;
/// The largest reply to a question that is asked once more, in bytes.
const SECOND_REPLY_BYTES: usize = 8 * 1024 * 1024;

/// How the site is reached and how long we are patient with it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https` anywhere, `http` to this machine only.
    pub base: Url,
    pub shape: Shape,
    pub manner: Manner,
    /// Looking the name up, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// From sending a request to the first byte of its answer's body.
    pub first_byte_timeout: Duration,
    /// Between two pieces of an answer.
    pub idle_timeout: Duration,
    /// A reply is cut with a failure above this size.
    pub max_reply_bytes: u64,
    /// The proxy and the extra certificates.
    pub outbound: Outbound,
}

/// How conversations are sent: what may change while replies run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub layout: Layout,
    /// Whether images that are named by a link are fetched.
    pub image_links: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { layout: Layout::default(), image_links: true }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: Url::parse("https://mammouth.ai").expect("a constant URL"),
            shape: Shape::default(),
            manner: Manner::default(),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
            max_reply_bytes: 1024 * 1024 * 1024,
            outbound: Outbound::default(),
        }
    }
}

/// Why [`Web::new`] refused its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error(
        "the address of the web upstream must be https, or http to this machine, without user name or query"
    )]
    Base,
    #[error("the request shape's {0} has a value that cannot stand in a request")]
    Shape(&'static str),
    #[error("an extra root certificate is not valid PEM")]
    Roots,
    #[error(
        "the HTTP client cannot be built; are the system's root certificates (ca-certificates) installed?"
    )]
    Client,
}

impl From<ClientError> for BuildError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Roots => Self::Roots,
            ClientError::Client => Self::Client,
        }
    }
}

/// The web upstream. One of it serves all accounts; nothing of one account is used for another.
pub struct Web {
    site: Site,
    manner: Mutex<Manner>,
    /// Built with the first link: most programs never send one.
    fetcher: Mutex<Option<Arc<Fetcher>>>,
    outbound: Mutex<Outbound>,
    uploads: upload::Uploads,
}

impl Web {
    /// Checks the settings and builds the client. Nothing is connected to yet.
    ///
    /// # Errors
    /// What in the settings cannot work.
    pub fn new(settings: Settings) -> Result<Self, BuildError> {
        Ok(Self {
            manner: Mutex::new(settings.manner),
            fetcher: Mutex::default(),
            outbound: Mutex::new(settings.outbound.clone()),
            site: Site::new(settings)?,
            uploads: upload::Uploads::default(),
        })
    }

    /// Counts from the next request on.
    pub fn set_manner(&self, manner: Manner) {
        *lock(&self.manner) = manner;
    }

    /// Replaces the rules for outbound connections. Running calls go on as they began.
    ///
    /// # Errors
    /// What in the rules cannot work; nothing is changed then.
    pub fn set_outbound(&self, outbound: &Outbound) -> Result<(), BuildError> {
        self.site.client.replace(outbound)?;
        *lock(&self.outbound) = outbound.clone();
        *lock(&self.fetcher) = None;
        Ok(())
    }

    /// The proxy for connections to the site.
    pub fn proxy(&self) -> Option<ProxyServer> {
        self.site.client.get().proxy.clone()
    }

    fn manner(&self) -> Manner {
        *lock(&self.manner)
    }

    /// Asks a model, by the platform's id. Resolves when the first event of the reply is there. With `again` one more call
    /// may be made, for a tool call or an answer in JSON that was not valid.
    ///
    /// # Errors
    /// All that can happen before the first event; what happens after it is the last event of the reply.
    pub async fn chat(
        self: &Arc<Self>,
        credential: &Credential,
        request: Arc<chat::Request>,
        model: &str,
        again: bool,
    ) -> Result<EventReply, UpstreamError> {
        let prompt = PromptTokens::start(Arc::clone(&request), chat::Tokenizer::shared());
        self.chat_while_counting(credential, request, model, again, prompt).await
    }

    async fn chat_while_counting(
        self: &Arc<Self>,
        credential: &Credential,
        request: Arc<chat::Request>,
        model: &str,
        again: bool,
        mut prompt: PromptTokens,
    ) -> Result<EventReply, UpstreamError> {
        let answer = self.send(credential, &request, model).await?.reply().await?;
        let shaper = Shaper::new(&request);
        let second = FollowUpCall::default();
        let again = self.again(credential, &request, model, &second).filter(|_| again);
        if request.max_tokens.is_some() {
            prompt.wait_for_tokenizer().await;
        }
        let (stream, served_model) = match answer {
            site::Reply::Pieces(source) => (ReplyStream::pieces(source, shaper, prompt, again), None),
            site::Reply::Whole { text, model } => (ReplyStream::whole(&text, shaper, prompt, again), model),
        };
        Ok(EventReply { served_model, events: Box::pin(stream.primed().await?), follow_up: second })
    }

    /// How the model is asked once more; `None` where nothing in its reply is checked.
    fn again(
        self: &Arc<Self>,
        credential: &Credential,
        request: &Arc<chat::Request>,
        model: &str,
        second: &FollowUpCall,
    ) -> Option<Again> {
        if request.tools.is_empty() && request.format == chat::ResponseFormat::Text {
            return None;
        }
        let (web, credential, model) = (Arc::clone(self), credential.clone(), model.to_owned());
        let (request, second) = (Arc::clone(request), second.clone());
        Some(Box::new(move |question| {
            Box::pin(second.run(async move { web.once_more(&credential, &request, question, &model).await }))
        }))
    }

    async fn once_more(
        &self,
        credential: &Credential,
        request: &chat::Request,
        question: Question,
        model: &str,
    ) -> Result<String, UpstreamError> {
        let mut request = request.clone();
        let turns = [(chat::Role::Assistant, question.said), (chat::Role::User, question.ask)];
        let messages = turns.into_iter().filter(|(_, text)| !text.is_empty());
        request
            .messages
            .extend(messages.map(|(role, text)| chat::Message { role, parts: vec![chat::Part::Text(text)] }));
        match self.send(credential, &request, model).await?.reply().await? {
            site::Reply::Whole { text, .. } => Ok(text),
            site::Reply::Pieces(source) => {
                let bytes =
                    source.collect(SECOND_REPLY_BYTES).await.map_err(|broken| broken.after_output())?;
                let text = String::from_utf8(bytes.into()).map_err(|_| {
                    UpstreamError::new(UpstreamErrorKind::BadResponse, "the answer is not valid UTF-8 text")
                })?;
                // Where no stream was asked for, the whole may be one JSON string.
                Ok(serde_json::from_str(&text).unwrap_or(text))
            }
        }
    }

    /// Asks whom a session belongs to.
    ///
    /// # Errors
    /// [`UpstreamErrorKind::LoginRequired`] if to nobody, and what can happen to any call.
    pub async fn check(&self, credential: &Credential) -> Result<Identity, UpstreamError> {
        let user = self.site.get(credential, &self.site.user, ACCOUNT_BYTES).await?;
        let nobody =
            || UpstreamError::new(UpstreamErrorKind::LoginRequired, "the site does not know this session");
        account::identity(&user, &credential.secret).ok_or_else(nobody)
    }

    /// Asks how much of an account's quota is used.
    ///
    /// # Errors
    /// If the session is not valid, or if neither of the site's two answers can be had.
    pub async fn quota(&self, credential: &Credential) -> Result<Quota, UpstreamError> {
        let recent = self.site.get(credential, &self.site.recent_usage, ACCOUNT_BYTES);
        let current = self.site.get(credential, &self.site.current_usage, ACCOUNT_BYTES);
        let answers = tokio::join!(recent, current);
        match &answers {
            (Err(failure), Err(_)) => Err(failure.clone()),
            (Err(failure), Ok(_)) | (Ok(_), Err(failure))
                if failure.kind == UpstreamErrorKind::LoginRequired =>
            {
                Err(failure.clone())
            }
            (recent, current) => {
                let shape = &self.site.settings.shape;
                Ok(account::quota(recent.as_ref().ok(), current.as_ref().ok(), shape, &credential.secret))
            }
        }
    }

    /// Asks whether the site can be reached safely, whatever it answers; gives its time of day where it tells it. No
    /// session is sent.
    ///
    /// # Errors
    /// Why no answer came.
    pub async fn probe(&self) -> Result<Option<SystemTime>, UpstreamError> {
        self.site.probe().await
    }

    /// Drops what is remembered of an account: its uploads.
    pub fn forget(&self, account: &str) {
        self.uploads.forget(account);
    }

    async fn send<'a>(
        &'a self,
        credential: &'a Credential,
        request: &chat::Request,
        model: &str,
    ) -> Result<site::Answer<'a>, UpstreamError> {
        if !request::is_model_id(model) {
            let detail = "the model's name is empty, longer than 200 characters or holds control characters";
            return Err(UpstreamError::new(UpstreamErrorKind::Rejected, detail));
        }
        let site = &self.site;
        let talk = turns::lay_out(request, self.manner().layout);
        let images = images::bring(self, credential, &talk).await?;
        let form = request::form(&site.settings.shape, model, &talk, &images);
        let fill = |request: reqwest::RequestBuilder| {
            request.header(header::CONTENT_TYPE, form.content_type).body(form.body)
        };
        site.ask(credential, Method::POST, &site.chat, fill).await
    }

    fn fetcher(&self) -> Result<Arc<Fetcher>, UpstreamError> {
        if !self.manner().image_links {
            let detail = "image links are switched off in the settings; send the image itself";
            return Err(UpstreamError::new(UpstreamErrorKind::Image, detail));
        }
        let mut fetcher = lock(&self.fetcher);
        if let Some(built) = &*fetcher {
            return Ok(Arc::clone(built));
        }
        let timeout = self.site.settings.connect_timeout;
        let built = Fetcher::new(timeout, &lock(&self.outbound), addresses::is_public);
        let missing =
            |_| UpstreamError::new(UpstreamErrorKind::Image, "the client for image links cannot be built");
        let built = Arc::new(built.map_err(missing)?);
        *fetcher = Some(Arc::clone(&built));
        Ok(built)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
