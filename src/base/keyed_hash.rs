//! Hashes that say nothing to whoever lacks the key: HMAC with SHA-256 (RFC 2104).

use sha2::{Digest, Sha256};

/// Bytes that SHA-256 takes at once.
const BLOCK: usize = 64;

/// Hashes texts under a key.
#[derive(Clone)]
pub struct KeyedHash {
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash")
    }
}

impl KeyedHash {
    /// Hashes under `key`, of any length: longer ones than a block are hashed first, shorter ones filled with zeros.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let started = |pad: u8| Sha256::new().chain_update(block.map(|byte| byte ^ pad));
        Self { inner: started(0x36), outer: started(0x5c) }
    }

    /// The hash of a text.
    #[must_use]
    pub fn of(&self, text: &str) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(text.as_bytes()).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::hex;

    #[test]
    fn as_in_rfc_4231() {
        let hash = KeyedHash::new(b"Jefe").of("what do ya want for nothing?");
        assert_eq!(hex(&hash), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = KeyedHash::new(&[0xaa; 131]).of("Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
