//! Afterwards: everybody can log in, their tokens verify with the published key, and the trail holds what was done.

use serde_json::Value;
use shared::domain::{Timestamp, UserId};
use shared::store::{Record, Whose};
use shared::tokens::{PresentedAccessToken, PublicKey};

use crate::audit::{self, Search};
use crate::desk::Desk;
use crate::drill::cast::Cast;
use crate::drill::check::Check;
use crate::drill::client::Connection;
use crate::drill::safety::Service;
use crate::failure::Failure;

/// The most records that are looked at.
const MOST: usize = 10_000;

/// Logs everybody in anew and verifies their tokens as another service would, by the published keys.
///
/// # Errors
/// The service does not answer.
pub async fn new_logins(
    desk: &Desk,
    service: &Service,
    cast: &Cast,
) -> Result<Vec<Check>, Failure> {
    let mut connection = Connection::to(service.address);
    let published = connection
        .get("/.well-known/jwks.json", None)
        .await?
        .json(200)?;
    let keys = published_keys(&published);
    let config = desk.environment.config();
    let (mut good, mut used) = (0, 0);
    for (person, id, _) in &cast.users {
        let Ok(tokens) = person.log_in(&mut connection).await else {
            continue;
        };
        let presented = PresentedAccessToken::parse(&tokens.access).ok();
        let claims = presented.and_then(|presented| {
            presented
                .verify(
                    &keys,
                    &config.tokens.issuer,
                    &config.tokens.audience,
                    desk.store.now(),
                )
                .ok()
        });
        good += usize::from(claims.is_some_and(|claims| claims.sub == id.uuid()));
        used += usize::from(
            connection
                .get("/api/v1/auth/me", Some(&tokens.access))
                .await?
                .status
                == 200,
        );
    }
    let (all, late) = (
        cast.users.len(),
        cast.late().can_reset(&mut connection).await?,
    );
    let seen = if late { "accepted" } else { "refused" };
    Ok(vec![
        Check::new(
            "a reset mail that was on its way during the rotation holds a dead token",
            !late,
            seen.to_owned(),
        ),
        Check::new(
            "the published key set holds the new key alone",
            keys.len() == 1,
            format!("{} keys", keys.len()),
        ),
        Check::new(
            "new logins' tokens verify with the published key",
            good == all,
            format!("{good} of {all}"),
        ),
        Check::new(
            "new logins' tokens are accepted",
            used == all,
            format!("{used} of {all}"),
        ),
    ])
}

/// Looks for every record that the drill must have left.
///
/// # Errors
/// The trail cannot be read.
pub async fn trail(desk: &Desk, cast: &Cast, begun: Timestamp) -> Result<Vec<Check>, Failure> {
    let admin = Some(cast.admin_account.id);
    let said = |record: &Record, name: &str, value: &str| {
        record.details.get(name).is_some_and(|said| said == value)
    };
    let done =
        |record: &Record, action: &str| record.action == action && record.outcome == "success";
    let of_admin = |record: &Record, action: &str| done(record, action) && record.actor_id == admin;
    let look = async |user: Option<UserId>,
                      what: &'static str,
                      most: usize,
                      wanted: &(dyn Fn(&Record) -> bool + Sync)| {
        let search = Search {
            from: begun,
            to: desk.store.now(),
            most: MOST,
            wanted,
        };
        let whose = user.map_or(Whose::Nobody, Whose::User);
        let found = audit::search(desk, whose, &search).await?.len();
        Ok::<_, Failure>(Check::new(
            what,
            (1..=most).contains(&found),
            format!("{found} found"),
        ))
    };
    let chain = cast.users.first().map(|(_, id, _)| *id);
    Ok(vec![
        look(
            None,
            "record: the signing keys were dropped by the admin",
            1,
            &|record| {
                of_admin(record, "admin.rotate_signing_keys") && said(record, "mode", "compromised")
            },
        )
        .await?,
        look(
            None,
            "record: everybody's tokens were rotated by the admin",
            1,
            &|record| of_admin(record, "admin.rotate_tokens") && said(record, "scope", "global"),
        )
        .await?,
        look(
            None,
            "record: the operator asked for a new data key",
            1,
            &|record| done(record, "admin.rotate_data_keys"),
        )
        .await?,
        look(
            admin,
            "record: the operator made the admin one",
            1,
            &|record| done(record, "admin.set_role"),
        )
        .await?,
        look(
            None,
            "record: outdated access tokens were refused",
            MOST,
            &|record| {
                record.outcome == "refused"
                    && record.reason.as_deref() == Some("token_rejected_due_to_rotation")
            },
        )
        .await?,
        look(
            chain,
            "record: outdated refresh tokens were refused",
            MOST,
            &|record| {
                record.outcome == "refused"
                    && record.reason.as_deref() == Some("token_version_too_old")
            },
        )
        .await?,
    ])
}

/// The keys of a JWK set (RFC 7517 section 5).
fn published_keys(set: &Value) -> Vec<PublicKey> {
    let keys = set
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let read = |key: &Value| {
        let (kid, x, y) = (text(key, "kid")?, text(key, "x")?, text(key, "y")?);
        Some(PublicKey {
            kid,
            x,
            y,
            created_at: Timestamp::EPOCH,
            until: None,
        })
    };
    keys.filter_map(read).collect()
}
