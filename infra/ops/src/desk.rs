//! Who works on what: the services of one target, the operator's name, and whether changes are confirmed.

use shared::audit_event::Actor;
use shared::config::Settings;
use shared::domain::{EmailAddress, Liveness, Reason, Session, User, UserId};
use shared::request::{RequestMeta, Task};
use shared::runtime::environment::Environment;
use shared::store::{Holder, Store};

use crate::failure::Failure;
use crate::options::Common;
use crate::target;

/// The longest name of an operator; it stands in every record.
const LONGEST_NAME: usize = 64;

/// Where an operator works.
pub struct Desk {
    /// The services.
    pub environment: Environment,
    /// The tables.
    pub store: Store,
    /// Their settings.
    pub settings: Settings,
    operator: String,
    confirmed: bool,
}

impl Desk {
    /// Opens the target that the options name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Wrong settings; all faults together.
    pub fn open(common: &Common, process: &Settings) -> Result<Self, Failure> {
        let settings = target::settings(common, process)?;
        let named = common
            .operator
            .as_deref()
            .or_else(|| process.get("USER"))
            .unwrap_or_default()
            .trim();
        if named.is_empty()
            || named.chars().count() > LONGEST_NAME
            || named.chars().any(char::is_control)
        {
            return Err(Failure::usage(
                "It is not known who you are, and the audit trail has to say so.",
                "Give your name with --as, in up to 64 characters.",
            ));
        }
        let environment = Environment::new(&settings).map_err(|error| {
            Failure::usage(
                error.to_string(),
                "Give this command the settings that the service has.",
            )
        })?;
        let store = environment.store();
        Ok(Self {
            environment,
            store,
            settings,
            operator: named.to_owned(),
            confirmed: common.yes,
        })
    }

    /// Who does it, as the trail is told.
    #[must_use]
    pub fn actor(&self) -> Actor<'_> {
        Actor::Operator(&self.operator)
    }

    /// The operator's name.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// Whether `--yes` was given.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// What stands in the place of a request.
    #[must_use]
    pub fn meta(&self, task: &'static Task) -> RequestMeta {
        RequestMeta::of_task(task, self.store.now(), self.store.entropy())
    }

    /// Lets a change happen only if `--yes` was given.
    ///
    /// # Errors
    /// What `plan` says would have happened.
    pub fn confirm(&self, plan: &str) -> Result<(), Failure> {
        if self.confirmed {
            Ok(())
        } else {
            Err(Failure::unconfirmed(plan))
        }
    }

    /// The account whose address or id this is.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn account(&self, whom: &str) -> Result<User, Failure> {
        let found = if whom.contains('@') {
            let email = address(whom)?;
            self.environment.administration().user_of(&email).await?
        } else {
            let id: UserId = whom.parse().map_err(|_| {
                Failure::usage(
                    "This is neither an email address nor an id.",
                    "Ids are UUIDs with hyphens.",
                )
            })?;
            self.store.user(id).await?
        };
        found.ok_or_else(|| {
            Failure::not_found(
                "There is no account with this address or id.",
                "Look at the spelling; a changed address is found by the new one, or by the id.",
            )
        })
    }

    /// The account whose address or id this is, or that can be taken back to this address: an owner whose account was moved
    /// away knows no other. Only for reading: a change wants the present address or the id.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn account_or_former(&self, whom: &str) -> Result<UserId, Failure> {
        if whom.contains('@') {
            let found = self.store.address(&address(whom)?).await?;
            if let Some(Holder::Former(user)) =
                found.as_ref().map(|found| found.holder(self.store.now()))
            {
                return Ok(user);
            }
        }
        Ok(self.account(whom).await?.id)
    }

    /// A user's live sessions, newest activity first.
    ///
    /// # Errors
    /// The store failed, or the service has not begun.
    pub async fn live_sessions(&self, user: &User) -> Result<Vec<Session>, Failure> {
        let liveness = self.liveness(user).await?;
        let mut sessions = self.store.sessions(user.id).await?;
        sessions.retain(|session| session.is_live(&liveness));
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_activity_at, session.id)));
        Ok(sessions)
    }

    /// What decides whether a user's sessions are live.
    ///
    /// # Errors
    /// The store failed, or the service has not begun.
    pub async fn liveness(&self, user: &User) -> Result<Liveness, Failure> {
        let security = self.store.security().await?.ok_or_else(not_begun)?;
        let idle = self.environment.config().tokens.session_idle;
        Ok(Liveness {
            user: user.level(),
            global: security.level(),
            idle,
            now: self.store.now(),
        })
    }
}

/// A reason on the command line.
///
/// # Errors
/// Which rule it breaks.
pub fn reason(text: &str) -> Result<Reason, Failure> {
    Reason::parse(text).map_err(|error| {
        Failure::usage(
            format!("--reason cannot be recorded: {error}"),
            "Say in one line of 10 to 500 characters why you do it; those who read the trail later know nothing else.",
        )
    })
}

/// A service whose first start has not been.
#[must_use]
pub fn not_begun() -> Failure {
    Failure::unavailable("The service has no keys yet: its first start makes them.")
}

/// An address that an operator has typed.
///
/// # Errors
/// [`Failure`] of usage.
pub fn address(text: &str) -> Result<EmailAddress, Failure> {
    EmailAddress::parse(text).map_err(|error| {
        Failure::usage(
            format!("This is not an email address: {error}"),
            "Give the address as the account has it.",
        )
    })
}
