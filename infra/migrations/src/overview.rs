//! Which migrations there are, how far each is, and which may go next.

use std::collections::BTreeMap;

use shared::domain::Timestamp;
use shared::store::MigrationState;

use crate::Migration;

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never begun, or taken back.
    Pending,
    /// Somebody is at it.
    Running,
    /// Begun, and nobody is at it any more: it waits to be gone on with.
    Stopped,
    /// Done.
    Applied,
}

impl Standing {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Applied => "applied",
        }
    }

    fn of(state: &MigrationState, now: Timestamp) -> Self {
        match (state.run.finished_at, state.run.is_up) {
            (Some(_), true) => Self::Applied,
            (Some(_), false) => Self::Pending,
            (None, _) if state.lease_until.is_some_and(|until| now < until) => Self::Running,
            (None, _) => Self::Stopped,
        }
    }
}

/// A migration of this program, of the tables, or of both.
pub struct Listed {
    /// Its name.
    pub id: String,
    /// `None` if only the tables know it: a newer release has begun it.
    pub migration: Option<&'static Migration>,
    /// How it stands.
    pub standing: Standing,
    /// Whether it is to be done though a younger one is already.
    pub is_out_of_order: bool,
    /// What the tables know of it.
    pub state: Option<MigrationState>,
}

/// All of them, oldest first.
#[must_use]
pub fn overview(
    all: &'static [Migration],
    states: Vec<MigrationState>,
    now: Timestamp,
) -> Vec<Listed> {
    let mut known: BTreeMap<String, (Option<&'static Migration>, Option<MigrationState>)> =
        BTreeMap::new();
    for migration in all {
        known.insert(migration.id.to_owned(), (Some(migration), None));
    }
    for state in states {
        let one = known.entry(state.id.clone()).or_default();
        one.1 = Some(state);
    }
    let listed = known.into_iter().map(|(id, (migration, state))| {
        let standing = state
            .as_ref()
            .map_or(Standing::Pending, |state| Standing::of(state, now));
        Listed {
            id,
            migration,
            standing,
            is_out_of_order: false,
            state,
        }
    });
    let mut listed: Vec<_> = listed.collect();
    let youngest = listed
        .iter()
        .rposition(|one| one.standing == Standing::Applied)
        .unwrap_or_default();
    for one in listed.iter_mut().take(youngest) {
        one.is_out_of_order = one.standing != Standing::Applied;
    }
    listed
}

/// Why nothing may be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A newer release has begun it.
    #[error("{0} is known to the tables and not to this program: a newer release has begun it")]
    Unknown(String),
    /// A younger one is applied.
    #[error("{0} is older than one that is applied already")]
    OutOfOrder(String),
    /// There is none of this name.
    #[error("there is no migration {0}")]
    Missing(String),
}

/// What `up` does: all that is not applied, up to the one named `to`.
pub fn up(
    listed: &[Listed],
    to: Option<&str>,
    out_of_order: bool,
) -> Result<Vec<&'static Migration>, Obstacle> {
    if let Some(to) = to
        && !listed.iter().any(|one| one.id == to)
    {
        return Err(Obstacle::Missing(to.to_owned()));
    }
    let wanted = listed
        .iter()
        .filter(|one| to.is_none_or(|to| one.id.as_str() <= to));
    let mut plan = Vec::new();
    for one in wanted {
        // Also one that is applied: what it has made of the items is not known here.
        let Some(migration) = one.migration else {
            if one.standing == Standing::Pending {
                continue;
            }
            return Err(Obstacle::Unknown(one.id.clone()));
        };
        if one.standing == Standing::Applied {
            continue;
        }
        if one.is_out_of_order && !out_of_order {
            return Err(Obstacle::OutOfOrder(one.id.clone()));
        }
        plan.push(migration);
    }
    Ok(plan)
}

