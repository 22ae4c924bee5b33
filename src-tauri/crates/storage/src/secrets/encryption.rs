//! Encryption of named values as one block of bytes. Pure, except for random numbers.
//!
//! The block begins with a readable line, then 8 bytes that identify the key, a random nonce, and the values
//! as JSON under XChaCha20-Poly1305, which also authenticates everything before them.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::{ExposeSecret, Secret};

const MAGIC: &[u8] = b"mammouth-proxy secrets ";
const FORMAT_VERSION: &[u8] = b"1\n";
const HEADER_BYTES: usize = MAGIC.len() + FORMAT_VERSION.len() + KEY_ID_BYTES;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;

/// Values by their names.
pub(super) type SecretValues = BTreeMap<String, Secret>;

/// Encryption key of a block.
pub(super) struct EncryptionKey(Zeroizing<[u8; 32]>);

/// Reason why a block could not be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecryptError {
    WrongKey,
    Damaged,
    /// A later version of the program wrote the block.
    Newer,
}

impl EncryptionKey {
    /// Parses a key of 64 hexadecimal digits.
    pub(super) fn from_hex(text: &Secret) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.expose_secret(), &mut *key).ok()?;
        Some(Self(key))
    }

    /// Generates a key of 256 random bits, as hexadecimal digits.
    pub(super) fn new_hex() -> Result<Secret, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Secret::from(hex::encode(*key)))
    }

    /// Returns an id that identifies the key and reveals nothing else about it.
    fn key_id(&self) -> [u8; KEY_ID_BYTES] {
        let digest = Sha256::new().chain_update(b"mammouth-proxy key id\0").chain_update(*self.0).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        id
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// Encrypts values with a new nonce; `None` if the system has no random numbers.
pub(super) fn encrypt(values: &SecretValues, key: &EncryptionKey) -> Option<Vec<u8>> {
    let plain: BTreeMap<&str, &str> =
        values.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let plain = Zeroizing::new(serde_json::to_vec(&plain).ok()?);
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).ok()?;
    let head = [MAGIC, FORMAT_VERSION, &key.key_id()].concat();
    let payload = Payload { msg: &plain, aad: &head };
    let sealed = key.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
    Some([&head[..], &nonce, &sealed].concat())
}

/// Decrypts the values of a block.
pub(super) fn decrypt(block: &[u8], key: &EncryptionKey) -> Result<SecretValues, DecryptError> {
    let rest = block.strip_prefix(MAGIC).ok_or(DecryptError::Damaged)?;
    let rest = rest.strip_prefix(FORMAT_VERSION).ok_or_else(|| version_error(rest))?;
    let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(DecryptError::Damaged)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(DecryptError::Damaged)?;
    if *id != key.key_id() {
        return Err(DecryptError::WrongKey);
    }
    let payload = Payload { msg: sealed, aad: &block[..HEADER_BYTES] };
    let plain = key.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| DecryptError::Damaged)?;
    let plain: BTreeMap<String, String> =
        serde_json::from_slice(&Zeroizing::new(plain)).map_err(|_| DecryptError::Damaged)?;
    Ok(plain.into_iter().map(|(name, value)| (name, Secret::from(value))).collect())
}

fn version_error(rest: &[u8]) -> DecryptError {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..4).contains(&digits) && rest.get(digits) == Some(&b'\n') {
        DecryptError::Newer
    } else {
        DecryptError::Damaged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Redactor;
    use super::*;

    const COOKIE: &str = "canary/cookie+value=%7B\"\u{e9}";

    fn key() -> EncryptionKey {
        EncryptionKey::from_hex(&EncryptionKey::new_hex().unwrap()).unwrap()
    }

    fn values() -> SecretValues {
        SecretValues::from([("account:a".to_owned(), Secret::from(COOKIE))])
    }

    fn opened(block: &[u8], key: &EncryptionKey) -> Result<String, DecryptError> {
        decrypt(block, key).map(|values| values["account:a"].expose_secret().to_owned())
    }

    #[test]
    fn encrypted_values_come_back_and_no_two_blocks_are_alike() {
        let key = key();
        let (one, two) = (encrypt(&values(), &key).unwrap(), encrypt(&values(), &key).unwrap());
        assert_ne!(one, two);
        assert_eq!(opened(&one, &key).as_deref(), Ok(COOKIE));
        assert_eq!(opened(&two, &key).as_deref(), Ok(COOKIE));
    }

    #[test]
    fn l05_nothing_of_a_value_or_the_key_is_in_the_block() {
        let hex = EncryptionKey::new_hex().unwrap();
        let key = EncryptionKey::from_hex(&hex).unwrap();
        let block = encrypt(&values(), &key).unwrap();
        let text: String = block.iter().map(|byte| char::from(*byte)).collect();
        // The redactor knows a secret plain, URL-encoded, in base64 and as JSON.
        let secrets = [Secret::from(COOKIE), hex, Secret::from("account:a")];
        for piece in text.as_bytes().chunks(400) {
            let piece = String::from_utf8_lossy(piece);
            assert!(!Redactor::new(&secrets).clean(&piece).contains("[redacted]"));
        }
        assert!(!block.windows(4).any(|bytes| bytes == b"cana"));
        assert!(!block.windows(4).any(|bytes| bytes == &key.0[..4]));
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let (ours, theirs) = (key(), key());
        let block = encrypt(&values(), &ours).unwrap();
        assert_eq!(opened(&block, &theirs), Err(DecryptError::WrongKey));
        for at in [0, HEADER_BYTES, HEADER_BYTES + NONCE_BYTES, block.len() - 1] {
            let mut bad = block.clone();
            bad[at] ^= 1;
            assert_eq!(opened(&bad, &ours), Err(DecryptError::Damaged), "byte {at}");
        }
        for length in 0..block.len() {
            assert_eq!(opened(&block[..length], &ours), Err(DecryptError::Damaged), "{length} bytes");
        }
        let newer = [MAGIC, b"12\n", &block].concat();
        assert_eq!(opened(&newer, &ours), Err(DecryptError::Newer));
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        for bad in [String::new(), "0".repeat(63), "g".repeat(64), "0".repeat(65)] {
            assert!(EncryptionKey::from_hex(&Secret::from(bad)).is_none());
        }
    }

    proptest! {
        #[test]
        fn any_values_come_back_and_any_bytes_are_refused(text: String, garbage: Vec<u8>) {
            let key = key();
            let values = SecretValues::from([("account:a".to_owned(), Secret::from(text.clone()))]);
            prop_assert_eq!(opened(&encrypt(&values, &key).unwrap(), &key), Ok(text));
            prop_assert_eq!(opened(&garbage, &key), Err(DecryptError::Damaged));
        }
    }
}
