//! Client of mammouth.ai with the cookie of a browser session (site protocol `llms-2025`).
//!
//! The client lays a conversation out as the site expects it, uploads images first, and converts the plain
//! text of the reply to events. It adds what the site lacks: stop sequences, a token limit, token counts. All
//! facts about the site are in `site_protocol.rs`. It does not retry or select accounts.

mod chat_form;
mod client;
mod error_mapping;
mod image_fetcher;
mod image_upload;
pub(crate) mod models;
mod prompt_layout;
mod public_ip;
mod site_protocol;
mod stream;
mod text_pipeline;
mod upload_cache;
mod upstream;
mod user_info;

#[cfg(test)]
mod tests;

pub use prompt_layout::LayoutMode;
pub use site_protocol::SiteProtocol;
pub use upstream::ID;

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::poll_fn;
use http::{Method, header};
use parking_lot::Mutex;
use url::Url;

use self::client::SiteClient;
use self::image_fetcher::ImageFetcher;
use self::stream::{RepairCall, WebReplyStream};
use self::text_pipeline::TextPipeline;
use super::transport::client::{ClientError, HttpSettings};
use super::transport::prompt_tokens::PromptTokens;
use super::{
    Credential, EventReply, FollowUpCall, Identity, Outbound, Quota, UpstreamError, UpstreamErrorKind,
    check_model,
};
use prompted_tools::RepairPrompt;
use storage::config::{Config, LayoutSetting};

/// Largest response about an account, bytes.
const MAX_ACCOUNT_RESPONSE_BYTES: usize = 1024 * 1024;
/// Largest reply of a follow-up call, bytes.
const MAX_REPAIR_REPLY_BYTES: usize = 8 * 1024 * 1024;

/// Address, timeouts, limits and protocol of the site, and the options of conversations.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Address, timeouts and limits.
    pub http: HttpSettings,
    pub protocol: SiteProtocol,
    pub options: WebOptions,
}

impl WebSettings {
    /// Creates settings with the defaults of everything but the base URL.
    pub fn new(base: Url) -> Self {
        Self {
            http: HttpSettings::new(base),
            protocol: SiteProtocol::default(),
            options: WebOptions::default(),
        }
    }
}

/// Options of conversations that may change while replies run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebOptions {
    pub layout: LayoutMode,
    /// Whether image links are fetched.
    pub image_links: bool,
}

impl Default for WebOptions {
    fn default() -> Self {
        Self { layout: LayoutMode::default(), image_links: true }
    }
}

impl From<&Config> for WebOptions {
    fn from(config: &Config) -> Self {
        let layout = match config.layout {
            LayoutSetting::Turns => LayoutMode::Turns,
            LayoutSetting::Transcript => LayoutMode::Transcript,
        };
        Self { layout, image_links: config.image_links }
    }
}

/// Reason why the settings of a [`WebUpstream`] are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebBuildError {
    #[error(
        "the address of the web upstream must be https, or http to this machine, without user name or query"
    )]
    Base,
    #[error("the request shape's {0} has a value that cannot stand in a request")]
    Protocol(&'static str),
    #[error("an extra root certificate is not valid PEM")]
    Roots,
    #[error(
        "the HTTP client cannot be built; are the system's root certificates (ca-certificates) installed?"
    )]
    Client,
}

impl From<ClientError> for WebBuildError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Base => Self::Base,
            ClientError::Roots => Self::Roots,
            ClientError::Client => Self::Client,
        }
    }
}

/// Client of the website. One instance serves all accounts and keeps no data of one for another.
pub struct WebUpstream {
    site: SiteClient,
    options: Mutex<WebOptions>,
    /// Created at the first image link, as most clients never send one.
    fetcher: Mutex<Option<Arc<ImageFetcher>>>,
    outbound: Mutex<Outbound>,
    uploads: upload_cache::UploadCache,
}

