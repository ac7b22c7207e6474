//! The thief: has the signing ring and a copy of the tokens table, and tries what they are good for.
//!
//! The ring is good for everything: it forges tokens of every live session. The copy is good for nothing: what stands in
//! it are hashes, and a nonce that is of use only to whoever has the spent token. Both are shown before the response,
//! because a drill in which nothing was stolen would pass as well.

use secrecy::ExposeSecret as _;
use shared::aws::{self, AwsBase};
use shared::domain::{Role, Session};
use shared::ground::{digest, entropy};
use shared::keys::SIGNING_RING;
use shared::routes::Table;
use shared::tokens::{Claims, RefreshToken, SigningRing};

use crate::desk::Desk;
use crate::drill::cast::Cast;
use crate::drill::check::Check;
use crate::drill::client::Connection;
use crate::drill::safety::Service;
use crate::failure::Failure;

/// The most items of the table that are copied.
const MOST_ITEMS: usize = 50_000;
/// How many sessions' hashes are tried, each in every way there is.
const TRIED: usize = 8;
/// A forged token lives as long as a real one, in seconds.
const LIFE: i64 = 1_800;

/// What was taken.
pub struct Loot {
    ring: SigningRing,
    /// The sessions of the drill's users; others of the same service are left alone.
    pub sessions: Vec<Session>,
}

impl Loot {
    /// Takes both.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn steal(desk: &Desk, cast: &Cast) -> Result<Self, Failure> {
        let failed = |what: String| Failure::refused(what, "See that `cargo run` is up.");
        let secret = desk
            .environment
            .secrets()
            .get(SIGNING_RING)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let secret = secret.ok_or_else(|| failed("There is no signing ring yet.".to_owned()))?;
        let ring = SigningRing::from_secret(secret.expose_secret())
            .map_err(|error| failed(error.to_string()))?;
        let client = aws::client(&AwsBase::new(desk.settings.clone()));
        let table = format!(
            "{}{}",
            desk.environment.config().table_prefix,
            Table::Tokens.name()
        );
        let (mut sessions, mut copied, mut start) = (Vec::new(), 0, None);
        loop {
            let page = client
                .scan()
                .table_name(&table)
                .set_exclusive_start_key(start)
                .send()
                .await;
            let page = page.map_err(|_| failed("The tokens table cannot be copied.".to_owned()))?;
            let items = page.items.unwrap_or_default();
            copied += items.len();
            sessions.extend(
                items
                    .into_iter()
                    .filter_map(|item| serde_dynamo::from_item::<_, Session>(item).ok()),
            );
            start = page.last_evaluated_key;
            if start.is_none() || copied >= MOST_ITEMS {
                break;
            }
        }
        sessions.retain(|stolen| cast.users.iter().any(|(_, id, _)| *id == stolen.user_id));
        if sessions.is_empty() {
            return Err(failed(
                "The copy of the tokens table holds no session of the drill.".to_owned(),
            ));
        }
        Ok(Self { ring, sessions })
    }

    /// Tokens of up to `most` of the stolen sessions, signed with the stolen key. They claim to be an admin's.
    ///
    /// # Errors
    /// The ring is empty or cannot sign.
    pub fn forge(&self, desk: &Desk, most: usize) -> Result<Vec<String>, Failure> {
        let failed =
            || Failure::refused("The stolen ring cannot sign.", "Look at `ops keys list`.");
        let key = self.ring.newest().ok_or_else(failed)?;
        let (config, now) = (desk.environment.config(), desk.store.now().as_secs());
        let claims = |stolen: &Session| Claims {
            iss: config.tokens.issuer.clone(),
            sub: stolen.user_id.uuid(),
            aud: config.tokens.audience.clone(),
            exp: now + LIFE,
            iat: now,
            nbf: now,
            jti: entropy::uuid_v4(desk.store.entropy()),
            sid: stolen.id.uuid(),
            client_id: config.tokens.client_id.clone(),
            user_ver: stolen.user_ver,
            global_ver: stolen.global_ver,
            role: Role::Admin,
            auth_time: now,
            amr: vec!["pwd".to_owned()],
            acr: "aal1".to_owned(),
        };
        self.sessions
            .iter()
            .take(most)
            .map(|stolen| key.issue(&claims(stolen)).map_err(|_| failed()))
            .collect()
    }
}

/// Everything that a copied session could be taken for a refresh token: the hashes as they are, and tokens of the right
/// form that are made of them, also moved on by the stored nonce.
fn as_refresh_tokens(stolen: &Session) -> Vec<String> {
    let mut tokens = vec![
        stolen.current.clone(),
        format!("dtr_{}", stolen.current),
        format!("dtr_{}", stolen.family),
    ];
    let (family, random) = (
        digest::decode(&stolen.family),
        digest::decode(&stolen.current),
    );
    let Some((family, random)) = family.zip(random) else {
        return tokens;
    };
    let mut bytes = [
        stolen.user_id.uuid().into_bytes(),
        stolen.id.uuid().into_bytes(),
    ]
    .concat();
    bytes.extend(family.iter().take(16).chain(&random));
    let check = digest::sha256(&bytes);
    bytes.extend(check.into_iter().take(4));
    let made = format!("dtr_{}", digest::encode(&bytes));
    let nonce = stolen
        .retired
        .as_ref()
        .and_then(|retired| digest::decode(&retired.nonce))
        .unwrap_or_default();
    let moved = RefreshToken::parse(&made).map(|token| token.successor(&nonce).expose());
    tokens.push(made);
    tokens.extend(moved);
    tokens
}

/// Tries what was taken, before anybody answers.
///
/// # Errors
/// The service does not answer.
pub async fn try_loot(
    service: &Service,
    loot: &Loot,
    forged: &[String],
) -> Result<Vec<Check>, Failure> {
    let mut connection = Connection::to(service.address);
    let mut good = 0;
    for token in forged {
        good += usize::from(connection.get("/api/v1/auth/me", Some(token)).await?.status == 200);
    }
    let (mut refreshed, mut shown, mut tries) = (0, 0, 0);
    for stolen in loot.sessions.iter().take(TRIED) {
        for token in as_refresh_tokens(stolen) {
            let body = serde_json::json!({ "refresh_token": token });
            refreshed += usize::from(
                connection
                    .post("/api/v1/auth/refresh", None, &body)
                    .await?
                    .status
                    == 200,
            );
            tries += 1;
        }
        for token in [&stolen.current, &stolen.family] {
            shown +=
                usize::from(connection.get("/api/v1/auth/me", Some(token)).await?.status == 200);
            tries += 1;
        }
    }
    let mut alive = 0;
    for token in forged {
        alive += usize::from(connection.get("/api/v1/auth/me", Some(token)).await?.status == 200);
    }
    let all = forged.len();
    Ok(vec![
        Check::new(
            "tokens forged with the stolen ring are accepted",
            good == all,
            format!("{good} of {all}"),
        ),
        Check::new(
            "what is stored in the copied table is refused as a token",
            refreshed + shown == 0,
            format!("{} of {tries} tries accepted", refreshed + shown),
        ),
        Check::new(
            "trying it ended no session",
            alive == all,
            format!("{alive} of {all} live on"),
        ),
    ])
}
