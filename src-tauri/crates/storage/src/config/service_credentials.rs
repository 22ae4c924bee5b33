//! Secrets that a service manager passes as files (systemd's `LoadCredential=`).

use std::collections::BTreeMap;
use std::path::Path;

/// Names of the files, each with the two variables that have precedence over it.
const CREDENTIALS: [(&str, &str, &str); 3] = [
    ("mammouth-proxy.cookies", "COOKIES", "COOKIES_FILE"),
    ("mammouth-proxy.api-keys", "API_KEYS", "API_KEYS_FILE"),
    ("mammouth-proxy.auth-token", "AUTH_TOKEN", "AUTH_TOKEN_FILE"),
];

/// Sets the variables for files to the files of `folder`, which is `$CREDENTIALS_DIRECTORY`. A missing file
/// is ignored, and a variable that is already set has precedence.
pub fn add_service_credentials(variables: &mut BTreeMap<String, String>, folder: &Path) {
    for (file, value_variable, file_variable) in CREDENTIALS {
        let is_set = |name: &str| variables.get(name).is_some_and(|value| !value.trim().is_empty());
        let path = folder.join(file);
        if !is_set(value_variable) && !is_set(file_variable) && path.is_file() {
            variables.insert(file_variable.to_owned(), path.display().to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stand_in_for_variables_that_are_not_set() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        for (file, _, _) in &CREDENTIALS[..2] {
            std::fs::write(dir.path().join(file), "x").unwrap();
        }
        let mut variables: BTreeMap<String, String> = [("COOKIES", "a"), ("API_KEYS", " "), ("PORT", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut expected = variables.clone();
        expected.insert("API_KEYS_FILE".to_owned(), path("mammouth-proxy.api-keys"));
        add_service_credentials(&mut variables, dir.path());
        assert_eq!(variables, expected);
    }
}