impl WebUpstream {
    /// Checks the settings and builds the client. Nothing is connected to yet.
    ///
    /// # Errors
    /// The invalid setting.
    pub fn new(settings: WebSettings) -> Result<Self, WebBuildError> {
        Ok(Self {
            options: Mutex::new(settings.options),
            fetcher: Mutex::default(),
            outbound: Mutex::new(settings.http.outbound.clone()),
            site: SiteClient::new(settings)?,
            uploads: upload_cache::UploadCache::default(),
        })
    }

    /// Sets the options for all later requests.
    pub fn set_options(&self, options: WebOptions) {
        *self.options.lock() = options;
    }

    /// Replaces the rules for outbound connections. Running calls keep theirs.
    ///
    /// # Errors
    /// The invalid rule; nothing is changed then.
    pub fn set_outbound(&self, outbound: &Outbound) -> Result<(), WebBuildError> {
        self.site.http.replace(outbound)?;
        *self.outbound.lock() = outbound.clone();
        *self.fetcher.lock() = None;
        Ok(())
    }

    fn options(&self) -> WebOptions {
        *self.options.lock()
    }

    /// Calls a model by the site's id. Resolves at the first event of the reply. `allow_repair` permits one follow-up call,
    /// for an invalid tool call or an invalid JSON answer.
    ///
    /// # Errors
    /// Any error before the first event. A later error is the last event of the reply.
    pub async fn chat(
        self: &Arc<Self>,
        credential: &Credential,
        request: Arc<protocol::Request>,
        model: &str,
        allow_repair: bool,
    ) -> Result<EventReply, UpstreamError> {
        let prompt = PromptTokens::start(Arc::clone(&request), protocol::Tokenizer::shared());
        self.chat_while_counting(credential, request, model, allow_repair, prompt).await
    }

    async fn chat_while_counting(
        self: &Arc<Self>,
        credential: &Credential,
        request: Arc<protocol::Request>,
        model: &str,
        allow_repair: bool,
        mut prompt: PromptTokens,
    ) -> Result<EventReply, UpstreamError> {
        let answer = self.send_chat(credential, &request, model).await?.reply().await?;
        let pipeline = TextPipeline::new(&request);
        let follow_up = FollowUpCall::default();
        let repair_call = self.repair_call(credential, &request, model, &follow_up).filter(|_| allow_repair);
        let (stream, served_model) = match answer {
            client::SiteReply::Stream(source) => {
                (WebReplyStream::from_stream(source, pipeline, prompt, repair_call), None)
            }
            client::SiteReply::Complete { text, model } => {
                if pipeline.needs_tokenizer(text.len()) {
                    poll_fn(|cx| prompt.poll_tokenizer(cx)).await;
                }
                (WebReplyStream::from_complete(&text, pipeline, prompt, repair_call), model)
            }
        };
        Ok(EventReply { served_model, events: Box::pin(stream.wait_for_first_event().await?), follow_up })
    }

    /// The follow-up call for an invalid reply; `None` if the reply is not checked.
    fn repair_call(
        self: &Arc<Self>,
        credential: &Credential,
        request: &Arc<protocol::Request>,
        model: &str,
        follow_up: &FollowUpCall,
    ) -> Option<RepairCall> {
        if request.tools.is_empty() && request.format == protocol::ResponseFormat::Text {
            return None;
        }
        let (web, credential, model) = (Arc::clone(self), credential.clone(), model.to_owned());
        let (request, second) = (Arc::clone(request), follow_up.clone());
        Some(Box::new(move |prompt| {
            Box::pin(second.run(async move { web.send_repair(&credential, &request, prompt, &model).await }))
        }))
    }

    async fn send_repair(
        &self,
        credential: &Credential,
        request: &protocol::Request,
        prompt: RepairPrompt,
        model: &str,
    ) -> Result<String, UpstreamError> {
        let mut request = request.clone();
        let turns =
            [(protocol::Role::Assistant, prompt.previous_reply), (protocol::Role::User, prompt.instruction)];
        let messages = turns.into_iter().filter(|(_, text)| !text.is_empty());
        request.messages.extend(
            messages.map(|(role, text)| protocol::Message { role, parts: vec![protocol::Part::Text(text)] }),
        );
        match self.send_chat(credential, &request, model).await?.reply().await? {
            client::SiteReply::Complete { text, .. } => Ok(text),
            client::SiteReply::Stream(source) => {
                let bytes =
                    source.collect(MAX_REPAIR_REPLY_BYTES).await.map_err(|broken| broken.after_output())?;
                let text = String::from_utf8(bytes.into()).map_err(|_| {
                    UpstreamError::new(UpstreamErrorKind::BadResponse, "the answer is not valid UTF-8 text")
                })?;
                // Where no stream was asked for, the whole may be one JSON string.
                Ok(serde_json::from_str(&text).unwrap_or(text))
            }
        }
    }

