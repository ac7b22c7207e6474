//! `ops migrate`: changes of the stored items, while the service runs.

pub mod create;

use std::time::{Duration, Instant};

use migrations::overview::{down, up};
use migrations::{Listed, Migration, MigrationError, Obstacle, Runner, Standing, Terms, overview};
use serde_json::{Value, json};
use shared::request::Task;
use shared::store::{MigrationRun, MigrationState};

use crate::console::{Answer, Console, or_dash, table};
use crate::desk::{self, Desk};
use crate::failure::Failure;
use crate::options::{MigrateCommand, MigrateRun};

static UP: Task = Task {
    action: "admin.migrate",
    name: "ops migrate up",
};
static DOWN: Task = Task {
    action: "admin.migrate",
    name: "ops migrate down",
};

/// How often progress is told.
const OFTEN: Duration = Duration::from_millis(500);

/// Carries the command out, with the migrations of this release.
pub async fn run(
    desk: &Desk,
    migrations: &'static [Migration],
    command: &MigrateCommand,
    console: &mut Console<'_>,
) -> Result<Answer, Failure> {
    let listed = list(desk, migrations).await?;
    match command {
        MigrateCommand::Create { name, table, dir } => {
            create::create(name, *table, dir, desk.store.now())
        }
        MigrateCommand::Up(wanted) => {
            let plan = up(&listed, wanted.to.as_deref(), wanted.out_of_order)?;
            go(desk, &plan, true, &wanted.run, console).await
        }
        MigrateCommand::Down(wanted) => {
            let plan: Vec<_> = down(&listed)?.into_iter().collect();
            go(desk, &plan, false, &wanted.run, console).await
        }
        MigrateCommand::Status => Ok(status(&listed)),
        MigrateCommand::History => Ok(history(&listed)),
    }
}

/// The migrations of this release and of the tables, each with its standing.
///
/// # Errors
/// The store failed.
pub async fn list(desk: &Desk, migrations: &'static [Migration]) -> Result<Vec<Listed>, Failure> {
    Ok(overview(
        migrations,
        desk.store.migrations().await?,
        desk.store.now(),
    ))
}

/// Runs a plan, or only counts what it would change.
async fn go(
    desk: &Desk,
    plan: &[&'static Migration],
    is_up: bool,
    how: &MigrateRun,
    console: &mut Console<'_>,
) -> Result<Answer, Failure> {
    let reason = desk::reason(&how.reason)?;
    let segments = usize::try_from(how.segments).unwrap_or(1);
    let terms = Terms {
        rate: how.rate,
        segments,
        take_over: how.take_over,
    };
    let runner = Runner {
        store: &desk.store,
        operator: desk.operator(),
        terms,
    };
    let task = if is_up { &UP } else { &DOWN };
    let entry = || {
        desk.actor()
            .sign(desk.store.entry(&desk.meta(task)))
            .stated(&reason)
    };
    let mut done = Vec::new();
    for migration in plan {
        let mut told = Instant::now();
        let mut tell = |run: &MigrationRun| {
            if told.elapsed() >= OFTEN {
                told = Instant::now();
                console.progress(&format!(
                    "{}: {} items seen, {} changed",
                    migration.id, run.seen, run.changed
                ));
            }
        };
        let run = if desk.is_confirmed() {
            runner.run(migration, is_up, &entry, &mut tell).await?
        } else {
            runner.rehearse(migration, is_up, &mut tell).await?
        };
        done.push((migration.id, run));
    }
    if !desk.is_confirmed() && !done.is_empty() {
        let part = |(id, run): &(&str, MigrationRun)| {
            format!("change {} of {} items by {id}", run.changed, run.seen)
        };
        return Err(Failure::unconfirmed(
            &done.iter().map(part).collect::<Vec<_>>().join(" and "),
        ));
    }
    Ok(outcome(&done, is_up))
}

fn outcome(done: &[(&str, MigrationRun)], is_up: bool) -> Answer {
    let verb = if is_up { "applied" } else { "taken back" };
    let line = |(id, run): &(&str, MigrationRun)| {
        format!(
            "{id} is {verb}: {} items seen, {} changed, {} overtaken by others.",
            run.seen, run.changed, run.overtaken
        )
    };
    let lines: Vec<_> = done.iter().map(line).collect();
    let text = if lines.is_empty() {
        "There is nothing to do.".to_owned()
    } else {
        lines.join("\n")
    };
    let documents: Vec<_> = done.iter().map(|(id, run)| document(id, run)).collect();
    Answer {
        document: json!({ "done": documents }),
        text,
    }
}

fn document(id: &str, run: &MigrationRun) -> Value {
    json!({
        "id": id,
        "direction": direction(run),
        "operator": run.operator,
        "started_at": run.started_at.to_string(),
        "finished_at": run.finished_at.map(|at| at.to_string()),
        "attempts": run.attempts,
        "seen": run.seen,
        "changed": run.changed,
        "overtaken": run.overtaken,
    })
}

const fn direction(run: &MigrationRun) -> &'static str {
    if run.is_up { "up" } else { "down" }
}

