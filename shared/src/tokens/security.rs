//! The SECURITY item: the service's version level and its public keys, and how both may change.
//!
//! A key is published before it signs and verifies until its last token has expired, so a change of keys is two moments
//! in the record rather than two visits: `next` says from when on another key signs, and `until` of each key says when it
//! stops to count. Every signer and every verifier compares them with the clock and so agrees without being told.
//!
//! The transitions here are pure; `store/security.rs` writes their outcome if nobody else changed the record meanwhile.

use std::cmp::Reverse;
use std::time::Duration;

use dashtam_verify::{PublicKey, Timestamp, VersionLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::TokenConfig;

/// How long a key verifies after it has stopped signing: the longest life of an access token that can be set, and a minute for
/// clocks that disagree.
pub const RETIREMENT: Duration =
    TokenConfig::MAX_ACCESS_TTL.saturating_add(Duration::from_secs(60));

/// A key that will sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKey {
    /// Which one.
    pub kid: String,
    /// From then on.
    pub from: Timestamp,
}

/// What a key is to its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is published and does not sign yet.
    Published,
    /// It signs.
    Active,
    /// It verifies what it has signed.
    Retiring,
}

/// The SECURITY item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRecord {
    /// [`VersionLevel::current`].
    pub ver_current: u64,
    /// [`VersionLevel::floor`].
    pub ver_floor: u64,
    /// [`VersionLevel::until`].
    pub ver_until: Timestamp,
    /// When the level was last raised.
    pub effective_at: Timestamp,
    /// The key that signs, until `next` does.
    pub active_kid: String,
    /// The key that signs from a moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextKey>,
    /// Every key that may verify.
    pub keys: Vec<PublicKey>,
    /// How often the keys have been changed: no change overwrites another.
    pub keys_version: u64,
}

impl SecurityRecord {
    /// The record of a service that begins with `key`.
    #[must_use]
    pub fn first(key: &PublicKey, keys: Vec<PublicKey>, now: Timestamp) -> Self {
        let level = VersionLevel::FIRST;
        Self {
            ver_current: level.current,
            ver_floor: level.floor,
            ver_until: level.until,
            effective_at: now,
            active_kid: key.kid.clone(),
            next: None,
            keys,
            keys_version: 1,
        }
    }

