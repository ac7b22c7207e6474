//! `ops users show`: an account as the operator sees it.

use serde_json::{Value, json};
use shared::domain::{EmailAddress, Timestamp, User};
use shared::sign_in::issuer::UserView;
use shared::store::{Lock, LockState};

use super::SHOW;
use crate::console::{Answer, facts, or_dash};
use crate::desk::Desk;
use crate::failure::Failure;

pub(super) async fn show(desk: &Desk, whom: &str) -> Result<Answer, Failure> {
    let user = desk.account(whom).await?;
    let config = desk.environment.config();
    let sessions = desk.live_sessions(&user).await?.len();
    let lock = match EmailAddress::parse(&user.email) {
        Ok(email) => {
            desk.store
                .lock_state(Lock::Login(&email), &config.passwords.lockout)
                .await?
        }
        Err(_) => LockState {
            failures: 0,
            locked_for: None,
        },
    };
    let entry = desk
        .actor()
        .sign(desk.store.entry(&desk.meta(&SHOW)))
        .user(user.id);
    desk.store.record(&entry).await?;
    let view = serde_json::to_value(UserView::new(&user, &config)).unwrap_or_default();
    Ok(Answer {
        text: text(&user, &view, lock, sessions, desk.store.now()),
        document: document(&user, &view, lock, sessions),
    })
}

fn document(user: &User, view: &Value, lock: LockState, sessions: usize) -> Value {
    json!({
        "user": view,
        "stored_role": user.role,
        "status": user.status,
        "password_scheme": user.password_scheme,
        "password_changed_at": user.password_changed_at.to_string(),
        "versions": { "current": user.ver_current, "floor": user.ver_floor, "until": user.ver_until.to_string() },
        "lock": { "failures": lock.failures, "locked_for_seconds": lock.locked_for.map(|wait| wait.as_secs()) },
        "live_sessions": sessions,
    })
}

fn text(user: &User, view: &Value, lock: LockState, sessions: usize, now: Timestamp) -> String {
    let is_grace_running = now < user.ver_until && user.ver_floor < user.ver_current;
    let grace = if is_grace_running {
        format!(", down to {} until {}", user.ver_floor, user.ver_until)
    } else {
        String::new()
    };
    let locked = lock
        .locked_for
        .map(|wait| format!("locked for {} s", wait.as_secs()));
    let role = view.get("role").and_then(Value::as_str).unwrap_or("user");
    facts(&[
        ("id", user.id.to_string()),
        (
            "address",
            format!(
                "{} ({})",
                user.email,
                if user.email_verified {
                    "verified"
                } else {
                    "not verified"
                }
            ),
        ),
        ("pending address", or_dash(user.pending_email.as_ref())),
        ("name", user.name.clone()),
        (
            "status",
            if user.is_active() {
                "active".to_owned()
            } else {
                "disabled".to_owned()
            },
        ),
        ("role", role.to_owned()),
        ("created", user.created_at.to_string()),
        ("last login", or_dash(user.last_login_at)),
        ("password set", user.password_changed_at.to_string()),
        ("password hash", user.password_scheme.to_string()),
        (
            "lock",
            locked.unwrap_or_else(|| format!("open, {} wrong in a row", lock.failures)),
        ),
        ("version", format!("{}{grace}", user.ver_current)),
        ("live sessions", sessions.to_string()),
    ])
}
