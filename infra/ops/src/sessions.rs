//! `ops sessions`: a user's sessions.

use std::time::Duration;

use serde_json::{Value, json};
use shared::breach::token_rotation::{Rotation, Scope};
use shared::domain::{Device, Reason, Session, SessionId, User};
use shared::request::Task;

use crate::console::{Answer, or_dash, table};
use crate::desk::{self, Desk};
use crate::failure::Failure;
use crate::options::SessionsCommand;

static LIST: Task = Task {
    action: "admin.list_sessions",
    name: "ops sessions list",
};
static REVOKE: Task = Task {
    action: "admin.revoke_session",
    name: "ops sessions revoke",
};
static REVOKE_ALL: Task = Task {
    action: "admin.rotate_tokens",
    name: "ops sessions revoke",
};

/// Carries the command out.
pub async fn run(desk: &Desk, command: &SessionsCommand) -> Result<Answer, Failure> {
    match command {
        SessionsCommand::List { whom } => list(desk, &desk.account(whom).await?).await,
        SessionsCommand::Revoke {
            session,
            user,
            reason,
            ..
        } => {
            let reason = desk::reason(reason)?;
            let user = desk.account(user).await?;
            match session {
                Some(session) => revoke(desk, &user, session, &reason).await,
                None => revoke_all(desk, &user, reason).await,
            }
        }
    }
}

async fn list(desk: &Desk, user: &User) -> Result<Answer, Failure> {
    let sessions = desk.live_sessions(user).await?;
    let entry = desk
        .actor()
        .sign(desk.store.entry(&desk.meta(&LIST)))
        .user(user.id);
    desk.store.record(&entry).await?;
    let rows: Vec<_> = sessions.iter().map(row).collect();
    let text = table(
        &[
            "session",
            "device",
            "address",
            "place",
            "begun",
            "last activity",
            "ends",
        ],
        &rows,
    );
    let views: Vec<_> = sessions.iter().map(view).collect();
    Ok(Answer {
        text: format!(
            "{} live sessions of {} <{}>\n{text}",
            views.len(),
            user.id,
            user.email
        ),
        document: json!({ "user_id": user.id, "total_count": views.len(), "sessions": views }),
    })
}

fn row(session: &Session) -> Vec<String> {
    let place = session.place.as_ref().map(|place| {
        let parts = [&place.city, &place.region, &place.country]
            .into_iter()
            .flatten();
        parts.map(String::as_str).collect::<Vec<_>>().join(", ")
    });
    vec![
        session.id.to_string(),
        Device::from_user_agent(&session.user_agent).name,
        session.ip_address.clone(),
        or_dash(place),
        session.created_at.to_string(),
        session.last_activity_at.to_string(),
        session.expires_at.to_string(),
    ]
}

/// No hash, no nonce.
fn view(session: &Session) -> Value {
    json!({
        "id": session.id,
        "device": Device::from_user_agent(&session.user_agent),
        "ip_address": session.ip_address,
        "location": session.place,
        "created_at": session.created_at.to_string(),
        "last_activity_at": session.last_activity_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "user_ver": session.user_ver,
        "global_ver": session.global_ver,
    })
}

async fn revoke(
    desk: &Desk,
    user: &User,
    session: &str,
    reason: &Reason,
) -> Result<Answer, Failure> {
    let remedy = "`ops sessions list` shows the live ones.";
    let id: SessionId = session
        .parse()
        .map_err(|_| Failure::usage("This is no session's id.", remedy))?;
    let liveness = desk.liveness(user).await?;
    let not_found = || Failure::not_found("This user has no such live session.", remedy);
    desk.live_sessions(user)
        .await?
        .iter()
        .find(|session| session.id == id)
        .ok_or_else(not_found)?;
    desk.confirm(&format!("end session {id} of {} <{}>", user.id, user.email))?;
    let entry = desk
        .actor()
        .sign(desk.store.entry(&desk.meta(&REVOKE)))
        .user(user.id)
        .session(id);
    let entry = entry.stated(reason);
    if !desk
        .store
        .end_live_session(user.id, id, &liveness, &entry)
        .await?
    {
        return Err(not_found());
    }
    Ok(Answer {
        text: format!("Session {id} has ended."),
        document: json!({ "user_id": user.id, "session_id": id, "revoked_count": 1 }),
    })
}

/// The user's version is raised: however many there are, and whatever begins at the same moment, is dead at once.
async fn revoke_all(desk: &Desk, user: &User, reason: Reason) -> Result<Answer, Failure> {
    desk.confirm(&format!(
        "end every session of {} <{}>, who gets a mail",
        user.id, user.email
    ))?;
    let rotation = Rotation {
        scope: Scope::User(user.id),
        reason,
        grace: Duration::ZERO,
        dry_run: false,
    };
    let rotated = desk
        .environment
        .rotations()
        .rotate(&desk.meta(&REVOKE_ALL), desk.actor(), &rotation)
        .await?;
    let count = rotated.sessions_affected.unwrap_or_default();
    Ok(Answer {
        text: format!(
            "{count} sessions of {} <{}> have ended.",
            user.id, user.email
        ),
        document: json!({ "user_id": user.id, "revoked_count": count }),
    })
}
