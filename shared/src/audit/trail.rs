//! Showing the audit trail: to the owner of an account their own records, to admins everybody's.
//!
//! A page costs a bounded number of reads, however rarely the filters match: then it is short, or empty, and its cursor
//! goes on. A look is recorded itself, before it is answered: an admin's each time, the owner's once in ten minutes and
//! session.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::audit_event::{Action, Actor, Entry};
use crate::domain::{EventId, SessionId, Timestamp, UserId};
use crate::limits::{LimitError, Limiter};
use crate::request::RequestMeta;
use crate::routes::{self, Rule};
use crate::sign_in::authentication::Caller;
use crate::store::{Record, Step, Store, StoreError, Walk, Whose};
use crate::tokens::{CursorError, CursorScope, Cursors, PresentedCursor};

/// The records on a page that asks for no number.
pub const PAGE: u64 = 50;
/// Most records on a page.
pub const MOST: u64 = 200;
/// Most records in an export: with less than a kilobyte each they stay far below the 6 MB that a function may answer.
const EXPORTED: u64 = 1_500;
/// A page ends after so many queries, short or not: ten months of sixteen partitions.
const MOST_QUERIES: usize = 160;
/// A page ends after so many records have been looked at.
const MOST_PASSED: usize = 2_000;
/// So far ahead another process's clock may be.
const SKEW: std::time::Duration = std::time::Duration::from_secs(60);

/// What an admin looks for. Every member that is there must fit.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Whose account the record concerns.
    pub user: Option<UserId>,
    /// What was tried.
    pub action: Option<Action>,
    /// In which request.
    pub request: Option<Uuid>,
    /// In which session.
    pub session: Option<SessionId>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to this moment.
    pub to: Option<Timestamp>,
}

impl Search {
    /// The fewest partitions that hold everything that is looked for.
    fn whose(&self) -> Whose {
        let of_user = || self.user.map_or(Whose::All, Whose::User);
        self.request
            .map(Whose::Request)
            .or(self.session.map(Whose::Session))
            .unwrap_or_else(of_user)
    }

    fn fits(&self, record: &Record) -> bool {
        self.user.is_none_or(|user| record.user_id == Some(user))
            && self
                .action
                .is_none_or(|action| record.action == action.name())
            && self
                .request
                .is_none_or(|request| record.request_id == request)
            && self
                .session
                .is_none_or(|session| record.session_id == Some(session))
    }

    /// What is asked for besides the user, as names and values that hold nothing a client could have made up. They are
    /// short, so that the record of a look fits into one write unit.
    fn asked(&self) -> Vec<(&'static str, String)> {
        let members = [
            ("action", self.action.map(|action| action.name().to_owned())),
            (
                "request",
                self.request.map(|request| request.simple().to_string()),
            ),
            (
                "session",
                self.session
                    .map(|session| session.uuid().simple().to_string()),
            ),
            ("from", self.from.map(|from| from.as_millis().to_string())),
            ("to", self.to.map(|to| to.as_millis().to_string())),
        ];
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// One page of audit records, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditPage")]
pub struct Page {
    /// The records.
    pub events: Vec<Record>,
    /// Where the next page begins; null where there is none.
    #[schemars(extend("examples" = [null]))]
    pub next_cursor: Option<String>,
}

/// Why no records are shown.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The cursor is not the caller's, or not this search's.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// Too many calls.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Shows records.
#[derive(Clone)]
pub struct Trail {
    store: Store,
    limiter: Limiter,
    cursors: Cursors,
}

impl Trail {
    /// The trail in `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter, cursors: Cursors) -> Self {
        Self {
            store,
            limiter,
            cursors,
        }
    }

    /// What happened to the caller's account. Of what somebody else did to it, it is not told from where.
    ///
    /// # Errors
    /// [`TrailError`].
    pub async fn of_caller(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        most: u64,
        cursor: Option<&PresentedCursor>,
    ) -> Result<Page, TrailError> {
        let (user, session) = (caller.user.id, caller.session.id);
        self.limiter.admit_user(Rule::Sessions, meta, user).await?;
        let scope = CursorScope {
            caller: user,
            endpoint: meta.endpoint(),
            query: "",
        };
        let before = self.beginning(&scope, None, cursor)?;
        let walk = self.store.walk(Whose::User(user), Timestamp::EPOCH, before);
        // The looks of this very session would be news to nobody.
        let own_look =
            |record: &Record| record.action == meta.action() && record.session_id == Some(session);
        let mut page = self
            .page(walk, &scope, most, |record| !own_look(record))
            .await?;
        page.events
            .iter_mut()
            .for_each(|record| record.withhold_others(user));
        let entry = self.store.entry(meta).by_owner(user).session(session);
        self.store
            .record_once(&entry, &format!("{}#{session}", meta.action()))
            .await?;
        Ok(page)
    }

    /// The newest records of an account that are `wanted`, for an export; its cursor goes on where the owner's own look at the
    /// trail does. Of what somebody else did to it, it is not told from where.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_of(
        &self,
        user: UserId,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Page, StoreError> {
        let scope = CursorScope {
            caller: user,
            endpoint: routes::AUTH_ACTIVITY.path,
            query: "",
        };
        let before = self.newest(None);
        let walk = self.store.walk(Whose::User(user), Timestamp::EPOCH, before);
        let mut page = self.page(walk, &scope, EXPORTED, wanted).await?;
        page.events
            .iter_mut()
            .for_each(|record| record.withhold_others(user));
        Ok(page)
    }

    /// Every record of an account, newest first, for whom no answer is too large. Of what somebody else did to it, it is not
    /// told from where.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_of(&self, user: UserId) -> Result<Page, StoreError> {
        let end = EventId::floor_at(self.store.now().plus(SKEW));
        let mut walk = self.store.walk(Whose::User(user), Timestamp::EPOCH, end);
        let mut events = Vec::new();
        loop {
            match walk.next().await? {
                Step::End => {
                    return Ok(Page {
                        events,
                        next_cursor: None,
                    });
                }
                Step::Pause => {}
                Step::Record(mut record) => {
                    record.withhold_others(user);
                    events.push(*record);
                }
            }
        }
    }

