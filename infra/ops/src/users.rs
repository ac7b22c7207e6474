//! `ops users`: accounts.

mod show;

use serde_json::json;
use shared::domain::{EmailAddress, Reason, Role, User};
use shared::request::Task;
use shared::sign_in::issuer::role_of;
use shared::store::OtherAdmin;

use crate::console::{Answer, Console, plain_json, table};
use crate::desk::{self, Desk};
use crate::failure::{Exit, Failure};
use crate::options::{AccountChange, UsersCommand};
use crate::{imports, invite};
use show::show;

static SHOW: Task = Task {
    action: "admin.find_users",
    name: "ops users show",
};
static DISABLE: Task = Task {
    action: "admin.disable_user",
    name: "ops users disable",
};
static ENABLE: Task = Task {
    action: "admin.enable_user",
    name: "ops users enable",
};
static UNLOCK: Task = Task {
    action: "admin.unlock_user",
    name: "ops users unlock",
};
static GRANT: Task = Task {
    action: "admin.set_role",
    name: "ops users grant-admin",
};
static END_CLAIM: Task = Task {
    action: "admin.end_claim",
    name: "ops users end-claim",
};
static EXPORT: Task = Task {
    action: "admin.export_user",
    name: "ops users export",
};
static DELETE: Task = Task {
    action: "admin.delete_user",
    name: "ops users delete",
};
static REVOKE: Task = Task {
    action: "admin.set_role",
    name: "ops users revoke-admin",
};

/// Carries the command out.
pub async fn run(
    desk: &Desk,
    command: &UsersCommand,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let (actor, administration) = (desk.actor(), desk.environment.administration());
    let answer = match command {
        UsersCommand::Show { whom } => show(desk, whom).await?,
        UsersCommand::Passwords => passwords(desk).await?,
        UsersCommand::Disable(change) => {
            let (user, reason) = prepare(desk, change, "disable").await?;
            administration
                .disable(&desk.meta(&DISABLE), actor, None, user.id, &reason)
                .await?;
            told(
                &user,
                "The account is disabled and every token of it is revoked.",
            )
        }
        UsersCommand::Enable(change) => {
            let (user, reason) = prepare(desk, change, "enable").await?;
            administration
                .enable(&desk.meta(&ENABLE), actor, user.id, &reason)
                .await?;
            told(
                &user,
                "The account is enabled. Its old tokens stay revoked; its owner has to log in again.",
            )
        }
        UsersCommand::Unlock(change) => {
            let (user, reason) = prepare(desk, change, "lift the lock of").await?;
            administration
                .unlock(&desk.meta(&UNLOCK), actor, user.id, &reason)
                .await?;
            told(&user, "The lock is lifted.")
        }
        UsersCommand::EndClaim { change, address } => {
            let former = desk::address(address)?;
            let (user, reason) =
                prepare(desk, change, "end the claim of a former address to").await?;
            end_claim(desk, &user, &former, &reason).await?;
            told(
                &user,
                "The former address can no longer take the account back. Both addresses get an email.",
            )
        }
        UsersCommand::Export(look) => export(desk, look).await?,
        UsersCommand::Delete(change) => {
            let (user, reason) = prepare(desk, change, "erase, for good,").await?;
            let keeper = if is_admin(desk, &user) {
                Some(other_admin(desk, &user).await?)
            } else {
                None
            };
            administration
                .erase(
                    &desk.meta(&DELETE),
                    actor,
                    (&user, keeper.as_ref()),
                    &reason,
                )
                .await?;
            told(
                &user,
                "The account is erased, and nothing that was issued to it is accepted any more.",
            )
        }
        UsersCommand::Invite(options) => invite::run(desk, options).await?,
        UsersCommand::Import(import) => return imports::run(desk, import, console).await,
        UsersCommand::GrantAdmin(change) => {
            let (user, reason) = prepare(desk, change, "make an admin of").await?;
            grant_admin(desk, &user, &reason).await?;
            told(&user, "The account is an admin from its next request on.")
        }
        UsersCommand::RevokeAdmin(change) => {
            let (user, reason) = prepare(desk, change, "take the admin role from").await?;
            // Whom the configuration makes an admin loses nothing.
            let loses = is_admin(desk, &user)
                && !is_admin(
                    desk,
                    &User {
                        role: Role::User,
                        ..user.clone()
                    },
                );
            let keeper = if loses {
                Some(other_admin(desk, &user).await?)
            } else {
                None
            };
            revoke_admin(desk, &user, keeper.as_ref(), &reason).await?;
            told(&user, revoked(desk, &user))
        }
    };
    console.answer(&answer);
    Ok(Exit::Done)
}

/// The account and the reason, once the change is confirmed.
async fn prepare(
    desk: &Desk,
    change: &AccountChange,
    verb: &str,
) -> Result<(User, Reason), Failure> {
    let reason = desk::reason(&change.reason)?;
    let user = desk.account(&change.whom).await?;
    desk.confirm(&format!("{verb} {} <{}>", user.id, user.email))?;
    Ok((user, reason))
}

