//! `ops tokens`: making everything issued before worthless.

use std::time::Duration;

use serde_json::json;
use shared::breach::token_rotation::{Rotation, Scope};
use shared::request::Task;

use crate::console::{Answer, facts, or_dash};
use crate::desk::{self, Desk};
use crate::failure::Failure;
use crate::options::TokensCommand;

static ROTATE: Task = Task {
    action: "admin.rotate_tokens",
    name: "ops tokens rotate",
};

/// Carries the command out.
pub async fn run(desk: &Desk, command: &TokensCommand) -> Result<Answer, Failure> {
    let TokensCommand::Rotate {
        user,
        reason,
        grace,
        dry_run,
        ..
    } = command;
    let reason = desk::reason(reason)?;
    let (scope, whose) = match user {
        Some(whom) => {
            let user = desk.account(whom).await?;
            (
                Scope::User(user.id),
                format!("of {} <{}>", user.id, user.email),
            )
        }
        None => (Scope::Global, "of everybody".to_owned()),
    };
    let when = if *grace == 0 {
        "at once".to_owned()
    } else {
        format!("after {grace} s")
    };
    if !dry_run {
        desk.confirm(&format!(
            "end every session {whose} {when}; access, refresh and mailed tokens are worthless then"
        ))?;
    }
    let rotation = Rotation {
        scope,
        reason,
        grace: Duration::from_secs(*grace),
        dry_run: *dry_run,
    };
    let rotated = desk
        .environment
        .rotations()
        .rotate(&desk.meta(&ROTATE), desk.actor(), &rotation)
        .await?;
    let head = if *dry_run {
        "Nothing was changed. A rotation now would do this:"
    } else {
        "Rotated."
    };
    let text = facts(&[
        ("tokens", whose),
        (
            "version",
            format!("{} -> {}", rotated.previous_version, rotated.new_version),
        ),
        ("from", rotated.effective_at.to_string()),
        ("refused", when),
        ("live sessions", or_dash(rotated.sessions_affected)),
    ]);
    Ok(Answer {
        document: json!(rotated),
        text: format!("{head}\n{text}"),
    })
}
