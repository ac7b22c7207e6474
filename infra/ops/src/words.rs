//! The words of a story: actions, refusals and reasons, as the owner of an account understands them.

use shared::store::Record;

use crate::names::Names;

/// What was done, by the action's name.
#[must_use]
pub fn deed(record: &Record, names: &Names) -> String {
    let is = |name: &str, value: &str| record.details.get(name).is_some_and(|other| other == value);
    if let Some(text) = recovery(record, names) {
        return text;
    }
    let text = match record.action.as_str() {
        "auth.verify_email" => "verified the email address",
        "auth.resend_verification" => "asked for another verification mail",
        "auth.login" => "logged in",
        "auth.refresh" if record.reason.as_deref() == Some("refresh_token_reused") => {
            "used a refresh token that had been used before, so a copy of it was stolen; the session was ended and a notice to the owner was queued"
        }
        "auth.refresh" => "continued the session",
        "auth.logout" => "logged out",
        "auth.request_password_reset" => "asked for a password reset mail",
        "auth.reset_password" => "set a new password by a mailed link; every session was ended",
        "auth.change_password" => "changed the password; every other session was ended",
        "auth.reauthenticate" => "entered the password again",
        "auth.accept_invitation" => "accepted an invitation and chose a password",
        "auth.activity" => "read the account's activity",
        "auth.export_me" => "downloaded everything that is stored about the account",
        "auth.delete_me" => "erased the account; every session was ended",
        "sessions.revoke" => "ended a session",
        "sessions.revoke_others" => "ended every other session",
        "sessions.revoke_all" => "ended every session",
        "admin.rotate_tokens" if is("dry_run", "true") => {
            "asked which sessions a rotation of tokens would end"
        }
        "admin.rotate_tokens" if is("scope", "global") => "ended every session of every account",
        "admin.rotate_tokens" => "ended every session of an account",
        "admin.rotate_signing_keys" if is("stage", "requested") => "asked for new signing keys",
        "admin.rotate_signing_keys" => "replaced the signing keys",
        "admin.rotate_data_keys" if is("stage", "requested") => "asked for a new data key",
        "admin.rotate_data_keys" => "replaced the data key",
        "admin.find_users" => "searched for accounts",
        "admin.create_invitation" => "invited the owner of an email address",
        "admin.list_invitations" => "listed the invitations",
        "admin.revoke_invitation" => "withdrew an invitation",
        "admin.disable_user" => "disabled an account; every session of it was ended",
        "admin.enable_user" => "enabled an account",
        "admin.unlock_user" => "lifted the lock of an account",
        "admin.set_role" => "changed the role of an account",
        "admin.export_user" => "exported everything that is stored about an account",
        "admin.delete_user" => "erased an account; every session of it was ended",
        "admin.import_user" => "imported an account of another service",
        "admin.list_sessions" => "listed the sessions of an account",
        "admin.revoke_session" => "ended a session of an account",
        "admin.audit_events" => "read the audit log",
        "keys.repair" | "keys.rotate_signing" => "changed the signing keys",
        "keys.rotate_data" => "changed the data keys",
        other => return format!("did {other}"),
    };
    text.to_owned()
}

/// What was tried and refused.
#[must_use]
pub fn attempt(record: &Record, names: &Names) -> String {
    let text = match record.action.as_str() {
        "auth.login" => "tried to log in",
        "auth.refresh" => "tried to continue a session",
        "auth.change_password" => "tried to change the password",
        "auth.reauthenticate" => "tried to enter the password again",
        "auth.update_me" => "tried to change the name or the email address",
        "auth.reset_password" => "tried to set a new password by a mailed link",
        "auth.verify_email" => "tried to verify an email address by a mailed link",
        "auth.register" => "tried to register",
        "auth.secure_account" => match record.details.get("mailed_to") {
            Some(key) => {
                return format!(
                    "tried to take the account back by a notice that was mailed to {}",
                    names.email(key)
                );
            }
            None => "tried to take an account back by a link",
        },
        "admin.import_user" => "tried to import an account of another service",
        "admin.rotate_signing_keys" => "tried to replace the signing keys",
        "admin.rotate_data_keys" => "tried to replace the data key",
        "auth.accept_invitation" => "tried to accept an invitation",
        "admin.create_invitation" => "tried to invite the owner of an email address",
        "auth.delete_me" => "tried to erase the account",
        other => return format!("tried {other} ({} {})", record.method, record.endpoint),
    };
    text.to_owned()
}

