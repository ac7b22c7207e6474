//! What a signed-in user gets: an access token for half an hour and a refresh token for the next one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::Config;
use crate::domain::{EmailAddress, Role, Session, Timestamp, User};
use crate::ground::entropy;
use crate::keys::{KeysError, Signer};
use crate::store::Store;
use crate::tokens::{Claims, RefreshToken, SecurityRecord};

/// The tokens of an answer.
#[derive(Serialize, JsonSchema)]
pub struct TokenPair {
    /// The access token.
    #[serde(flatten)]
    pub access: AccessGrant,
    /// The refresh token.
    #[schemars(extend("pattern" = "^dtr_"), example = &"dtr_…")]
    pub refresh_token: String,
}

/// An access token with what a client must know of it.
#[derive(Serialize, JsonSchema)]
pub struct AccessGrant {
    /// The access token.
    #[schemars(example = &"eyJ…")]
    pub access_token: String,
    /// Always `bearer` (RFC 6749 section 5.1).
    #[schemars(extend("const" = "bearer"))]
    pub token_type: &'static str,
    /// Life of the access token in seconds.
    #[schemars(range(min = 0), example = 1_800)]
    pub expires_in: i64,
}

/// Issues tokens.
#[derive(Clone)]
pub struct Issuer {
    store: Store,
    signer: Signer,
    config: Arc<Config>,
}

impl Issuer {
    /// An issuer that signs with `signer`.
    #[must_use]
    pub const fn new(store: Store, signer: Signer, config: Arc<Config>) -> Self {
        Self {
            store,
            signer,
            config,
        }
    }

    /// An access token for `session` beside `refresh`. To be made before the session is written: an error after the commit
    /// would spend a token whose successor the client never got.
    ///
    /// # Errors
    /// [`KeysError`] if no key is available.
    pub async fn issue(
        &self,
        user: &User,
        session: &Session,
        security: &SecurityRecord,
        refresh: &RefreshToken,
    ) -> Result<TokenPair, KeysError> {
        let access = self.access(user, session, security).await?;
        Ok(TokenPair {
            access,
            refresh_token: refresh.expose(),
        })
    }

    /// An access token for `session`, never past its end, nor past that of the key that signs it or of a grace that shelters
    /// the session's versions: services that see no versions would accept it until it expires. Of an idle limit it uses at
    /// most half: a client that refreshes when the token has expired must find the session alive, and a refresh is the only
    /// activity of which the session learns. To be made before the session is written, as [`Self::issue`] says.
    ///
    /// # Errors
    /// [`KeysError`] if no key is available.
    pub async fn access(
        &self,
        user: &User,
        session: &Session,
        security: &SecurityRecord,
    ) -> Result<AccessGrant, KeysError> {
        let now = self.store.now();
        let tokens = &self.config.tokens;
        let key = self.signer.key(security, now).await?;
        let ends = [
            Some(session.expires_at),
            key.until,
            user.level().end_of(session.user_ver),
            security.level().end_of(session.global_ver),
        ];
        let longest = now.plus(tokens.longest_access_life());
        let end = ends
            .into_iter()
            .flatten()
            .fold(longest, Timestamp::min)
            .max(now);
        let claims = Claims {
            iss: tokens.issuer.clone(),
            sub: user.id.uuid(),
            aud: tokens.audience.clone(),
            exp: end.as_secs(),
            iat: now.as_secs(),
            nbf: now.as_secs(),
            jti: entropy::uuid_v4(self.store.entropy()),
            sid: session.id.uuid(),
            client_id: tokens.client_id.clone(),
            user_ver: session.user_ver,
            global_ver: session.global_ver,
            role: role_of(user, &self.config),
            auth_time: session.auth_time.as_secs(),
            amr: vec!["pwd".to_owned()],
            acr: "aal1".to_owned(),
        };
        let access_token = key.sign(&claims)?;
        Ok(AccessGrant {
            access_token,
            token_type: "bearer",
            expires_in: claims.exp - claims.iat,
        })
    }
}

/// What a user may do: the stored role, or admin for a configured address once it is proved.
#[must_use]
pub fn role_of(user: &User, config: &Config) -> Role {
    let configured = || {
        let admins = &config.passwords.admin_emails;
        !admins.is_empty()
            && EmailAddress::parse(&user.email).is_ok_and(|email| admins.contains(&email))
    };
    if user.role == Role::Admin || (user.email_verified && configured()) {
        Role::Admin
    } else {
        Role::User
    }
}

/// An account as its owner sees it.
#[derive(Serialize, JsonSchema)]
pub struct UserView {
    id: crate::domain::UserId,
    /// The email address, in lower case and with its domain in ASCII (IDNA), whatever was sent.
    #[schemars(example = &"ada@example.com")]
    email: String,
    /// What to call the owner.
    #[schemars(example = &"Ada Lovelace")]
    name: String,
    /// Whether the address is verified.
    email_verified: bool,
    /// Whether the account is enabled.
    is_active: bool,
    #[schemars(schema_with = "crate::domain::schema::role")]
    role: Role,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    created_at: Timestamp,
    #[serde(serialize_with = "Timestamp::rfc3339_option")]
    #[schemars(schema_with = "crate::domain::schema::timestamp_option")]
    last_login_at: Option<Timestamp>,
    /// A new address that is not verified yet, in the same form.
    #[schemars(extend("examples" = [null]))]
    pending_email: Option<String>,
}

impl UserView {
    /// The view of `user`.
    #[must_use]
    pub fn new(user: &User, config: &Config) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            name: user.name.clone(),
            email_verified: user.email_verified,
            is_active: user.is_active(),
            role: role_of(user, config),
            created_at: user.created_at,
            last_login_at: user.last_login_at,
            pending_email: user.pending_email.clone(),
        }
    }
}