    /// What all `copies` are to be, where they differ: the newest level and the newest keys of any, so that neither is lowered.
    /// Of two levels with one version, the stricter one.
    #[must_use]
    pub fn newest<'a>(copies: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let level = copies
            .clone()
            .max_by_key(|copy| (copy.ver_current, copy.ver_floor, Reverse(copy.ver_until)))?;
        let keys = copies.max_by_key(|copy| copy.keys_version)?;
        Some(Self {
            ver_current: level.ver_current,
            ver_floor: level.ver_floor,
            ver_until: level.ver_until,
            effective_at: level.effective_at,
            ..keys.clone()
        })
    }

    /// This record with a level of at least `version`.
    #[must_use]
    pub const fn at_least(mut self, version: u64) -> Self {
        if self.ver_current < version {
            self.ver_current = version;
            self.ver_floor = version;
        }
        self
    }

    /// The service's version level.
    #[must_use]
    pub const fn level(&self) -> VersionLevel {
        VersionLevel {
            current: self.ver_current,
            floor: self.ver_floor,
            until: self.ver_until,
        }
    }

    /// The key named `kid`, if it may verify at `now`.
    #[must_use]
    pub fn key(&self, kid: &str, now: Timestamp) -> Option<&PublicKey> {
        self.keys
            .iter()
            .find(|key| key.kid == kid && key.counts_at(now))
    }

    /// When a key that has been chosen begins to sign, if that is still to come.
    #[must_use]
    pub fn pending_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.next
            .as_ref()
            .map(|next| next.from)
            .filter(|from| now < *from)
    }

    /// The key that signs at `now`.
    #[must_use]
    pub fn signing_kid(&self, now: Timestamp) -> &str {
        self.next
            .as_ref()
            .filter(|next| next.from <= now)
            .map_or(&self.active_kid, |next| &next.kid)
    }

    /// Every key that may verify at `now`, with its state, in the order of publication.
    pub fn keys_at(&self, now: Timestamp) -> impl Iterator<Item = (&PublicKey, KeyState)> {
        let signing = self.signing_kid(now);
        self.keys
            .iter()
            .filter(move |key| key.counts_at(now))
            .map(move |key| {
                let state = match key.until {
                    _ if key.kid == signing => KeyState::Active,
                    None => KeyState::Published,
                    Some(_) => KeyState::Retiring,
                };
                (key, state)
            })
    }

    /// Whether a mailed token of an outbox row made at `made` is dead: everything issued before a global rotation is, as
    /// soon as its grace is over.
    #[must_use]
    pub fn outdates(&self, made: Timestamp, now: Timestamp) -> bool {
        self.ver_current > VersionLevel::FIRST.current
            && made <= self.effective_at
            && !self.level().is_grace_running(now)
    }

    /// The record with `key` published; it does not sign yet.
    #[must_use]
    pub fn publishing(&self, key: &PublicKey) -> Self {
        let mut record = self.clone();
        if !record.keys.iter().any(|known| known.kid == key.kid) {
            record.keys.push(key.clone());
            record.keys_version += 1;
        }
        record
    }

    /// The record in which the published key `kid` signs from `from` on. The others verify until their last token has
    /// expired; those of which that is true already are left out. Where another key was to take over before `from` and does
    /// not any more, the one that signs now signs for longer than it was to, and so verifies for longer as well.
    #[must_use]
    pub fn activating(&self, kid: &str, from: Timestamp, now: Timestamp) -> Self {
        let mut record = self.clone();
        self.signing_kid(now).clone_into(&mut record.active_kid);
        let end = from.plus(RETIREMENT);
        for key in record.keys.iter_mut().filter(|key| key.kid != kid) {
            match key.until {
                Some(until) if key.kid == record.active_kid => key.until = Some(until.max(end)),
                Some(_) => {}
                None => key.until = Some(end),
            }
        }
        record.keys.retain(|key| key.counts_at(now));
        record.next = Some(NextKey {
            kid: kid.to_owned(),
            from,
        });
        record.keys_version += 1;
        record
    }

    /// The record in which `key` alone signs and verifies, from now on: whatever others signed is refused.
    #[must_use]
    pub fn trusting_only(&self, key: &PublicKey) -> Self {
        let mut record = self.clone();
        record.keys = vec![PublicKey {
            until: None,
            ..key.clone()
        }];
        record.active_kid.clone_from(&key.kid);
        record.next = None;
        record.keys_version += 1;
        record
    }

    /// Whether the key `kid` signs, will sign, or has signed.
    #[must_use]
    pub fn has_activated(&self, kid: &str) -> bool {
        let named =
            self.active_kid == kid || self.next.as_ref().is_some_and(|next| next.kid == kid);
        named
            || self
                .keys
                .iter()
                .any(|key| key.kid == kid && key.until.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const LEAD: Duration = Duration::from_secs(60);

    fn key(kid: &str) -> PublicKey {
        PublicKey {
            kid: kid.to_owned(),
            x: String::new(),
            y: String::new(),
            created_at: NOW,
            until: None,
        }
    }

    fn record() -> SecurityRecord {
        SecurityRecord::first(&key("a"), vec![key("a")], NOW)
    }

    fn states(record: &SecurityRecord, now: Timestamp) -> Vec<(String, KeyState)> {
        record
            .keys_at(now)
            .map(|(key, state)| (key.kid.clone(), state))
            .collect()
    }

    #[test]
    fn a_key_is_published_then_signs_and_the_former_one_retires_when_its_last_token_has_expired() {
        let published = record().publishing(&key("b"));
        let named = |a, b| vec![("a".to_owned(), a), ("b".to_owned(), b)];
        assert_eq!(
            states(&published, NOW),
            named(KeyState::Active, KeyState::Published)
        );
        let rotated = published.activating("b", NOW.plus(LEAD), NOW);
        assert_eq!(
            states(&rotated, NOW),
            named(KeyState::Active, KeyState::Published)
        );
        assert_eq!(rotated.signing_kid(NOW), "a");
        let later = NOW.plus(LEAD);
        assert_eq!(rotated.signing_kid(later), "b");
        assert_eq!(
            states(&rotated, later),
            named(KeyState::Retiring, KeyState::Active)
        );
        let end = later.plus(RETIREMENT);
        assert!(
            rotated
                .key("a", end.minus(Duration::from_millis(1)))
                .is_some()
        );
        assert_eq!(states(&rotated, end), [("b".to_owned(), KeyState::Active)]);
    }

    #[test]
    fn two_rotations_within_one_token_life_keep_both_former_keys() {
        let first = record().publishing(&key("b")).activating("b", NOW, NOW);
        let soon = NOW.plus(LEAD);
        let second = first.publishing(&key("c")).activating("c", soon, soon);
        assert_eq!(second.signing_kid(soon), "c");
        for kid in ["a", "b", "c"] {
            assert!(
                second
                    .key(kid, soon.plus(Duration::from_secs(1_800)))
                    .is_some(),
                "{kid}"
            );
        }
    }

    #[test]
    fn a_rotation_that_overtakes_one_which_has_not_signed_yet_leaves_the_signer_alone() {
        let waiting = record()
            .publishing(&key("b"))
            .activating("b", NOW.plus(LEAD), NOW);
        let overtaken = waiting
            .publishing(&key("c"))
            .activating("c", NOW.plus(LEAD), NOW);
        assert_eq!(
            (
                overtaken.signing_kid(NOW),
                overtaken.signing_kid(NOW.plus(LEAD))
            ),
            ("a", "c")
        );
    }

    #[test]
    fn a_key_verifies_for_a_token_life_after_it_has_stopped_to_sign_however_often_that_was_put_off()
    {
        let mut record = record();
        let mut now = NOW;
        for kid in ["b", "c", "d"] {
            record = record
                .publishing(&key(kid))
                .activating(kid, now.plus(LEAD), now);
            let last_signed = now.plus(LEAD).minus(Duration::from_millis(1));
            assert_eq!(record.signing_kid(last_signed), "a");
            assert!(
                record.key("a", last_signed.plus(RETIREMENT)).is_some(),
                "{kid}"
            );
            now = now.plus(LEAD / 2);
        }
        let end = record
            .pending_from(now)
            .expect("d is to sign")
            .plus(RETIREMENT);
        assert!(record.key("a", end).is_none() && record.key("d", end).is_some());
    }

    #[test]
    fn of_copies_that_differ_neither_the_level_nor_the_keys_are_lowered() {
        let rotated = |record: &SecurityRecord, grace| {
            let level = record.level().rotated(NOW, grace);
            let (ver_current, ver_floor, ver_until) = (level.current, level.floor, level.until);
            SecurityRecord {
                ver_current,
                ver_floor,
                ver_until,
                ..record.clone()
            }
        };
        let (old, newer_keys) = (record(), record().publishing(&key("b")));
        let (lenient, strict) = (rotated(&old, LEAD), rotated(&old, Duration::ZERO));
        let newest = SecurityRecord::newest([&lenient, &old, &strict, &newer_keys].into_iter())
            .expect("copies");
        assert_eq!(newest, rotated(&newer_keys, Duration::ZERO));
        assert_eq!(SecurityRecord::newest([].into_iter()), None);
    }

    #[test]
    fn a_compromised_key_is_gone_at_once() {
        let only = record()
            .publishing(&key("b"))
            .activating("b", NOW, NOW)
            .trusting_only(&key("c"));
        assert_eq!(states(&only, NOW), [("c".to_owned(), KeyState::Active)]);
        assert_eq!(only.signing_kid(NOW.plus(LEAD)), "c");
    }

    #[test]
    fn publishing_again_changes_nothing() {
        let published = record().publishing(&key("b"));
        assert_eq!(published.publishing(&key("b")), published);
    }

    #[test]
    fn mail_of_before_a_global_rotation_is_dead_when_its_grace_is_over() {
        assert!(
            !record().outdates(NOW.minus(LEAD), NOW),
            "there was no rotation"
        );
        let level = record().level().rotated(NOW, LEAD);
        let rotated = SecurityRecord {
            ver_current: level.current,
            ver_floor: level.floor,
            ver_until: level.until,
            effective_at: NOW,
            ..record()
        };
        assert!(!rotated.outdates(NOW, NOW), "the grace runs");
        assert!(rotated.outdates(NOW, NOW.plus(LEAD)));
        assert!(
            !rotated.outdates(NOW.plus(Duration::from_millis(1)), NOW.plus(LEAD)),
            "made after it"
        );
    }
}
