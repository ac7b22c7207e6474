//! Password hashes: Argon2id (RFC 9106) for everybody, and [what users were imported with](crate::passwords::foreign_hash).
//!
//! Every check computes one hash, whatever is presented and whatever is stored: without an account, and for an account without a
//! password, it is compared with a random one. An answer that comes before the hash would tell which accounts are special. Hashes
//! run beside the requests, as many at a time as there are cores to spare, each in a block of memory that is kept and
//! wiped: a fresh block costs as much in page faults as the hash itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;

use crate::config::Argon2Config;
use crate::domain::Password;
use crate::ground::digest;
use crate::ground::entropy::{self, Entropy};
use crate::passwords::foreign_hash::{Function, StoredHash};
use crate::store::NO_PASSWORD;
use crate::telemetry::{self, Metric};

const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;

/// What a comparison said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or nobody's.
    Wrong,
    /// The password; its hash is of today's parameters.
    Right,
    /// The password; its hash should be replaced.
    RightButOutdated,
}

/// A hash that could not be computed.
#[derive(Debug, thiserror::Error)]
#[error("a password hash could not be computed")]
pub struct HashError;

/// Computes and compares hashes.
#[derive(Clone)]
pub struct PasswordHasher {
    params: Params,
    /// What nobody's password is compared with: random, so nothing equals it.
    nobody: Arc<str>,
    workers: Arc<Workers>,
    entropy: Arc<dyn Entropy>,
}

struct Workers {
    slots: Semaphore,
    memory: Mutex<Vec<Vec<Block>>>,
    computed: AtomicU64,
}

impl PasswordHasher {
    /// A hasher with these parameters.
    ///
    /// # Errors
    /// [`HashError`] if Argon2 does not know such parameters.
    pub fn new(config: Argon2Config, entropy: Arc<dyn Entropy>) -> Result<Self, HashError> {
        let params = Params::new(config.memory_kib, config.iterations, 1, Some(HASH_LENGTH))
            .map_err(|_| HashError)?;
        let salt = entropy::bytes::<SALT_LENGTH>(entropy.as_ref());
        let nobody = phc(
            &params,
            &salt,
            &entropy::bytes::<HASH_LENGTH>(entropy.as_ref()),
        )?;
        // One core stays with the requests.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = Workers {
            slots: Semaphore::new(cores.saturating_sub(1).max(1)),
            memory: Mutex::default(),
            computed: AtomicU64::new(0),
        };
        Ok(Self {
            params,
            nobody: nobody.into(),
            workers: Arc::new(workers),
            entropy,
        })
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, HashError> {
        let salt = entropy::bytes::<SALT_LENGTH>(self.entropy.as_ref());
        let (params, password) = (self.params.clone(), password.clone());
        self.run(move |workers| {
            let hash = workers.argon2(
                Algorithm::Argon2id,
                &params,
                &salt,
                password.expose().as_bytes(),
                HASH_LENGTH,
            )?;
            phc(&params, &salt, &hash)
        })
        .await
    }

    /// Compares a password with a stored hash, or with nobody's: also where no password is right until a reset.
    ///
    /// # Errors
    /// [`HashError`], also for a stored hash of no known kind.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let password = password.clone();
        let stored = stored
            .filter(|stored| *stored != NO_PASSWORD)
            .unwrap_or(&self.nobody)
            .to_owned();
        let hasher = self.clone();
        self.run(move |_workers| hasher.judge(&password, &stored))
            .await
    }

    fn judge(&self, password: &Password, stored: &str) -> Result<Verdict, HashError> {
        let verdict = self.workers.verdict(&self.params, password, stored);
        if verdict.is_err() {
            // A hash that cannot be computed is an error and takes as long as one that can: the time does not show which account has it.
            self.workers.verdict(&self.params, password, &self.nobody)?;
        }
        verdict
    }

    /// Has a block of memory at hand that the first hash needs no new pages for.
    pub(crate) async fn prepare(&self) {
        let (workers, blocks) = (Arc::clone(&self.workers), self.params.block_count());
        let _cannot_panic = tokio::task::spawn_blocking(move || {
            let mut memory = workers.memory.lock().map_err(|_| HashError)?;
            if memory.is_empty() {
                memory.push(vec![Block::default(); blocks]);
            }
            Ok::<_, HashError>(())
        })
        .await;
    }

    /// How many hashes this process has computed: what cannot be told apart from outside must not cost more or fewer.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.workers.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Workers) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let (workers, began) = (Arc::clone(&self.workers), Instant::now());
        self.workers.computed.fetch_add(1, Ordering::Relaxed);
        let _slot = self.workers.slots.acquire().await.map_err(|_| HashError)?;
        let done = tokio::task::spawn_blocking(move || work(&workers))
            .await
            .map_err(|_| HashError)?;
        telemetry::measure(Metric::HashTime, telemetry::milliseconds(began.elapsed()));
        done
    }
}