    /// Fetches the identity of a session's user.
    ///
    /// # Errors
    /// [`UpstreamErrorKind::LoginRequired`] if the session is not valid, or any error of an upstream call.
    pub async fn check(&self, credential: &Credential) -> Result<Identity, UpstreamError> {
        let user = self.site.get(credential, &self.site.user, MAX_ACCOUNT_RESPONSE_BYTES).await?;
        let nobody =
            || UpstreamError::new(UpstreamErrorKind::LoginRequired, "the site does not know this session");
        user_info::parse_identity(&user, &credential.secret).ok_or_else(nobody)
    }

    /// Fetches the used quota of an account.
    ///
    /// # Errors
    /// The session is not valid, or neither of the site's two responses can be fetched.
    pub async fn quota(&self, credential: &Credential) -> Result<Quota, UpstreamError> {
        let recent = self.site.get(credential, &self.site.recent_usage, MAX_ACCOUNT_RESPONSE_BYTES);
        let current = self.site.get(credential, &self.site.current_usage, MAX_ACCOUNT_RESPONSE_BYTES);
        let answers = tokio::join!(recent, current);
        match &answers {
            (Err(failure), Err(_)) => Err(failure.clone()),
            (Err(failure), Ok(_)) | (Ok(_), Err(failure))
                if failure.kind == UpstreamErrorKind::LoginRequired =>
            {
                Err(failure.clone())
            }
            (recent, current) => {
                let shape = &self.site.settings.protocol;
                Ok(user_info::parse_quota(
                    recent.as_ref().ok(),
                    current.as_ref().ok(),
                    shape,
                    &credential.secret,
                ))
            }
        }
    }

    /// Checks that the site can be reached, with any response. Returns the time in its `Date` header. Sends no session.
    ///
    /// # Errors
    /// The error of a call without a response.
    pub async fn probe(&self) -> Result<Option<SystemTime>, UpstreamError> {
        self.site.probe().await
    }

    async fn send_chat<'a>(
        &'a self,
        credential: &'a Credential,
        request: &protocol::Request,
        model: &str,
    ) -> Result<client::SiteResponse<'a>, UpstreamError> {
        check_model(model)?;
        let site = &self.site;
        let layout = prompt_layout::lay_out(request, self.options().layout);
        let images = image_upload::upload_all(self, credential, &layout).await?;
        let form = chat_form::build_form(&site.settings.protocol, model, &layout, &images);
        let fill = |request: reqwest::RequestBuilder| {
            request.header(header::CONTENT_TYPE, form.content_type).body(form.body)
        };
        site.send(credential, Method::POST, &site.chat, fill).await
    }

    fn fetcher(&self) -> Result<Arc<ImageFetcher>, UpstreamError> {
        if !self.options().image_links {
            let detail = "image links are switched off in the settings; send the image itself";
            return Err(UpstreamError::new(UpstreamErrorKind::Image, detail));
        }
        let mut fetcher = self.fetcher.lock();
        if let Some(built) = &*fetcher {
            return Ok(Arc::clone(built));
        }
        let timeout = self.site.settings.http.connect_timeout;
        let built = ImageFetcher::new(timeout, &self.outbound.lock(), public_ip::is_public);
        let missing =
            |_| UpstreamError::new(UpstreamErrorKind::Image, "the client for image links cannot be built");
        let built = Arc::new(built.map_err(missing)?);
        *fetcher = Some(Arc::clone(&built));
        Ok(built)
    }
}