/// What `down` does: the youngest that is not pending, or nothing.
pub fn down(listed: &[Listed]) -> Result<Option<&'static Migration>, Obstacle> {
    let Some(youngest) = listed.iter().rfind(|one| one.standing != Standing::Pending) else {
        return Ok(None);
    };
    youngest
        .migration
        .map(Some)
        .ok_or_else(|| Obstacle::Unknown(youngest.id.clone()))
}

#[cfg(test)]
mod tests {
    use shared::routes::Table;
    use shared::store::MigrationRun;

    use super::*;

    const fn migration(id: &'static str) -> Migration {
        Migration {
            id,
            description: "",
            table: Table::Users,
            up: |_| None,
            down: |_| None,
        }
    }

    static ALL: [Migration; 3] = [migration("1"), migration("2"), migration("3")];
    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn state(id: &str, is_up: bool, finished: bool, lease_until: i64) -> MigrationState {
        let run = MigrationRun {
            is_up,
            operator: "olga".to_owned(),
            started_at: Timestamp::EPOCH,
            finished_at: finished.then_some(NOW),
            attempts: 1,
            seen: 0,
            changed: 0,
            overtaken: 0,
        };
        let lease_until = Some(Timestamp::from_millis(lease_until));
        let (segments, earlier) = (Vec::new(), Vec::new());
        MigrationState {
            id: id.to_owned(),
            write: String::new(),
            lease_until,
            run,
            segments,
            earlier,
        }
    }

    fn ids(plan: Result<Vec<&'static Migration>, Obstacle>) -> Result<Vec<&'static str>, Obstacle> {
        plan.map(|plan| plan.iter().map(|migration| migration.id).collect())
    }

    #[test]
    fn a_run_is_running_while_its_lease_lasts_and_stopped_afterwards() {
        let standing = |state| overview(&ALL, vec![state], NOW)[0].standing;
        assert_eq!(standing(state("1", true, false, 1_001)), Standing::Running);
        assert_eq!(standing(state("1", false, false, 1_000)), Standing::Stopped);
        assert_eq!(standing(state("1", true, true, 9_999)), Standing::Applied);
        assert_eq!(standing(state("1", false, true, 9_999)), Standing::Pending);
    }

    #[test]
    fn up_takes_what_is_not_applied_in_order_and_down_the_youngest() {
        let listed = overview(
            &ALL,
            vec![state("1", true, true, 0), state("2", true, false, 0)],
            NOW,
        );
        assert_eq!(ids(up(&listed, None, false)), Ok(vec!["2", "3"]));
        assert_eq!(ids(up(&listed, Some("2"), false)), Ok(vec!["2"]));
        assert_eq!(
            ids(up(&listed, Some("4"), false)),
            Err(Obstacle::Missing("4".to_owned()))
        );
        assert_eq!(down(&listed).unwrap().unwrap().id, "2");
        assert!(down(&overview(&ALL, vec![], NOW)).unwrap().is_none());
    }

    #[test]
    fn one_that_is_older_than_an_applied_one_waits_for_a_word() {
        let listed = overview(&ALL, vec![state("2", true, true, 0)], NOW);
        assert_eq!(
            listed
                .iter()
                .map(|one| one.is_out_of_order)
                .collect::<Vec<_>>(),
            [true, false, false]
        );
        assert_eq!(
            ids(up(&listed, None, false)),
            Err(Obstacle::OutOfOrder("1".to_owned()))
        );
        assert_eq!(ids(up(&listed, None, true)), Ok(vec!["1", "3"]));
    }

    #[test]
    fn what_only_the_tables_know_stops_both_directions() {
        let listed = overview(&ALL, vec![state("4", true, true, 0)], NOW);
        assert_eq!(
            ids(up(&listed, None, true)),
            Err(Obstacle::Unknown("4".to_owned()))
        );
        assert_eq!(down(&listed).err(), Some(Obstacle::Unknown("4".to_owned())));
        let reverted = overview(&ALL, vec![state("4", false, true, 0)], NOW);
        assert_eq!(ids(up(&reverted, None, false)), Ok(vec!["1", "2", "3"]));
    }
}
