//! Settings that limit each other, in one table.
//!
//! Two settings can each be valid and contradict each other: a session would be over before its token, or a key be too old
//! before it is read again. Each such pair is here. Where only a mistake can be meant, the pair is refused at start, by both
//! names; where both make sense together, the shorter one counts while the service runs, and the row says how. The page
//! `docs/configuration.md` and `ops config check` have the same table.

use super::{Config, PREFIX, Reader, Stage, TrustedEdge};

/// Two settings that limit each other. Names are without their prefix.
#[derive(Debug)]
pub struct Relation {
    /// The setting that is limited.
    pub first: &'static str,
    /// The setting that limits it.
    pub second: &'static str,
    /// What must hold, or what holds, after the first one's name; `{}` stands for the second one's.
    rule: &'static str,
    /// Whether it holds; `None` where the service sees to it while it runs.
    holds: Option<fn(&Config) -> bool>,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self {
            first: "REFRESH_RETRY_SECONDS",
            second: "REFRESH_GRACE_SECONDS",
            rule: "must be 0 or more than {}: within the grace no key is needed",
            holds: Some(|config| {
                let tokens = &config.tokens;
                tokens.refresh_retry.is_zero() || tokens.refresh_retry > tokens.refresh_grace
            }),
        },
        Self {
            first: "SESSION_IDLE_SECONDS",
            second: "SESSION_TTL_SECONDS",
            rule: "must be 0 or at most {}: a longer idle limit never acts",
            holds: Some(|config| config.tokens.session_idle.is_none_or(|idle| idle <= config.tokens.session_ttl)),
        },
        Self {
            first: "AUDIT_RETENTION_DAYS",
            second: "SESSION_TTL_SECONDS",
            rule: "must, where it is deployed, be at least as long as {}: the login of a live session would be in no record",
            holds: Some(|config| config.stage == Stage::Local || config.audit.retention >= config.tokens.session_ttl),
        },
        Self {
            first: "ARGON2_MEMORY_KIB",
            second: "ARGON2_ITERATIONS",
            rule: "must, where it is deployed, be at least 7168, and times {} at least 35840: cheaper hashes are soon guessed",
            holds: Some(|config| config.stage == Stage::Local || config.passwords.argon2.is_strong()),
        },
        Self {
            first: "TRUSTED_EDGE_SECRETS",
            second: "TRUSTED_EDGE",
            rule: "must hold at least one secret of 32 or more characters where {} is set",
            holds: Some(
                |config| !matches!(&config.network.trusted_edge, TrustedEdge::CloudFront(secrets) if secrets.is_empty()),
            ),
        },
        Self {
            first: "ACCESS_TOKEN_TTL_SECONDS",
            second: "SESSION_IDLE_SECONDS",
            rule: "is cut to half of {}: a client that refreshes when its token has expired is in time",
            holds: None,
        },
        Self {
            first: "ACCESS_TOKEN_TTL_SECONDS",
            second: "SESSION_TTL_SECONDS",
            rule: "is cut to what {} leaves: no token outlives its session",
            holds: None,
        },
        Self {
            first: "REFRESH_RETRY_SECONDS",
            second: "SESSION_IDLE_SECONDS",
            rule: "ends with {}: no retry brings a session back",
            holds: None,
        },
        Self {
            first: "REFRESH_RETRY_SECONDS",
            second: "SESSION_TTL_SECONDS",
            rule: "ends with {}: no retry brings a session back",
            holds: None,
        },
        Self {
            first: "VERIFICATION_TTL_SECONDS",
            second: "REGISTRATION_TTL_SECONDS",
            rule: "is cut to what {} leaves: no link outlives its registration",
            holds: None,
        },
        Self {
            first: "AUTHORIZER_STALENESS_SECONDS",
            second: "ACCESS_TOKEN_TTL_SECONDS",
            rule: "does not prolong {}: expiry is compared with the clock, however old the rest is",
            holds: None,
        },
        Self {
            first: "AUTHORIZER_STALENESS_SECONDS",
            second: "SESSION_IDLE_SECONDS",
            rule: "does not prolong {}: the idle limit is compared with the clock, and a refusal reads again first",
            holds: None,
        },
    ];

    /// Whether a breach is refused at start.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.holds.is_some()
    }

    /// The rule with the second setting's full name in it.
    #[must_use]
    pub fn rule(&self) -> String {
        self.rule.replace("{}", &format!("{PREFIX}{}", self.second))
    }
}

