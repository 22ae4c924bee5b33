//! Which chosen keys are too weak to protect an account.

const MIN_LENGTH: usize = 16;
const MIN_DIFFERENT: usize = 6;

/// Parts of sample keys that are printed in READMEs and compose files, without separators.
const SAMPLES: [&str; 13] = [
    "sk123456",
    "changeme",
    "yourauthtoken",
    "yourtoken",
    "yourapikey",
    "yoursecret",
    "yourkey",
    "mysecret",
    "password",
    "example",
    "placeholder",
    "replacewith",
    "authtokenhere",
];

/// Why a key that the user chose is refused; `None` if it is good. The reason does not repeat the key.
pub fn weak_key(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    if !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Some("it holds a space or a character that cannot be sent in a header");
    }
    if is_sample(key) {
        return Some("it is a published sample that everybody knows");
    }
    if key.len() < MIN_LENGTH {
        return Some("it is shorter than 16 characters");
    }
    has_little_variety(key).then_some("it consists of very few different characters")
}

fn is_sample(key: &str) -> bool {
    let plain: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SAMPLES.iter().any(|sample| plain.contains(sample))
}

fn has_little_variety(key: &str) -> bool {
    let mut bytes = key.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len() < MIN_DIFFERENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u11_weak_and_published_keys_are_refused() {
        for key in [
            "",
            "sk-123456",
            "sk-1234567890abcdef",
            "changeme",
            "your-auth-token",
            "YOUR_AUTH_TOKEN_HERE_PLEASE",
            "short-but-random",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "good but with a space in it",
            "clé-très-longue-et-belle",
        ] {
            let good = key == "short-but-random";
            assert_eq!(weak_key(key).is_none(), good, "{key}");
        }
        assert_eq!(weak_key("abcdef123456789"), Some("it is shorter than 16 characters"));
        assert_eq!(weak_key("abcdef1234567890"), None);
    }
}
