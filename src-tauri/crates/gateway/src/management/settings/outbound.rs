//! Settings of outbound connections, applied to all upstreams. The outbound proxy's password is in the keychain.

use url::Url;

use super::super::{Control, ControlError, ErrorCode, UserMessage};
use super::{SettingValue, apply, changed};
use storage::config::{Config, OutboundConfig, ProxyAddress, ProxySetting, Setting};
use storage::secrets::{ExposeSecret, Secret, StoreError};
use upstreams::{Outbound, ProxyServer};

/// The keychain entry of the outbound proxy's whole address. Its password is sent to no other address.
const PROXY_ENTRY: &str = "outbound-proxy";

/// The settings in force: the saved ones, except for those that a variable or flag decides.
pub(in crate::management) fn in_force(control: &Control, saved: &Config) -> OutboundConfig {
    let start = &*control.config;
    let of = |variable: &str| if start.fixed.contains_key(variable) { start } else { saved };
    OutboundConfig {
        proxy: of("HTTPS_PROXY").proxy.clone(),
        proxy_given_by: of("HTTPS_PROXY").proxy_given_by,
        no_proxy: of("NO_PROXY").no_proxy.clone(),
        extra_ca: of("EXTRA_CA_FILE").extra_ca.clone(),
    }
}

/// The options in force for connections that neither upstream makes, with the proxy's password.
pub(in crate::management) async fn current(control: &Control) -> Outbound {
    let mut config = in_force(control, &control.saved_config());
    if let Err(error) = add_password(control, &mut config).await {
        tracing::warn!("the proxy's password cannot be read: {error}");
    }
    Outbound::from(&config)
}

/// Rebuilds the clients of all upstreams. If the keychain does not return the password, they are built without it, and
/// the outbound proxy answers that it requires one.
pub(super) async fn apply(control: &Control, saved: &Config) -> Result<(), ControlError> {
    let mut config = in_force(control, saved);
    if let Err(error) = add_password(control, &mut config).await {
        tracing::warn!("the proxy's password cannot be read: {error}");
    }
    replace(control, &config)
}

/// Reads the outbound proxy's password, if its setting needs one from the keychain, and applies it.
///
/// # Errors
/// The reason why the keychain cannot be read. Nothing is changed then.
pub(in crate::management) async fn load_password(control: &Control) -> Result<(), StoreError> {
    let mut config = in_force(control, &control.saved_config());
    if add_password(control, &mut config).await?
        && let Err(error) = replace(control, &config)
    {
        tracing::warn!("the proxy's password cannot be used: {error}");
    }
    Ok(())
}

fn replace(control: &Control, config: &OutboundConfig) -> Result<(), ControlError> {
    let replaced = control.upstreams.set_outbound(&Outbound::from(config));
    replaced.map_err(|error| ControlError::new(ErrorCode::BadArguments, error.to_string()))
}

/// Adds the password from the keychain if the address has a user name without one. Returns whether a password was
/// added.
async fn add_password(control: &Control, config: &mut OutboundConfig) -> Result<bool, StoreError> {
    let ProxySetting::Server(server) = &mut config.proxy else { return Ok(false) };
    if server.password.is_some() || server.url.username().is_empty() {
        return Ok(false);
    }
    let kept = control.vault.get(PROXY_ENTRY).await?;
    let kept = kept.and_then(|kept| ProxyAddress::parse(kept.expose_secret()));
    server.password = kept.filter(|kept| kept.url == server.url).and_then(|kept| kept.password);
    Ok(server.password.is_some())
}

/// Changes the outbound proxy. A password in the address goes to the keychain, and the settings file gets the address
/// without it.
pub(super) async fn change_proxy(
    control: &Control,
    setting: &Setting,
    value: Option<SettingValue>,
) -> Result<(), ControlError> {
    let before = control.saved_config().proxy.clone();
    let address = match &value {
        Some(SettingValue::Text(text)) => ProxyAddress::parse(text),
        Some(SettingValue::Switch(_) | SettingValue::Number(_) | SettingValue::List(_)) | None => None,
    };
    match address {
        Some(ProxyAddress { url, password: Some(password) }) => {
            let value = Some(SettingValue::Text(url.to_string()));
            changed(control, setting, value.clone())?;
            keep_password(control, url, &password).await?;
            apply::change(control, setting, value).await
        }
        Some(_) | None => {
            apply::change(control, setting, value).await?;
            forget_password(control, &before).await;
            Ok(())
        }
    }
}

