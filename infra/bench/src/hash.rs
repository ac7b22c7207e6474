//! One bare Argon2id hash with the service's default parameters: what a login is compared with.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use shared::config::{Config, Settings};

use crate::{Failure, process};

/// Computes hashes in memory that is reused, as the service does.
pub struct BareHash {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

/// What a number of hashes took.
#[derive(Debug)]
pub struct Hashed {
    /// CPU time of one, in milliseconds.
    pub cpu_millis: f64,
    /// Wall time of one, in milliseconds.
    pub wall_millis: f64,
}

impl BareHash {
    /// A hash as the service makes it with no settings at all.
    ///
    /// # Errors
    /// The parameters are refused.
    pub fn new() -> Result<Self, Failure> {
        let config = Config::parse(&Settings::default())?.passwords.argon2;
        let params = Params::new(config.memory_kib, config.iterations, 1, Some(32))
            .map_err(|error| error.to_string())?;
        let memory = vec![Block::default(); params.block_count()];
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            memory,
        })
    }

    /// The parameters in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let params = self.argon2.params();
        format!(
            "m={} KiB, t={}, p={}",
            params.m_cost(),
            params.t_cost(),
            params.p_cost()
        )
    }

    /// Computes `times` hashes on this thread while no other thread of this process does anything.
    ///
    /// # Errors
    /// The parameters are refused, or there is no `/proc`.
    pub fn measure(&mut self, times: u32) -> Result<Hashed, Failure> {
        let pid = std::process::id();
        let (cpu, start) = (process::cpu(pid)?, Instant::now());
        for _ in 0..times {
            let mut output = [0; 32];
            let hashed = self.argon2.hash_password_into_with_memory(
                b"Correct-Horse-7",
                &[7; 16],
                &mut output,
                &mut self.memory,
            );
            hashed.map_err(|error| error.to_string())?;
            std::hint::black_box(output);
        }
        let millis = |time: Duration| time.as_secs_f64() * 1e3 / f64::from(times);
        let wall_millis = millis(start.elapsed());
        Ok(Hashed {
            cpu_millis: millis(process::cpu(pid)?.saturating_sub(cpu)),
            wall_millis,
        })
    }
}
