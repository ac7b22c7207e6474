//! `ops keys`: signing keys and data keys. The keys themselves are never shown.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::breach::key_replacement::{KeyChangeError, Mode};
use shared::domain::Reason;
use shared::ground::error_chain;
use shared::keys::{self, KeysError};
use shared::request::Task;
use shared::tokens::KeyState;

use crate::console::{Answer, Console, table};
use crate::desk::{self, Desk};
use crate::failure::Failure;
use crate::options::{KeyMode, KeysCommand, Ring};

static ROTATE_SIGNING: Task = Task {
    action: "admin.rotate_signing_keys",
    name: "ops keys rotate",
};
static REPAIR: Task = Task {
    action: "keys.repair",
    name: "ops keys repair",
};
static ROTATE_DATA: Task = Task {
    action: "admin.rotate_data_keys",
    name: "ops keys rotate",
};

/// How often a rotation that is under way is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Carries the command out.
pub async fn run(
    desk: &Desk,
    command: &KeysCommand,
    console: &mut Console<'_>,
) -> Result<Answer, Failure> {
    let (mode, ring, reason, wait) = match command {
        KeysCommand::List => return list(desk).await,
        KeysCommand::Repair { reason } => return repair(desk, &desk::reason(reason)?).await,
        KeysCommand::Rotate {
            mode,
            ring,
            reason,
            wait,
        } => (mode, ring, reason, wait),
    };
    let (reason, wait) = (desk::reason(reason)?, Duration::from_secs(*wait));
    match (ring, mode) {
        (Ring::Signing, Some(KeyMode::Compromised)) => replace_at_once(desk, &reason).await,
        (Ring::Signing, Some(KeyMode::Routine)) => {
            desk.confirm("have Secrets Manager rotate the signing ring; tokens stay good")?;
            let before = signs_next(desk).await?;
            let changes = desk.environment.key_changes();
            let begun = changes
                .replace(
                    &desk.meta(&ROTATE_SIGNING),
                    desk.actor(),
                    Mode::Routine,
                    &reason,
                )
                .await;
            begun.map_err(no_rotation)?;
            console.progress("The rotation has begun.");
            until(wait, "the new signing key", async || {
                Ok(signs_next(desk).await? != before)
            })
            .await?;
            list(desk).await
        }
        (Ring::Signing, None) => Err(Failure::usage(
            "It is not said why the signing keys are replaced.",
            "Add --mode routine, or --mode compromised if a key has leaked: that signs everybody out.",
        )),
        (Ring::Data, Some(KeyMode::Compromised)) => Err(Failure::usage(
            "The data ring has no --mode compromised: without its old keys nothing that they encrypted could be read.",
            "Rotate it with --mode routine, so that nothing more is encrypted under the old key. docs/runbooks/key-compromise.md has the rest.",
        )),
        (Ring::Data, _) => {
            desk.confirm(
                "have Secrets Manager rotate the data ring; what is stored stays readable",
            )?;
            rotate_data(desk, &reason, wait).await?;
            list(desk).await
        }
    }
}

/// Has a new data key made and waits until it is in use.
///
/// # Errors
/// [`Failure`], also where it is not in use after `wait`; a wait of zero is none.
pub async fn rotate_data(desk: &Desk, reason: &Reason, wait: Duration) -> Result<(), Failure> {
    let newest = async || {
        Ok::<_, Failure>(
            desk.store
                .data_keys()
                .await?
                .last()
                .map(|info| info.version),
        )
    };
    let before = newest().await?;
    let changes = desk.environment.key_changes();
    changes
        .replace_data_key(&desk.meta(&ROTATE_DATA), desk.actor(), reason)
        .await
        .map_err(no_rotation)?;
    until(wait, "the new data key", async || {
        Ok(newest().await? != before)
    })
    .await
}

/// Makes the copies of the security record equal again.
async fn repair(desk: &Desk, reason: &Reason) -> Result<Answer, Failure> {
    desk.confirm(
        "write the copies of the security record again that are missing or behind the others",
    )?;
    let entry = desk
        .store
        .entry(&desk.meta(&REPAIR))
        .text("why", reason.as_str());
    let count = keys::copies::repair(&desk.store, desk.actor().sign(entry))
        .await
        .map_err(|error| {
            Failure::refused(
                format!("The copies were not repaired: {}.", error_chain(&error)),
                "Run it again; it goes on where it stopped.",
            )
        })?;
    let text = match count {
        0 => "All copies of the security record are equal; nothing was written.".to_owned(),
        count => format!("{count} copies of the security record were written again."),
    };
    Ok(Answer {
        text,
        document: json!({ "repaired": count }),
    })
}

