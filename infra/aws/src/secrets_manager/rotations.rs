//! The rotation functions that are registered, and the rotations that wait to be carried through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::rotation_function::RotationFunction;

/// The rotation functions, and the secrets whose rotation is to be carried through.
#[derive(Default)]
pub(super) struct Rotations {
    functions: Mutex<BTreeMap<String, RotationFunction>>,
    asked: Mutex<BTreeSet<String>>,
    /// Wakes [`SecretsManager::drive_rotations`] when something is asked for.
    woken: Notify,
}

impl Rotations {
    /// Whether there is a function of this ARN.
    pub(super) fn has(&self, function: &str) -> bool {
        locked(&self.functions).contains_key(function)
    }

    /// Asks for the unfinished rotation of the secret with this ARN to be carried through, if it has one.
    pub(super) fn ask(&self, secret: &str) {
        locked(&self.asked).insert(secret.to_owned());
        self.woken.notify_one();
    }

    /// Makes `function` the one of this ARN.
    pub(super) fn register(&self, arn: &str, function: RotationFunction) {
        locked(&self.functions).insert(arn.to_owned(), function);
    }

    /// The function of this ARN.
    pub(super) fn function(&self, arn: &str) -> Option<RotationFunction> {
        locked(&self.functions).get(arn).cloned()
    }

    /// Resolves when something is asked for.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What was asked for, without the secrets in `driven`: those wait.
    pub(super) fn take(&self, driven: &BTreeSet<String>) -> BTreeSet<String> {
        let mut asked = locked(&self.asked);
        let waiting = asked.intersection(driven).cloned().collect();
        let mut taken = std::mem::replace(&mut *asked, waiting);
        taken.retain(|secret| !driven.contains(secret));
        taken
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
