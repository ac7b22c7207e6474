//! Settings that limit each other, in one table.
//!
//! Two settings can each be valid and contradict each other: a session would be over before its token, or a key be too old
//! before it is read again. Each such pair is here. Where only a mistake can be meant, the pair is refused at start, by both
//! names; where both make sense together, the shorter one counts while the service runs, and the row says how. The page
//! `docs/configuration.md` and `ops config check` have the same table.

mod pairs;

use std::time::Duration;

use super::{Config, PREFIX, Reader};

/// Shortest life of an audit record in production: a year (PCI DSS 10.5.1).
const LEAST_RETENTION_IN_PRODUCTION: Duration = Duration::from_secs(365 * 86_400);

/// Two settings that limit each other. Names are without their prefix.
#[derive(Debug)]
pub struct Relation {
    /// The setting that is limited.
    pub first: &'static str,
    /// The setting that limits it.
    pub second: &'static str,
    /// What must hold, or what holds, after the first one's name; `{}` is replaced by the second one's.
    rule: &'static str,
    /// Whether it holds; `None` where the service sees to it while it runs.
    holds: Option<fn(&Config) -> bool>,
    /// Settings, each valid by itself, that break it and no other rule.
    pub contradiction: &'static [(&'static str, &'static str)],
}

impl Relation {
    /// A pair that makes sense in any combination, and what the service does.
    const fn handled(first: &'static str, second: &'static str, rule: &'static str) -> Self {
        Self {
            first,
            second,
            rule,
            holds: None,
            contradiction: &[],
        }
    }

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

/// Adds a fault for each pair that contradicts itself. A value that is refused already is not compared: its default is
/// used instead, and would be blamed for it.
pub(super) fn check(config: &Config, reader: &mut Reader<'_>) {
    for relation in &Relation::ALL {
        let is_read = !reader.is_faulty(relation.first) && !reader.is_faulty(relation.second);
        if is_read && relation.holds.is_some_and(|holds| !holds(config)) {
            let shown = [relation.first, relation.second].map(|name| reader.shown(name));
            let values = shown.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let values = if values.is_empty() {
                values
            } else {
                format!(" ({values})")
            };
            reader.fault(relation.first, &format!("{}{values}", relation.rule()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, Settings};
    use crate::runtime::environment::Environment;

    fn faults(settings: &[(&str, &str)]) -> Vec<String> {
        let set = |all: Settings, (name, value): &(&str, &str)| {
            all.with(&format!("{PREFIX}{name}"), *value)
        };
        Environment::new(&settings.iter().fold(Settings::default(), set))
            .err()
            .map_or(Vec::new(), |ConfigError(all)| all)
    }

    #[test]
    fn each_pair_that_contradicts_itself_is_refused_by_both_names() {
        for relation in Relation::ALL
            .iter()
            .filter(|relation| relation.is_refused())
        {
            let faults = faults(relation.contradiction);
            assert_eq!(faults.len(), 1, "{relation:?}: {faults:?}");
            for name in [relation.first, relation.second] {
                assert!(
                    faults[0].contains(&format!("{PREFIX}{name}")),
                    "{name}: {faults:?}"
                );
            }
        }
    }

    #[test]
    fn each_setting_of_the_table_is_one_that_is_read() {
        let known: Vec<_> = Config::variables()
            .into_iter()
            .map(|variable| variable.name)
            .collect();
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
        assert!(
            edge[0].ends_with("(DASHTAM_TRUSTED_EDGE is cloudfront)"),
            "{edge:?}"
        );
    }

    #[test]
    fn a_value_that_is_refused_by_itself_is_not_compared() {
        let faults = faults(&[
            ("SESSION_TTL_SECONDS", "soon"),
            ("SESSION_IDLE_SECONDS", "31536000"),
        ]);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn a_row_outlives_every_link_that_is_made_of_it() {
        use std::sync::Arc;
        static TASK: crate::request::Task = crate::request::Task {
            action: "admin.rotate_tokens",
            name: "test",
        };
        let clock = Arc::new(dashtam_verify::MockClock::at(
            crate::domain::Timestamp::EPOCH,
        ));
        let entropy = Arc::new(crate::ground::entropy::SeededEntropy::new(1));
        let environment =
            crate::runtime::environment::Environment::with(&Settings::default(), clock, entropy)
                .expect("defaults");
        let store = environment.store();
        let meta = crate::request::RequestMeta::of_task(&TASK, store.now(), store.entropy());
        let kept = store.row(&store.entry(&meta), None, None).ttl;
        for variable in Config::variables() {
            let lives = [
                "NOTICE",
                "RESET",
                "VERIFICATION",
                "INVITATION",
                "REGISTRATION",
            ];
            if lives
                .iter()
                .map(|life| format!("{life}_TTL_SECONDS"))
                .any(|name| variable.name == format!("{PREFIX}{name}"))
            {
                let (_, longest) = variable.values.rsplit_once(' ').expect("a range");
                assert!(
                    longest.parse::<i64>().expect("a number") <= kept,
                    "{}",
                    variable.name
                );
            }
        }
    }
}