async fn replace_at_once(desk: &Desk, reason: &Reason) -> Result<Answer, Failure> {
    desk.confirm(
        "drop every signing key and begin with a new one; every access token is refused at once",
    )?;
    let changes = desk.environment.key_changes();
    Box::pin(changes.replace(
        &desk.meta(&ROTATE_SIGNING),
        desk.actor(),
        Mode::Compromised,
        reason,
    ))
    .await?;
    // The keys are dropped. That they can't be listed now must not read as if they were not.
    Ok(list(desk).await.unwrap_or_else(|_| Answer {
        text: "The signing keys are replaced. `ops keys list` shows them.".to_owned(),
        document: json!({ "replaced": true }),
    }))
}

/// A rotation that Secrets Manager did not begin.
fn no_rotation(error: KeyChangeError) -> Failure {
    match error {
        KeyChangeError::Pending { .. }
        | KeyChangeError::UnderWay(_)
        | KeyChangeError::Keys(KeysError::Overtaken) => error.into(),
        KeyChangeError::Keys(_) | KeyChangeError::Store(_) => Failure {
            remedy: "See that a rotation is configured for this secret, and that an earlier one has not stopped halfway: `aws secretsmanager describe-secret` shows both. The request is in the trail, the keys are as they were.".to_owned(),
            ..error.into()
        },
    }
}

/// Waits for `done`; a wait of zero is none.
async fn until(
    wait: Duration,
    what: &str,
    done: impl AsyncFn() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        if wait.is_zero() || done().await? {
            return Ok(());
        }
        if begun.elapsed() >= wait {
            return Err(Failure::refused(
                format!(
                    "The rotation has begun, but {what} was not there after {} s.",
                    wait.as_secs()
                ),
                "It may still come: look again with `ops keys list`. If it does not, the log of the rotation function says why.",
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The key that signs when everything that is decided has happened.
async fn signs_next(desk: &Desk) -> Result<String, Failure> {
    let security = desk.store.security().await?.ok_or_else(desk::not_begun)?;
    Ok(security.next.map_or(security.active_kid, |next| next.kid))
}

async fn list(desk: &Desk) -> Result<Answer, Failure> {
    let security = desk.store.security().await?.ok_or_else(desk::not_begun)?;
    let (now, data) = (desk.store.now(), desk.store.data_keys().await?);
    let newest = data.last().map(|info| info.version);
    let signing: Vec<Value> = security
        .keys_at(now)
        .map(|(key, state)| {
            let (created, until) = (key.created_at.to_string(), key.until.map(|until| until.to_string()));
            json!({ "kid": key.kid, "state": state, "created_at": created, "verifies_until": until })
        })
        .collect();
    let data: Vec<Value> = data
        .iter()
        .map(|info| {
            let state = if Some(info.version) == newest { KeyState::Active } else { KeyState::Retiring };
            json!({ "version": info.version, "state": state, "created_at": info.created_at.to_string() })
        })
        .collect();
    let row = |ring: &str, name: &str, key: &Value| {
        let text = |member: &str| match key.get(member) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => "-".to_owned(),
            Some(other) => other.to_string(),
        };
        vec![
            ring.to_owned(),
            text(name),
            text("state"),
            text("created_at"),
            text("verifies_until"),
        ]
    };
    let rows: Vec<_> = signing
        .iter()
        .map(|key| row("signing", "kid", key))
        .collect();
    let rows: Vec<_> = rows
        .into_iter()
        .chain(data.iter().map(|key| row("data", "version", key)))
        .collect();
    let text = table(
        &["ring", "key", "state", "created", "verifies until"],
        &rows,
    );
    let level = security.level();
    Ok(Answer {
        text: format!(
            "{text}\n\nversion of everybody: {}, since {}",
            level.current, security.effective_at
        ),
        document: json!({
            "signing_keys": signing,
            "data_keys": data,
            "global_version": level.current,
            "global_min_token_version": level.least(now),
            "effective_at": security.effective_at.to_string(),
        }),
    })
}
