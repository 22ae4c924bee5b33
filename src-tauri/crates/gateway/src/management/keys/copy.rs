//! Command `keys.copy`: a client key to the system's clipboard, so that the key does not enter the page.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode};
use storage::secrets::{ExposeSecret, Secret};

/// Placeholder for the key in a template. It needs no escaping in JSON, YAML, TOML or shell quotes.
pub(in crate::management) const PLACEHOLDER: &str = "{{MAMMOUTH_PROXY_KEY}}";

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct CopyArgs {
    name: String,
    /// Text to copy, with `{{MAMMOUTH_PROXY_KEY}}` as the placeholder of the key.
    template: String,
}

/// Copies a text with a key inserted.
pub(in crate::management) async fn copy(control: &Control, args: CopyArgs) -> Result<(), ControlError> {
    let desktop = control.require_desktop()?;
    control.secret_reload.reload().await;
    let key = super::stored::key_text(control, &args.name).await?;
    desktop.copy(fill_template(&args.template, &key)?).await
}

/// Inserts the key into a template.
///
/// # Errors
/// `bad_arguments`: the key contains characters that the template's format would have to escape.
fn fill_template(template: &str, key: &Secret) -> Result<String, ControlError> {
    let key = key.expose_secret();
    let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte));
    if is_plain || template == PLACEHOLDER {
        return Ok(template.replace(PLACEHOLDER, key));
    }
    Err(ControlError::new(ErrorCode::BadArguments, "this key cannot be put into a text without quoting it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_filled_in_where_no_notation_has_to_escape_it() {
        let key = crate::auth::generate_key();
        let line = fill_template("export KEY='{{MAMMOUTH_PROXY_KEY}}'", &key).unwrap();
        assert_eq!(line, format!("export KEY='{}'", key.expose_secret()));
        let quoted = Secret::from("it's a key of the user's own");
        assert_eq!(fill_template(PLACEHOLDER, &quoted).unwrap(), quoted.expose_secret());
        assert_eq!(
            fill_template("'{{MAMMOUTH_PROXY_KEY}}'", &quoted).unwrap_err().code,
            ErrorCode::BadArguments
        );
    }
}