impl Workers {
    fn verdict(
        &self,
        today: &Params,
        password: &Password,
        stored: &str,
    ) -> Result<Verdict, HashError> {
        let stored = StoredHash::parse(stored).ok_or(HashError)?;
        let password = stored.prehash.apply(password.expose());
        if let Function::Argon2(hash) = &stored.function {
            return self.argon2_verdict(today, &password, hash);
        }
        Ok(if stored.function.matches(&password)? {
            Verdict::RightButOutdated
        } else {
            Verdict::Wrong
        })
    }

    fn argon2_verdict(
        &self,
        today: &Params,
        password: &[u8],
        stored: &str,
    ) -> Result<Verdict, HashError> {
        let parsed = PasswordHash::new(stored).map_err(|_| HashError)?;
        let params = Params::try_from(&parsed).map_err(|_| HashError)?;
        let (Some(salt), Some(expected)) = (parsed.salt, parsed.hash) else {
            return Err(HashError);
        };
        let algorithm = match parsed.algorithm.as_str() {
            "argon2id" => Algorithm::Argon2id,
            // Of imported users alone.
            "argon2i" => Algorithm::Argon2i,
            _ => return Err(HashError),
        };
        let hash = self.argon2(algorithm, &params, salt.as_ref(), password, expected.len())?;
        if !digest::equal(&hash, expected.as_bytes()) {
            return Ok(Verdict::Wrong);
        }
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let is_today = algorithm == Algorithm::Argon2id && costs(&params) == costs(today);
        Ok(if is_today {
            Verdict::Right
        } else {
            Verdict::RightButOutdated
        })
    }