async fn keep_password(control: &Control, url: Url, password: &Secret) -> Result<(), ControlError> {
    if url.username().is_empty() {
        let message = "a proxy's password needs a user name: write http://USER:PASSWORD@HOST:PORT";
        return Err(ControlError::new(ErrorCode::BadArguments, message));
    }
    let mut whole = url;
    // The URL has a host and a user name, so it can have a password.
    let _ = whole.set_password(Some(password.expose_secret()));
    let kept = control.vault.set(PROXY_ENTRY, &Secret::from(whole.to_string())).await;
    kept.map_err(|error| ControlError::with_message(ErrorCode::Keychain, UserMessage::Store { error }))
}

/// Deletes the password of the previous outbound proxy. If that fails, the password is still never sent to another
/// proxy.
async fn forget_password(control: &Control, before: &ProxySetting) {
    let ProxySetting::Server(before) = before else { return };
    let now = control.saved_config().proxy.clone();
    let is_same = matches!(&now, ProxySetting::Server(now) if now.url == before.url);
    if !before.url.username().is_empty() && !is_same {
        let _ = control.vault.delete(PROXY_ENTRY).await;
    }
}

impl Control {
    /// Reads the outbound proxy's password, if it is in the keychain.
    ///
    /// # Errors
    /// The reason why the keychain cannot be read. Nothing is changed then.
    pub async fn load_proxy_password(&self) -> Result<(), StoreError> {
        load_password(self).await
    }

    /// The outbound proxy for the sign-in window.
    ///
    /// # Errors
    /// The proxy is of a kind that web views do not support.
    pub fn window_proxy(&self) -> Result<Option<WindowProxy>, ControlError> {
        let Some(server) = self.upstreams.proxy() else { return Ok(None) };
        WindowProxy::new(&server).map(Some).ok_or_else(|| {
            let message =
                "the sign-in window cannot use an https:// proxy: copy the cookie from your browser instead";
            ControlError::new(ErrorCode::Upstream, message)
        })
    }
}

/// A proxy in the form that web views take.
pub struct WindowProxy {
    /// `http` or `socks5`, without user name and password.
    pub address: Url,
    /// The same address with user name and password; `None` if the proxy needs none.
    pub with_credentials: Option<Secret>,
}

impl WindowProxy {
    /// `None` for a kind that web views do not support.
    fn new(server: &ProxyServer) -> Option<Self> {
        let scheme = match server.scheme() {
            "http" => "http",
            "socks5" | "socks5h" => "socks5",
            _ => return None,
        };
        let port = server.address().port_or_known_default().unwrap_or(1080);
        let url = |user: &str| Url::parse(&format!("{scheme}://{user}{}:{port}", server.host())).ok();
        let with_credentials = server.credentials().and_then(|(user, password)| {
            url(&format!("{user}:{}@", password.expose_secret())).map(|url| Secret::from(url.to_string()))
        });
        Some(Self { address: url("")?, with_credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_gets_the_proxy_in_the_form_that_it_knows() {
        let window = |text: &str, password: Option<&str>| {
            let server = ProxyServer::new(text.parse().unwrap(), password.map(Into::into));
            let proxy = WindowProxy::new(&server)?;
            let whole = proxy.with_credentials.map(|url| url.expose_secret().to_owned());
            Some((proxy.address.to_string(), whole))
        };
        let is = |address: &str, whole: Option<&str>| Some((address.to_owned(), whole.map(str::to_owned)));
        assert_eq!(
            window("http://ana@proxy.example:3128", Some("p%40ss%3A")),
            is("http://proxy.example:3128/", Some("http://ana:p%40ss%3A@proxy.example:3128/"))
        );
        assert_eq!(window("socks5h://proxy.example", None), is("socks5://proxy.example:1080", None));
        assert_eq!(window("https://proxy.example", None), None);
    }
}