/// Adds a fault for each pair that contradicts itself. A value that is refused already is not compared: its default stands
/// in its place, and would be blamed for it.
pub(super) fn check(config: &Config, reader: &mut Reader<'_>) {
    for relation in &Relation::ALL {
        let is_read = !reader.is_faulty(relation.first) && !reader.is_faulty(relation.second);
        if is_read && relation.holds.is_some_and(|holds| !holds(config)) {
            let shown = [relation.first, relation.second].map(|name| reader.shown(name));
            let values = shown.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let values = if values.is_empty() { values } else { format!(" ({values})") };
            reader.fault(relation.first, &format!("{}{values}", relation.rule()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, Settings};

    /// Settings, each valid by itself, that break a relation.
    fn broken(relation: &Relation) -> Vec<(&'static str, &'static str)> {
        let deployed = [("STAGE", "dev")];
        match (relation.first, relation.second) {
            ("REFRESH_RETRY_SECONDS", "REFRESH_GRACE_SECONDS") => {
                vec![("REFRESH_RETRY_SECONDS", "30"), ("REFRESH_GRACE_SECONDS", "30")]
            }
            ("SESSION_IDLE_SECONDS", "SESSION_TTL_SECONDS") => {
                vec![("SESSION_IDLE_SECONDS", "3601"), ("SESSION_TTL_SECONDS", "3600")]
            }
            ("AUDIT_RETENTION_DAYS", "SESSION_TTL_SECONDS") => {
                [&deployed[..], &[("AUDIT_RETENTION_DAYS", "30"), ("SESSION_TTL_SECONDS", "2592001")]].concat()
            }
            ("ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS") => {
                [&deployed[..], &[("ARGON2_MEMORY_KIB", "7168"), ("ARGON2_ITERATIONS", "4")]].concat()
            }
            ("TRUSTED_EDGE_SECRETS", "TRUSTED_EDGE") => vec![("TRUSTED_EDGE", "cloudfront")],
            (first, second) => panic!("no example breaks {first} and {second}: write one here"),
        }
    }

    fn faults(settings: &[(&str, &str)]) -> Vec<String> {
        let set = |all: Settings, (name, value): &(&str, &str)| all.with(&format!("{PREFIX}{name}"), *value);
        Config::parse(&settings.iter().fold(Settings::default(), set)).err().map_or(Vec::new(), |ConfigError(all)| all)
    }

    #[test]
    fn each_pair_that_contradicts_itself_is_refused_by_both_names() {
        for relation in Relation::ALL.iter().filter(|relation| relation.is_refused()) {
            let faults = faults(&broken(relation));
            assert_eq!(faults.len(), 1, "{relation:?}: {faults:?}");
            for name in [relation.first, relation.second] {
                assert!(faults[0].contains(&format!("{PREFIX}{name}")), "{name}: {faults:?}");
            }
        }
    }

    #[test]
    fn each_setting_of_the_table_is_one_that_is_read() {
        let known: Vec<_> = Config::variables().into_iter().map(|variable| variable.name).collect();
        for relation in &Relation::ALL {
            for name in [relation.first, relation.second] {
                assert!(known.contains(&format!("{PREFIX}{name}")), "{name}");
            }
            assert!(relation.rule.contains("{}"), "{relation:?}");
        }
    }

    #[test]
    fn the_values_in_force_are_named_and_no_secret_is() {
        let contradicting = faults(&[("REFRESH_RETRY_SECONDS", "20")]);
        let values = "(DASHTAM_REFRESH_RETRY_SECONDS is 20, DASHTAM_REFRESH_GRACE_SECONDS is 30)";
        assert!(contradicting[0].ends_with(values), "{contradicting:?}");
        let edge = faults(&[("TRUSTED_EDGE", "cloudfront")]);
        assert!(edge[0].ends_with("(DASHTAM_TRUSTED_EDGE is cloudfront)"), "{edge:?}");
    }

    #[test]
    fn a_value_that_is_refused_by_itself_is_not_compared() {
        let faults = faults(&[("SESSION_TTL_SECONDS", "soon"), ("SESSION_IDLE_SECONDS", "31536000")]);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn a_row_outlives_every_link_that_is_made_of_it() {
        use std::sync::Arc;
        let clock = Arc::new(dashtam_verify::MockClock::at(crate::domain::Timestamp::EPOCH));
        let entropy = Arc::new(crate::entropy::SeededEntropy::new(1));
        let environment =
            crate::environment::Environment::with(&Settings::default(), clock, entropy).expect("defaults");
        let kept = environment.store().row(None, None).ttl;
        for variable in Config::variables() {
            if ["NOTICE_TTL_SECONDS", "RESET_TTL_SECONDS", "VERIFICATION_TTL_SECONDS"]
                .iter()
                .any(|name| variable.name == format!("{PREFIX}{name}"))
            {
                let (_, longest) = variable.values.rsplit_once(' ').expect("a range");
                assert!(longest.parse::<i64>().expect("a number") <= kept, "{}", variable.name);
            }
        }
    }
}
