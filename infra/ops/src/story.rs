//! A record of the trail as a sentence, and records as a story: who did what, from where, with which device, and what came
//! of it. What happens again and again is told once, with its number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::domain::{Device, SessionId, UserId};
use shared::store::Record;

use crate::console::plain;

/// Names for identifiers.
#[derive(Debug, Default)]
pub struct Names {
    /// The addresses of accounts.
    pub users: BTreeMap<UserId, String>,
    /// The sessions of the story, by the order in which they appear.
    pub sessions: Vec<SessionId>,
}

/// Records that read alike, told in one sentence.
pub struct Passage<'a> {
    /// The first of them.
    pub first: &'a Record,
    /// All of them.
    pub records: Vec<&'a Record>,
    /// The sentence.
    pub text: String,
}

impl Names {
    fn user(&self, id: UserId) -> String {
        self.users.get(&id).cloned().unwrap_or_else(|| format!("the account {id}"))
    }

    fn session(&self, id: SessionId) -> String {
        let number = self.sessions.iter().position(|other| *other == id);
        number.map_or_else(|| format!("session {id}"), |number| format!("session {}", number + 1))
    }
}

/// The story of `records`, oldest first.
#[must_use]
pub fn passages<'a>(records: &'a [Record], names: &Names) -> Vec<Passage<'a>> {
    let mut passages: Vec<Passage<'a>> = Vec::new();
    for record in records {
        let text = plain(&sentence(record, names));
        match passages.last_mut().filter(|last| last.text == text) {
            Some(last) => last.records.push(record),
            None => passages.push(Passage { first: record, records: vec![record], text }),
        }
    }
    passages
}