    fn argon2(
        &self,
        algorithm: Algorithm,
        params: &Params,
        salt: &[u8],
        password: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, HashError> {
        let mut memory = self
            .memory
            .lock()
            .map_err(|_| HashError)?
            .pop()
            .unwrap_or_default();
        memory.resize(params.block_count(), Block::default());
        let mut hash = vec![0; length];
        let argon2 = Argon2::new(algorithm, Version::V0x13, params.clone());
        let hashed = argon2.hash_password_into_with_memory(password, salt, &mut hash, &mut memory);
        // The block goes back to where others find it, so these stores cannot be optimised away, and as one run of memory
        // they take a fraction of the time that volatile ones do.
        memory.fill(Block::default());
        if let Ok(mut kept) = self.memory.lock() {
            kept.push(memory);
        }
        hashed.map(|()| hash).map_err(|_| HashError)
    }
}

fn phc(params: &Params, salt: &[u8], hash: &[u8]) -> Result<String, HashError> {
    let parts = PasswordHash {
        algorithm: Ident::new(Algorithm::Argon2id.as_str()).map_err(|_| HashError)?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|_| HashError)?,
        salt: Some(Salt::new(salt).map_err(|_| HashError)?),
        hash: Some(Output::new(hash).map_err(|_| HashError)?),
    };
    Ok(parts.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::entropy::SeededEntropy;

    fn hasher(memory_kib: u32) -> PasswordHasher {
        let config = Argon2Config {
            memory_kib,
            iterations: 1,
        };
        PasswordHasher::new(config, Arc::new(SeededEntropy::new(u64::from(memory_kib))))
            .expect("valid")
    }

    fn password(text: &str) -> Password {
        Password::presented(text.to_owned()).expect("short enough")
    }

    #[tokio::test]
    async fn a_hash_is_right_for_its_password_alone() {
        let hasher = hasher(64);
        let hash = hasher
            .hash(&password("Correct-Horse-7"))
            .await
            .expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_eq!(
            hasher
                .verify(&password("Correct-Horse-7"), Some(&hash))
                .await
                .expect("ran"),
            Verdict::Right
        );
        assert_eq!(
            hasher
                .verify(&password("correct-horse-7"), Some(&hash))
                .await
                .expect("ran"),
            Verdict::Wrong
        );
        assert_eq!(
            hasher
                .verify(&password("Correct-Horse-7"), None)
                .await
                .expect("ran"),
            Verdict::Wrong
        );
        assert_eq!(
            hasher
                .verify(&password("!"), Some(NO_PASSWORD))
                .await
                .expect("ran"),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn equal_passwords_have_different_hashes() {
        let hasher = hasher(64);
        let first = hasher
            .hash(&password("Correct-Horse-7"))
            .await
            .expect("a hash");
        assert_ne!(
            first,
            hasher
                .hash(&password("Correct-Horse-7"))
                .await
                .expect("a hash")
        );
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_outdated() {
        let hash = hasher(128)
            .hash(&password("Correct-Horse-7"))
            .await
            .expect("a hash");
        assert_eq!(
            hasher(64)
                .verify(&password("Correct-Horse-7"), Some(&hash))
                .await
                .expect("ran"),
            Verdict::RightButOutdated
        );
    }

    #[tokio::test]
    async fn a_bcrypt_hash_is_right_and_outdated() {
        let hash = bcrypt::hash("Correct-Horse-7", 4).expect("a hash");
        assert_eq!(
            hasher(64)
                .verify(&password("Correct-Horse-7"), Some(&hash))
                .await
                .expect("ran"),
            Verdict::RightButOutdated
        );
        assert_eq!(
            hasher(64)
                .verify(&password("Correct-Horse-8"), Some(&hash))
                .await
                .expect("ran"),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn bcrypt_never_accepts_a_password_that_it_would_cut() {
        let long = "x".repeat(72);
        let hash = bcrypt::hash(&long, 4).expect("a hash");
        let longer = password(&format!("{long}anything"));
        assert_eq!(
            hasher(64).verify(&longer, Some(&hash)).await.expect("ran"),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn a_stored_text_that_is_no_hash_is_a_fault_and_not_a_wrong_password() {
        for stored in FAULTY {
            assert!(
                hasher(64)
                    .verify(&password("x"), Some(stored))
                    .await
                    .is_err(),
                "{stored}"
            );
        }
    }

    /// What no import and no change of a password stores.
    const FAULTY: [&str; 7] = [
        "",
        "plain",
        "$2b$10$cut",
        "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2d$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=99,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    ];

    /// How often Argon2 was computed: each time puts its block back.
    #[test]
    fn a_stored_text_that_is_no_hash_takes_as_long_as_a_hash() {
        let hasher = hasher(64);
        for stored in FAULTY {
            hasher.workers.memory.lock().expect("memory").clear();
            let verdict = hasher.judge(&password("x"), stored);
            assert!(
                verdict.is_err() && hasher.workers.memory.lock().expect("memory").len() == 1,
                "{stored}"
            );
        }
    }

    #[tokio::test]
    async fn bcrypt_accepts_a_password_of_exactly_72_bytes() {
        let whole = "x".repeat(72);
        let hash = bcrypt::hash(&whole, 4).expect("a hash");
        let verdict = |text: &str| {
            let password = password(text);
            let (hasher, hash) = (hasher(64), hash.clone());
            async move { hasher.verify(&password, Some(&hash)).await.expect("ran") }
        };
        assert_eq!(verdict(&whole).await, Verdict::RightButOutdated);
        assert_eq!(verdict(&"x".repeat(71)).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_password_that_bcrypt_would_cut_takes_as_long_as_any_other() {
        let hash = bcrypt::hash("Correct-Horse-7", 10).expect("a hash");
        let mut times = Vec::new();
        for length in [71, 72, 73, 1_024] {
            let password = password(&"x".repeat(length));
            let began = Instant::now();
            assert_eq!(
                hasher(64)
                    .verify(&password, Some(&hash))
                    .await
                    .expect("ran"),
                Verdict::Wrong
            );
            times.push(began.elapsed());
        }
        // Cost 10 takes tens of milliseconds on any machine; without the hash it was none.
        assert!(times.iter().all(|time| time.as_millis() > 4), "{times:?}");
    }
}