fn told(user: &User, done: &str) -> Answer {
    Answer {
        document: json!({ "user_id": user.id, "email": user.email, "message": done }),
        text: format!("{} <{}>: {done}", user.id, user.email),
    }
}

async fn end_claim(
    desk: &Desk,
    user: &User,
    former: &EmailAddress,
    reason: &Reason,
) -> Result<(), Failure> {
    if user
        .claim_of(&former.fingerprint(), desk.store.now())
        .is_none()
    {
        return Err(Failure::not_found(
            "This address has no claim to the account.",
            "A claim ends by itself a week after the account has left the address; then there is nothing to do.",
        ));
    }
    let administration = desk.environment.administration();
    Ok(administration
        .end_claim(&desk.meta(&END_CLAIM), desk.actor(), user, former, reason)
        .await?)
}

/// Makes an admin of an account.
pub async fn grant_admin(desk: &Desk, user: &User, reason: &Reason) -> Result<(), Failure> {
    let administration = desk.environment.administration();
    Ok(administration
        .set_role(
            &desk.meta(&GRANT),
            desk.actor(),
            user.id,
            (Role::Admin, None),
            reason,
        )
        .await?)
}

/// Takes the admin role from an account again, while `keeper` is still an admin.
pub async fn revoke_admin(
    desk: &Desk,
    user: &User,
    keeper: Option<&User>,
    reason: &Reason,
) -> Result<(), Failure> {
    let administration = desk.environment.administration();
    Ok(administration
        .set_role(
            &desk.meta(&REVOKE),
            desk.actor(),
            user.id,
            (Role::User, keeper),
            reason,
        )
        .await?)
}

/// How many accounts are looked through for another admin.
const MOST_ACCOUNTS: u32 = 100_000;

fn is_admin(desk: &Desk, user: &User) -> bool {
    user.is_active() && role_of(user, &desk.environment.config()) == Role::Admin
}

/// The admin who is left without `user`. Refused where `user` is the last one. A revocation and an erasure check in their
/// transactions that the one who was found is still an admin.
async fn other_admin(desk: &Desk, user: &User) -> Result<User, Failure> {
    let (config, administration) = (desk.environment.config(), desk.environment.administration());
    let is_admin = |user: &User| is_admin(desk, user);
    for email in &config.passwords.admin_emails {
        let configured = administration.user_of(email).await?;
        if let Some(other) = configured.filter(|other| other.id != user.id && is_admin(other)) {
            return Ok(other);
        }
    }
    let what = match desk.store.other_admin(user.id, MOST_ACCOUNTS).await? {
        OtherAdmin::Exists(id) => match desk.store.user(id).await?.filter(is_admin) {
            Some(other) => return Ok(other),
            None => "The only other admin was changed just now.".to_owned(),
        },
        OtherAdmin::Missing => {
            "This is the last admin: nobody could use the admin routes any more.".to_owned()
        }
        OtherAdmin::NotFound => {
            format!("No other admin is among the first {MOST_ACCOUNTS} accounts.")
        }
    };
    Err(Failure::refused(
        what,
        "Give another account the role first, with `ops users grant-admin` or DASHTAM_ADMIN_EMAILS; or close this one with `ops users disable`.",
    ))
}

/// The role is gone from the table; the configuration may still give it.
fn revoked(desk: &Desk, user: &User) -> &'static str {
    let left = User {
        role: Role::User,
        ..user.clone()
    };
    if role_of(&left, &desk.environment.config()) == Role::Admin {
        "The stored role is gone, but DASHTAM_ADMIN_EMAILS names the address: it stays an admin until that is changed."
    } else {
        "The account is no admin any more, from its next request on."
    }
}

async fn export(desk: &Desk, look: &AccountChange) -> Result<Answer, Failure> {
    let reason = desk::reason(&look.reason)?;
    let user = desk.account(&look.whom).await?;
    let export = desk.environment.export().await.map_err(|error| {
        Failure::refused(error.to_string(), "Check the cursor key with `ops doctor`.")
    })?;
    let data = export.of_user(&user, &desk.liveness(&user).await?).await?;
    let entry = desk
        .actor()
        .sign(desk.store.entry(&desk.meta(&EXPORT)))
        .user(user.id);
    let entry = entry.stated(&reason);
    desk.store.record(&entry).await?;
    let document = json!(data);
    Ok(Answer {
        text: plain_json(&format!("{document:#}")),
        document,
    })
}

/// How many hashes logins still have to replace, after the costs were raised or accounts were imported.
async fn passwords(desk: &Desk) -> Result<Answer, Failure> {
    let schemes = desk.store.password_schemes().await?;
    let rows: Vec<_> = schemes
        .iter()
        .map(|(scheme, count)| vec![scheme.clone(), count.to_string()])
        .collect();
    let documents = schemes
        .iter()
        .map(|(scheme, count)| json!({ "scheme": scheme, "accounts": count }));
    let text = table(&["password hash", "accounts"], &rows);
    Ok(Answer {
        document: json!({ "schemes": documents.collect::<Vec<_>>() }),
        text,
    })
}