/// The story as text: a heading for each day, a line for each passage, and the sessions by their numbers.
#[must_use]
pub fn told(passages: &[Passage<'_>], names: &Names) -> String {
    let (mut text, mut day) = (String::new(), String::new());
    for passage in passages {
        let moment = passage.first.occurred_at.to_string();
        let (date, time) = moment.split_once('T').unwrap_or((&moment, ""));
        if date != day {
            date.clone_into(&mut day);
            let _ = writeln!(text, "\n{date} (UTC)");
        }
        let times = match passage.records.as_slice() {
            [_, .., last] => format!(" ({} times, the last at {})", passage.records.len(), last.occurred_at),
            _ => String::new(),
        };
        let _ = writeln!(text, "  {}  {}{times}", time.trim_end_matches('Z'), passage.text);
    }
    if !names.sessions.is_empty() {
        let _ = writeln!(text, "\nSessions");
        for (number, session) in names.sessions.iter().enumerate() {
            let _ = writeln!(text, "  session {}  {session}", number + 1);
        }
    }
    text.trim_start().to_owned()
}

/// One record as a sentence.
#[must_use]
pub fn sentence(record: &Record, names: &Names) -> String {
    let refused = record.outcome == "refused";
    let what = if refused { attempt(record) } else { deed(record) };
    let mut text = format!("{} {what}", who(record, names));
    let is_foreign = record.actor_id.is_some() && record.actor_id != record.user_id;
    let by_operator = record.details.contains_key("operator");
    if let Some(user) = record.user_id.filter(|_| is_foreign || by_operator) {
        let _ = write!(text, " [{}]", names.user(user));
    }
    if refused {
        let _ = write!(text, "; refused: {}", why(record));
    } else if let Some(reason) = &record.reason {
        let _ = write!(text, ": {}", consequence(reason));
    }
    for (name, value) in record.details.iter().filter(|(name, _)| *name != "operator") {
        let _ = write!(text, ", {} {value}", name.replace('_', " "));
    }
    if let Some(session) = record.session_id.filter(|_| !is_foreign) {
        let _ = write!(text, ", in {}", names.session(session));
    }
    let from = record.ip_address.as_deref().filter(|_| record.method != "TASK");
    if let Some(address) = from {
        let device = Device::from_user_agent(record.user_agent.as_deref().unwrap_or_default());
        let _ = write!(text, "; from {address} with {}", device.name);
    }
    text
}

fn who(record: &Record, names: &Names) -> String {
    if let Some(operator) = record.details.get("operator") {
        return format!("The operator {operator}");
    }
    match (record.actor_id, record.user_id) {
        (Some(actor), user) if Some(actor) != user || record.action.starts_with("admin.") => {
            format!("The admin {}", names.user(actor))
        }
        (Some(actor), _) => names.user(actor),
        (None, Some(user)) => format!("Somebody, at the account of {},", names.user(user)),
        (None, None) if record.method == "TASK" => format!("The job {}", record.endpoint),
        (None, None) => "Somebody".to_owned(),
    }
}

/// What was done, by the action's name.
fn deed(record: &Record) -> String {
    let is = |name: &str, value: &str| record.details.get(name).is_some_and(|other| other == value);
    let text = match record.action.as_str() {
        "auth.register" => "registered; a mail was asked for",
        "auth.verify_email" if record.reason.as_deref() == Some("address_changed") => {
            "confirmed a new email address; the account moved to it and every session was ended"
        }
        "auth.verify_email" => "verified the email address",
        "auth.resend_verification" => "asked for another verification mail",
        "auth.login" => "logged in",
        "auth.refresh" if record.reason.as_deref() == Some("refresh_token_reused") => {
            "showed a refresh token that was spent already, so it was stolen; the session was ended and the owner was mailed"
        }
        "auth.refresh" => "continued the session with a refresh token",
        "auth.logout" => "logged out",
        "auth.request_password_reset" => "asked for a password reset mail",
        "auth.reset_password" if record.reason.as_deref() == Some("address_changed") => {
            "confirmed a new email address and set a password with it; every session was ended"
        }
        "auth.reset_password" => "set a new password by a mailed link; every session was ended",
        "auth.update_me" => "changed name or address",
        "auth.change_password" => "changed the password; every other session was ended",
        "auth.reauthenticate" => "proved the password again",
        "auth.secure_account" if record.reason.as_deref() == Some("address_taken_back") => {
            "said \"this wasn't me\" at an earlier email address; the account went back to it, every session was ended and a reset was mailed there"
        }
        "auth.secure_account" => "said \"this wasn't me\"; every session was ended and a reset was mailed",
        "auth.accept_invitation" => "accepted an invitation and chose a password",
        "auth.activity" => "looked at the account's activity",
        "auth.export_me" => "had everything handed out that is stored about the account",
        "auth.delete_me" => "erased the account; every session was ended",
        "sessions.revoke" => "ended a session",
        "sessions.revoke_others" => "ended every other session",
        "sessions.revoke_all" => "ended every session",
        "admin.rotate_tokens" if is("dry_run", "true") => "asked what a rotation of tokens would do",
        "admin.rotate_tokens" if is("scope", "global") => "made everybody's tokens worthless",
        "admin.rotate_tokens" => "made every token of a user worthless",
        "admin.rotate_signing_keys" => "replaced the signing keys",
        "admin.rotate_data_keys" => "had a new data key made",
        "admin.find_users" => "looked accounts up",
        "admin.create_invitation" => "invited the owner of an email address",
        "admin.list_invitations" => "listed the invitations",
        "admin.revoke_invitation" => "withdrew an invitation",
        "admin.end_claim" => "ended the claim of a former email address to an account",
        "admin.disable_user" => "disabled an account; every session of it was ended",
        "admin.enable_user" => "enabled an account",
        "admin.unlock_user" => "lifted the lock of an account",
        "admin.set_role" => "changed the role of an account",
        "admin.export_user" => "handed out everything that is stored about an account",
        "admin.delete_user" => "erased an account; every session of it was ended",
        "admin.import_user" => "imported an account of another service",
        "admin.list_sessions" => "listed the sessions of an account",
        "admin.revoke_session" => "ended a session of an account",
        "admin.audit_events" => "looked into the audit trail",
        "keys.repair" | "keys.rotate_signing" => "changed the signing keys",
        "keys.rotate_data" => "changed the data keys",
        other => return format!("did {other}"),
    };
    text.to_owned()
}

/// What was tried and refused.
fn attempt(record: &Record) -> String {
    let text = match record.action.as_str() {
        "auth.login" => "tried to log in",
        "auth.refresh" => "tried to continue a session with a refresh token",
        "auth.change_password" => "tried to change the password",
        "auth.reauthenticate" => "tried to prove the password",
        "auth.update_me" => "tried to change name or address",
        "auth.reset_password" => "tried to set a new password by a mailed link",
        "auth.verify_email" => "tried to prove a mail address by a link",
        "auth.register" => "tried to register",
        "auth.secure_account" => "tried to take an account back by a link",
        "auth.accept_invitation" => "tried to accept an invitation",
        "admin.create_invitation" => "tried to invite the owner of an email address",
        "auth.delete_me" => "tried to erase the account",
        other => return format!("tried {other} ({} {})", record.method, record.endpoint),
    };
    text.to_owned()
}

/// Why it was refused, in words.
fn why(record: &Record) -> String {
    let reason = record.reason.as_deref().unwrap_or("no reason is recorded");
    let text = match reason {
        "wrong_password" => "the password was wrong",
        "wrong_password_locks" => {
            "the password was wrong once too often, and the address is locked; the owner was mailed"
        }
        "unknown_address" => "nobody has this address",
        "locked" => "the address is locked",
        "account_disabled" => "the account is disabled",
        "email_not_verified" => "the address is not verified",
        "malformed_token" | "unknown_token" | "unknown_or_expired_token" => "the link was unknown, used or expired",
        "expired_token" => "the link had expired, or a later recovery had ended it",
        "superseded_token" => "another request was faster, or the link was replaced",
        "can_be_taken_back" => "a former email address can still take the account back",
        "moved_too_often" => "the email address was changed too often",
        "reserved_address" => "the owner of the address can still take an account back to it, and was mailed the link",
        "taken_address" => "the address already has an account",
        "session_ended" => "the session has ended",
        "refresh_token_reused" => "the refresh token was spent already, so it was stolen; the session was ended",
        "token_rejected_due_to_rotation" | "token_version_too_old" => "the token was made before a rotation",
        "rate_limited" => "there were too many tries",
        "reauthentication_required" => "the password was proved too long ago",
        "not_an_admin" => "only admins may do this",
        "is_admin" => "no admin's account is erased by its owner",
        "own_account" => "nobody disables their own account",
        "unknown_user" => "there is no such account",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

/// What led to it, where it is one of our own words; an admin's words as they are.
fn consequence(reason: &str) -> String {
    match reason {
        "refresh_token_reused" => "the token had been used before".to_owned(),
        "session_cap" => "the least recently active session ended, there were too many".to_owned(),
        "retried" => "the answer had been lost, and was given again".to_owned(),
        "security_copies" => "copies of the security record were missing or behind, and were written again".to_owned(),
        "taken_address" => "the address already has an account, and its owner was mailed".to_owned(),
        "repeated_registration" => "it was the same registration again, and its link was mailed again".to_owned(),
        "contested_address" => {
            "the address had been registered with another password; no password counts, and its owner was mailed a link to choose one".to_owned()
        }
        "imported_address" => "the address has an imported account, and its owner was mailed a link to set a password".to_owned(),
        "reserved_address" => {
            "the owner of the address can still take an account back to it, and was mailed the link again".to_owned()
        }
        "address_changed" => "the address was changed".to_owned(),
        "address_taken_back" => "the owner of the later email address has lost access".to_owned(),
        words => words.to_owned(),
    }
}