/// Why it was refused, in words.
#[must_use]
pub fn why(record: &Record) -> String {
    let reason = record.reason.as_deref().unwrap_or("no reason is recorded");
    let text = match reason {
        "wrong_password" => "the password was wrong",
        "not_begun" => "the rotation could not be started, and nothing was changed",
        "rotation_pending" => "an earlier rotation was not finished yet",
        "wrong_password_locks" => {
            "the password was wrong once too often, and the address is locked; a notice was queued if it has an account"
        }
        "unknown_address" => "no account has this address",
        "locked" => "the address is locked",
        "account_disabled" => "the account is disabled",
        "email_not_verified" => "the address is not verified",
        "malformed_token" | "unknown_token" | "unknown_or_expired_token" => {
            "the link was unknown, used or expired"
        }
        "expired_token" => "the link had expired",
        "recovered_since" => {
            "the account was taken back or its password reset after that notice, or the right of that address was ended"
        }
        "id_taken" => "the id belongs to another account, or did until that was erased",
        "superseded_token" => "another request was faster, or the link was replaced",
        "can_be_taken_back" => "a former email address can still take the account back",
        "moved_too_often" => "the email address was changed too often",
        "reserved_address" => {
            "the owner of the address can still take an account back to it, and an email with the link was queued"
        }
        "taken_address" => "the address already has an account",
        "session_ended" => "the session has ended",
        "refresh_token_reused" => {
            "the refresh token had been used before, so a copy of it was stolen; the session was ended"
        }
        "token_rejected_due_to_rotation" | "token_version_too_old" => {
            "all sessions were ended after this sign-in"
        }
        "rate_limited" => "there were too many tries",
        "reauthentication_required" => "the password was entered too long ago",
        "not_an_admin" => "only admins may do this",
        "is_admin" => "an admin cannot erase their own account",
        "own_account" => "an admin cannot disable their own account",
        "unknown_user" => "there is no such account",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

/// Who has the account: registrations, changes of the email address, and taking back.
fn recovery(record: &Record, names: &Names) -> Option<String> {
    let detail = |name: &str| record.details.get(name);
    let email = |name: &str| {
        detail(name).map_or_else(
            || "another email address".to_owned(),
            |key| names.email(key),
        )
    };
    let (old, new) = (|| email("old_email"), || email("new_email"));
    let text = match (record.action.as_str(), record.reason.as_deref()) {
        ("auth.register", None) => "registered; an email with a link to finish the sign-up was queued".to_owned(),
        ("auth.register", Some("repeated_registration")) => {
            "registered again with the same password; an email with the link was queued again".to_owned()
        }
        ("auth.register", Some("contested_address")) => {
            "registered this email address with another password; since then none of the passwords works, and an email with a link to choose one was queued".to_owned()
        }
        ("auth.update_me", Some("address_change_requested")) => format!(
            "asked to move the account to {}; an email with a link to confirm it was queued for that address and a notice for the present one",
            new()
        ),
        ("auth.update_me", Some("address_change_called_off")) => {
            format!("called off the move of the account to {}", new())
        }
        ("auth.update_me", Some("present_address")) => {
            "gave the present email address as the new one, which changes nothing".to_owned()
        }
        ("auth.update_me", _) => "changed the name".to_owned(),
        ("auth.verify_email" | "auth.reset_password", Some("address_changed")) => {
            let password = if record.action == "auth.reset_password" { " and set a password with it" } else { "" };
            let until = detail("take_back_until").map(String::as_str).unwrap_or_default();
            format!(
                "confirmed the new email address{password}; the account moved from {} to {} and every session was ended; {} can take the account back until {until}",
                old(),
                new(),
                old()
            )
        }
        ("auth.reset_password", Some("address_verified")) => {
            "set a password by a mailed link, which verified the email address; passwords of earlier sign-ups do not work".to_owned()
        }
        ("auth.secure_account", Some("address_taken_back")) => format!(
            "said \"this wasn't me\"; the account went back from {} to {}; every session was ended, the password stopped working and an email with a reset link was queued for {}",
            old(),
            new(),
            new()
        ),
        ("auth.secure_account", _) => {
            "said \"this wasn't me\"; every session was ended, the password stopped working and an email with a reset link was queued".to_owned()
        }
        ("admin.end_claim", _) => {
            format!("ended the right of the former email address {} to take an account back", old())
        }
        _ => return None,
    };
    Some(text)
}

/// What led to it, where the sentence does not say it already: one of the service's own reasons in words, or an admin's words
/// as they are.
#[must_use]
pub fn consequence(reason: &str) -> Option<&str> {
    Some(match reason {
        "repeated_registration"
        | "contested_address"
        | "address_change_requested"
        | "address_change_called_off"
        | "present_address"
        | "address_changed"
        | "address_verified"
        | "address_taken_back" => return None,
        "refresh_token_reused" => "the token had been used before",
        "session_cap" => "the least recently active session ended, there were too many",
        "retried" => "the answer had been lost, and was sent again",
        "security_copies" => {
            "copies of the security record were missing or behind, and were written again"
        }
        "taken_address" => {
            "the address already has an account, and an email to its owner was queued"
        }
        "imported_address" => {
            "the address has an imported account, and an email with a link to set a password was queued"
        }
        "reserved_address" => {
            "the owner of the address can still take an account back to it, and an email with the link was queued again"
        }
        words => words,
    })
}

/// Whether a detail is left out of a sentence: its words have it already, or it means something to engineers alone, who find
/// it in the JSON document.
#[must_use]
pub fn is_worded(name: &str, value: &str) -> bool {
    match name {
        "operator" | "old_email" | "new_email" | "mailed_to" | "take_back_until" | "scope"
        | "previous_version" | "new_version" | "user_ver" | "user_least" | "global_ver"
        | "global_least" => true,
        "dry_run" => value == "false",
        "grace_period_seconds" => value == "0",
        _ => false,
    }
}