    /// The records that an admin looks for.
    ///
    /// # Errors
    /// [`TrailError`].
    pub async fn search(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        search: &Search,
        most: u64,
        cursor: Option<&PresentedCursor>,
    ) -> Result<Page, TrailError> {
        let asked = search.asked();
        let user = search.user.map(|user| user.to_string()).unwrap_or_default();
        let query = asked.iter().fold(user, |query, (name, value)| {
            format!("{query}\n{name}={value}")
        });
        let scope = CursorScope {
            caller: caller.user.id,
            endpoint: meta.endpoint(),
            query: &query,
        };
        let before = self.beginning(&scope, search.to, cursor)?;
        let from = search.from.unwrap_or(Timestamp::EPOCH);
        let walk = self.store.walk(search.whose(), from, before);
        let page = self
            .page(walk, &scope, most, |record| search.fits(record))
            .await?;
        let actor = Actor::Admin(caller.user.id, caller.session.id);
        let entry = asked.into_iter().fold(
            actor.sign(self.store.entry(meta)),
            |entry, (name, value)| entry.text(name, value),
        );
        let entry = entry.text("found", page.events.len());
        self.store
            .record(
                &search
                    .user
                    .map_or(entry.clone(), |user| Entry::user(entry, user)),
            )
            .await?;
        Ok(page)
    }

    /// Where a page begins.
    fn beginning(
        &self,
        scope: &CursorScope<'_>,
        to: Option<Timestamp>,
        cursor: Option<&PresentedCursor>,
    ) -> Result<EventId, CursorError> {
        match cursor {
            Some(cursor) => {
                let place = self.cursors.open(scope, cursor, self.store.now())?;
                Ok(EventId::new(place))
            }
            None => Ok(self.newest(to)),
        }
    }

    /// Where the first page begins. No record is later; days that are still to come need not be walked through.
    fn newest(&self, to: Option<Timestamp>) -> EventId {
        let end = self.store.now().plus(SKEW);
        let last = to.map_or(end, |to| to.min(end));
        EventId::floor_at(last.plus(std::time::Duration::from_millis(1)))
    }

    /// Up to `most` records that are `wanted`, and where more may be.
    async fn page(
        &self,
        mut walk: Walk<'_>,
        scope: &CursorScope<'_>,
        most: u64,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Page, StoreError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut events: Vec<Record> = Vec::new();
        let next = loop {
            if walk.queries >= MOST_QUERIES || walk.passed >= MOST_PASSED {
                break Some(walk.position());
            }
            match walk.next().await? {
                Step::End => break None,
                Step::Record(record) if wanted(&record) => {
                    if events.len() == most {
                        break events.last().map(|last| last.event_id);
                    }
                    events.push(*record);
                }
                Step::Pause | Step::Record(_) => {}
            }
        };
        Ok(Page {
            events,
            next_cursor: next.map(|place| self.cursors.seal(scope, place.uuid(), self.store.now())),
        })
    }
}
