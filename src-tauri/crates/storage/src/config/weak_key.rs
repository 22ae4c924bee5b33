//! Check for keys that are easy to guess.

/// Tokens that are printed in documentation, in lower case. The original project's README shows the first.
const PUBLISHED_KEYS: [&str; 15] = [
    "sk-123456",
    "123456",
    "changeme",
    "your-auth-token",
    "your_auth_token",
    "your-auth-token-here",
    "your_auth_token_here",
    "your-secret-token",
    "your-secret-token-here",
    "your-api-key-here",
    "sk-your-api-key-here",
    "sk-xxxxxxxxxxxxxxxx",
    "replace-with-your-token",
    "mammouth-proxy-token",
    "a-long-random-key-that-your-clients-send",
];

const MIN_KEY_CHARACTERS: usize = 16;

/// Minimum number of different characters of a random key; a key with fewer is a pattern.
const MIN_DIFFERENT_CHARACTERS: usize = 6;

/// Sequences that people type as a long text.
const TYPED_SEQUENCES: [&str; 5] = [
    "01234567890123456789",
    "12345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "0123456789abcdef",
];

/// Returns the reason why `key` is too weak to protect the accounts, as the rest of a sentence; `None` if it
/// is strong enough.
pub fn weak_key(key: &str) -> Option<&'static str> {
    let key = key.trim().to_ascii_lowercase();
    let core = key.strip_prefix("sk-").unwrap_or(&key);
    if key.is_empty() {
        Some("is empty, which would let anybody in")
    } else if PUBLISHED_KEYS.contains(&key.as_str()) || PUBLISHED_KEYS.contains(&core) {
        Some("is a sample from a README that everybody knows; choose a random one")
    } else if key.chars().count() < MIN_KEY_CHARACTERS {
        Some("is shorter than 16 characters and could be guessed; choose a longer random one")
    } else if count_different(core) < MIN_DIFFERENT_CHARACTERS || is_typed_sequence(core) {
        Some("is a simple pattern and could be guessed; choose a random one")
    } else {
        None
    }
}

fn count_different(key: &str) -> usize {
    let mut chars: Vec<char> = key.chars().collect();
    chars.sort_unstable();
    chars.dedup();
    chars.len()
}

fn is_typed_sequence(key: &str) -> bool {
    TYPED_SEQUENCES.iter().any(|row| row.repeat(2 + key.len() / row.len()).starts_with(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u11_empty_published_short_and_patterned_keys_are_weak() {
        let weak = [
            "",
            "  ",
            "sk-123456",
            "SK-123456",
            "changeme",
            "your-auth-token",
            "123456",
            "fifteen-chars-x",
            "your-auth-token-here",
            "aaaaaaaaaaaaaaaaaaaa",
            "abababababababababab",
            "1234567890123456",
            "sk-1234567890123456",
            "abcdefghijklmnop",
            "0123456789abcdef0123456789abcdef",
        ];
        for key in weak {
            assert!(weak_key(key).is_some(), "{key}");
        }
    }

    #[test]
    fn u11_a_random_key_is_not_weak() {
        for key in ["sk-9f2c41d07ab84e6f", "correct horse battery staple", "Zk3!mQ8vR2#tW7xL"] {
            assert_eq!(weak_key(key), None, "{key}");
        }
    }
}
