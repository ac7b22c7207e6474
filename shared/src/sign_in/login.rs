//! Login: from address and password to a session.

use std::sync::Arc;

use crate::audit_event::{Cause, Entry, Refusal};
use crate::config::Config;
use crate::domain::{EmailAddress, NOBODY, Password, Session, SessionId, User};
use crate::ground::{entropy, error_chain};
use crate::limits::Limiter;
use crate::passwords::Verdict;
use crate::passwords::proof::{PasswordError, PasswordProof};
use crate::request::RequestMeta;
use crate::request::locator::Locator;
use crate::routes::{MailKind, Rule};
use crate::sign_in::SignInError;
use crate::sign_in::issuer::{Issuer, TokenPair, UserView};
use crate::sign_in::session_cap::SessionCap;
use crate::store::{Arrival, Begun, Lock, Row, Store};
use crate::tokens::{Family, RefreshToken, SecurityRecord};

/// So many devices and countries an account remembers.
const MOST_SEEN: usize = 16;

/// What a login gives.
pub struct SignedIn {
    /// The tokens.
    pub tokens: TokenPair,
    /// The account.
    pub user: UserView,
}

/// Logs in.
#[derive(Clone)]
pub struct Login {
    /// The tables.
    pub store: Store,
    /// Lock and hash.
    pub proof: PasswordProof,
    /// The client's bucket.
    pub limiter: Limiter,
    /// The tokens.
    pub issuer: Issuer,
    /// Where an address is.
    pub locator: Locator,
    /// The settings.
    pub config: Arc<Config>,
}

impl Login {
    /// Proves the password and begins a session.
    ///
    /// Versions are read together with the hash, before it is computed, and stamped on the session: what a rotation
    /// overtakes in between is dead at birth.
    ///
    /// # Errors
    /// [`SignInError`], alike for known and unknown addresses until the password is right.
    pub async fn login(
        &self,
        meta: &RequestMeta,
        email: &EmailAddress,
        password: &Password,
    ) -> Result<SignedIn, SignInError> {
        let charge = self.limiter.admit_client(Rule::Login, meta).await?;
        let lock = Lock::Login(email);
        let (charged, owner) =
            tokio::join!(self.proof.charge(lock), self.store.address_user(email));
        let charged = charged?;
        let id = owner?.unwrap_or(NOBODY);
        let (user, security) = self.store.user_and_security(id).await?;
        let verdict = self.proof.compare(charged, user.as_ref(), password).await?;
        // Nobody's password is right, so there is a user from here on.
        let user = user.ok_or_else(|| wrong(Refusal::new(Cause::UnknownAddress)))?;
        if let Err(error) = may_sign_in(&user) {
            // The one who registered the address knows this password, so it says nothing about the owner of the lock.
            if user.email_verified {
                self.proof.clear(lock).await;
            } else {
                self.proof.refund(lock).await;
            }
            return Err(error);
        }
        let (session, refresh) = self.new_session(meta, &user, &security);
        let begun = self.begin(meta, &user, &session, &security, &refresh).await;
        let tokens = match begun {
            Ok(tokens) => tokens,
            Err(error) => {
                self.proof.clear(lock).await;
                return Err(error);
            }
        };
        tokio::join!(
            self.proof.clear(lock),
            self.limiter.give_back(charge),
            self.upgrade(&user, password, verdict)
        );
        let user = User {
            last_login_at: Some(session.created_at),
            ..user
        };
        Ok(SignedIn {
            tokens,
            user: UserView::new(&user, &self.config),
        })
    }

    fn new_session(
        &self,
        meta: &RequestMeta,
        user: &User,
        security: &SecurityRecord,
    ) -> (Session, RefreshToken) {
        let entropy = self.store.entropy();
        let now = self.store.now();
        let id = SessionId::new(entropy::uuid_v4(entropy));
        let family = Family::random(entropy);
        let refresh = RefreshToken::random(user.id, id, family, entropy);
        let expires_at = now.plus(self.config.tokens.session_ttl);
        let session = Session {
            id,
            user_id: user.id,
            family: family.hash(),
            current: refresh.hash(),
            retired: None,
            user_ver: user.ver_current,
            global_ver: security.ver_current,
            auth_time: now,
            created_at: now,
            last_activity_at: now,
            expires_at,
            ip_address: meta.client.to_string(),
            user_agent: meta.user_agent.as_str().to_owned(),
            place: self.locator.place(meta),
            tat: None,
            ttl: expires_at.as_secs(),
        };
        (session, refresh)
    }