fn status(listed: &[Listed]) -> Answer {
    let remark = |one: &Listed| match (one.migration.is_none(), one.is_out_of_order, &one.state) {
        (true, ..) => "of a newer release".to_owned(),
        (_, true, _) => "out of order".to_owned(),
        (.., Some(state)) if state.run.finished_at.is_none() => {
            format!(
                "{}, {} items seen, {} changed",
                direction(&state.run),
                state.run.seen,
                state.run.changed
            )
        }
        _ => String::new(),
    };
    let about = |one: &Listed| or_dash(one.migration.map(|migration| migration.description));
    let rows: Vec<_> = listed
        .iter()
        .map(|one| {
            vec![
                one.id.clone(),
                one.standing.name().to_owned(),
                about(one),
                remark(one),
            ]
        })
        .collect();
    let documents = listed.iter().map(|one| {
        json!({
            "id": one.id,
            "standing": one.standing.name(),
            "description": one.migration.map(|migration| migration.description),
            "out_of_order": one.is_out_of_order,
            "unknown": one.migration.is_none(),
            "last_run": one.state.as_ref().map(|state| document(&one.id, &state.run)),
        })
    });
    let pending = listed
        .iter()
        .filter(|one| one.standing != Standing::Applied)
        .count();
    let text = if rows.is_empty() {
        "There is no migration.".to_owned()
    } else {
        table(&["migration", "standing", "what it does", ""], &rows)
    };
    Answer {
        document: json!({ "pending": pending, "migrations": documents.collect::<Vec<_>>() }),
        text,
    }
}

fn history(listed: &[Listed]) -> Answer {
    let runs = |state: &MigrationState| {
        state
            .earlier
            .iter()
            .chain([&state.run])
            .cloned()
            .collect::<Vec<_>>()
    };
    let all = listed
        .iter()
        .filter_map(|one| Some((one.id.as_str(), runs(one.state.as_ref()?))));
    let mut all: Vec<(&str, MigrationRun)> = all
        .flat_map(|(id, runs)| runs.into_iter().map(move |run| (id, run)))
        .collect();
    all.sort_by_key(|(_, run)| run.started_at);
    let row = |(id, run): &(&str, MigrationRun)| {
        let ended = run
            .finished_at
            .map_or_else(|| "not finished".to_owned(), |at| at.to_string());
        let counts = [run.seen, run.changed].map(|count| count.to_string());
        let words = [
            run.started_at.to_string(),
            ended,
            direction(run).to_owned(),
            run.operator.clone(),
        ];
        words
            .into_iter()
            .chain(counts)
            .chain([(*id).to_owned()])
            .collect::<Vec<_>>()
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    let documents: Vec<_> = all.iter().map(|(id, run)| document(id, run)).collect();
    Answer {
        document: json!({ "runs": documents }),
        text: table(
            &[
                "begun",
                "ended",
                "way",
                "operator",
                "seen",
                "changed",
                "migration",
            ],
            &rows,
        ),
    }
}

impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Self {
        let remedy = match error {
            MigrationError::Store(error) => return error.into(),
            MigrationError::Held { .. } => {
                "Wait for it, or add --take-over if you know that the process is dead. Its progress is kept either way."
            }
            MigrationError::Superseded => {
                "Nothing is lost: whoever took it over goes on. Look with `ops migrate status`."
            }
        };
        Self::refused(error.to_string(), remedy)
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        let remedy = match obstacle {
            Obstacle::Unknown(_) => "Use the command of the release that it belongs to.",
            Obstacle::OutOfOrder(_) => {
                "See that it does not undo what the younger one did, and add --out-of-order."
            }
            Obstacle::Missing(_) => {
                return Self::not_found(obstacle.to_string(), "`ops migrate status` lists them.");
            }
        };
        Self::refused(obstacle.to_string(), remedy)
    }
}
