//! Argon2 in memory that is used again and again.

use std::cell::RefCell;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher, PasswordHasher, PasswordVerifier, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// What one thread computes in. Grows to the most that a hash has needed.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// The most that a hash has needed, in KiB.
    #[cfg(test)]
    pub fn blocks(&self) -> usize {
        self.0.len()
    }

    /// Hashes a password with these parameters, and with this pepper, which the parameters name.
    pub fn hash(
        &mut self,
        params: &Params,
        pepper: Option<&[u8]>,
        password: &[u8],
        salt: &[u8],
    ) -> Result<PasswordHash> {
        let argon = Reusing { params: params.clone(), pepper, memory: RefCell::new(&mut self.0) };
        argon.hash_password_with_salt(password, salt)
    }

    /// Whether `stored`, whatever its parameters, is the hash of this password with this pepper.
    pub fn verify(&mut self, password: &[u8], pepper: Option<&[u8]>, stored: &str) -> bool {
        let argon = Reusing { params: Params::DEFAULT, pepper, memory: RefCell::new(&mut self.0) };
        PasswordHash::new(stored).is_ok_and(|stored| argon.verify_password(password, &stored).is_ok())
    }
}

struct Reusing<'m> {
    params: Params,
    pepper: Option<&'m [u8]>,
    memory: RefCell<&'m mut Vec<Block>>,
}

impl PasswordHasher<PasswordHash> for Reusing<'_> {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> Result<PasswordHash> {
        self.hash_password_customized(password, salt, None, None, self.params.clone())
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Reusing<'_> {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or(Algorithm::Argon2id);
        let version = version.map(Version::try_from).transpose()?.unwrap_or(Version::V0x13);
        let salt = Salt::new(salt)?;
        let mut memory = self.memory.borrow_mut();
        let blocks = params.block_count();
        if memory.len() < blocks {
            memory.resize(blocks, Block::default());
        }
        let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        let argon = Argon2::new_with_secret(self.pepper.unwrap_or_default(), algorithm, version, params)?;
        argon.hash_password_into_with_memory(password, &salt, &mut output, &mut memory[..blocks])?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(argon.params())?,
            salt: Some(salt),
            hash: Some(Output::new(&output)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_used_before_makes_the_same_hashes() {
        let mut memory = Memory::default();
        for (memory_kib, passes, lanes) in [(64, 1, 1), (256, 3, 2), (64, 2, 1), (32, 1, 4)] {
            let params = Params::new(memory_kib, passes, lanes, None).unwrap();
            let plain = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let plain = plain.hash_password_with_salt(b"a few words", b"some salt here").unwrap();
            assert_eq!(memory.hash(&params, None, b"a few words", b"some salt here").unwrap(), plain);
            assert!(memory.verify(b"a few words", None, &plain.to_string()));
            assert!(!memory.verify(b"other words", None, &plain.to_string()));
        }
        assert!(!memory.verify(b"a few words", None, "no hash"));
    }
}