    /// Begins the session; its tokens are signed first. While the user is surely below the cap nothing is counted; otherwise it
    /// is counted afterwards, so that of parallel logins the last one sees all of them.
    async fn begin(
        &self,
        meta: &RequestMeta,
        user: &User,
        session: &Session,
        security: &SecurityRecord,
        refresh: &RefreshToken,
    ) -> Result<TokenPair, SignInError> {
        let tokens = self.issuer.issue(user, session, security, refresh).await?;
        let entry = self.store.entry(meta).by_owner(user.id).session(session.id);
        let notice = self.notice(meta, &entry, user, session);
        let arrival = arrival(meta, user, session, notice.as_ref());
        let uncounted =
            Some(user.uncounted_logins(self.config.tokens.session_cap)).filter(|left| *left > 0);
        let mut begun = Begun::NeedsCount;
        if uncounted.is_some() {
            begun = self
                .store
                .begin_session(session, user, uncounted, &arrival, &entry)
                .await?;
        }
        if begun == Begun::NeedsCount {
            begun = self
                .store
                .begin_session(session, user, None, &arrival, &entry)
                .await?;
            if begun == Begun::Done {
                SessionCap {
                    store: &self.store,
                    tokens: &self.config.tokens,
                }
                .enforce(meta, session, security)
                .await;
            }
        }
        match begun {
            Begun::Done => Ok(tokens),
            Begun::NeedsCount | Begun::AccountErased => {
                // The account was erased after the password was compared: by now it is as unknown as any other.
                Err(wrong(Refusal::new(Cause::AccountErased).user(user.id)))
            }
        }
    }

    /// The notice of a device or country that the account has not seen; none for its first login.
    fn notice(
        &self,
        meta: &RequestMeta,
        entry: &Entry,
        user: &User,
        session: &Session,
    ) -> Option<Row> {
        let new_device = !user.devices.contains(&meta.user_agent.family(user.id));
        let country = session
            .place
            .as_ref()
            .and_then(|place| place.country.as_ref());
        let new_country = country.is_some_and(|country| !user.countries.contains(country));
        let kind = match (new_device, new_country && !user.countries.is_empty()) {
            _ if user.devices.is_empty() => return None,
            (true, _) => MailKind::NewDevice,
            (false, true) => MailKind::NewCountry,
            (false, false) => return None,
        };
        Some(self.store.notice(entry, kind, user).asked_by(meta))
    }

    /// Replaces an outdated hash. A failure never fails the login; the next one tries again.
    async fn upgrade(&self, user: &User, password: &Password, verdict: Verdict) {
        if verdict != Verdict::RightButOutdated {
            return;
        }
        let Ok(hash) = self.proof.hasher().hash(password).await else {
            return;
        };
        if let Err(error) = self.store.rehash_password(user, &hash).await {
            tracing::warn!(
                error = error_chain(&error),
                "a password hash could not be upgraded"
            );
        }
    }
}

fn wrong(refusal: Refusal) -> SignInError {
    PasswordError::WrongCredentials(Box::new(refusal)).into()
}

/// What this login adds to what the account has seen.
fn arrival<'a>(
    meta: &RequestMeta,
    user: &User,
    session: &Session,
    notice: Option<&'a Row>,
) -> Arrival<'a> {
    let country = session
        .place
        .as_ref()
        .and_then(|place| place.country.clone());
    Arrival {
        device: Some(meta.user_agent.family(user.id))
            .filter(|device| !user.devices.contains(device)),
        country: country.filter(|country| {
            !user.countries.contains(country) && user.countries.len() < MOST_SEEN
        }),
        alone: user.devices.len() >= MOST_SEEN,
        notice,
    }
}

/// What stands in the way of somebody who knows the password.
fn may_sign_in(user: &User) -> Result<(), SignInError> {
    let refusal = |cause| Box::new(Refusal::new(cause).user(user.id));
    if !user.is_active() {
        return Err(SignInError::AccountDisabled(refusal(
            Cause::AccountDisabled,
        )));
    }
    if !user.email_verified {
        return Err(SignInError::EmailNotVerified(refusal(
            Cause::EmailNotVerified,
        )));
    }
    Ok(())
}
