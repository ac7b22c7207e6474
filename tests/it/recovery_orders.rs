//! The orders of the recovery model, as a state machine: which acts can follow which.
//!
//! The state knows only who may have what by now, so that few acts of an order come to nothing. It does not know the rules of
//! recovery: those are the service's.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::Union;
use proptest_state_machine::ReferenceStateMachine;

const DAY: u64 = 86_400;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Has the mailboxes of the first address and of one more.
    Owner,
    /// Has two mailboxes, and where the account has begun, its password and a session.
    Thief,
    /// Has one mailbox and has never known a password of the owner.
    Stranger,
}

impl Who {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Thief, Self::Stranger];
}

/// An address, by its number in [`crate::recovery_world::World::addresses`].
pub type Address = usize;
/// The owner's first address.
pub const FIRST: Address = 0;
/// Whose mailbox each address is.
pub const MAILBOXES: [Who; 5] = [
    Who::Owner,
    Who::Owner,
    Who::Thief,
    Who::Thief,
    Who::Stranger,
];

/// One act. The numbers choose among what there is.
#[derive(Debug, Clone)]
pub enum Step {
    /// With another password than before, or with the one that the player registered the address with last.
    Register(Who, Address, Again),
    ResendVerification(Address),
    RequestReset(Address),
    SignIn(Who, Address),
    ChangePassword(Who),
    Move(Who, Address),
    CallOff(Who),
    Confirm(Who, u8),
    FinishReset(Who, u8),
    NotMe(Who, u8),
    EndSessions(Who),
    Refresh(Who),
    Erase(Who),
    RotateAll,
    Wait(u64),
}

/// Whether the last password is used again.
pub type Again = bool;

/// What a player may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A session, which may have ended.
    Session,
    /// A mailed link that verifies an address.
    Confirmation,
    /// A mailed link that sets a password.
    Reset,
    /// A mailed "this wasn't me".
    Notice,
}

/// How an order begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// The owner has an account, whose password the thief knows and in which the thief has a session.
    Robbed,
    /// There is no account.
    Nothing,
    /// There is no account, and the first address makes its owner an admin.
    NoAdmin,
    /// The owner is an admin.
    Admin,
}

impl Begin {
    /// Whether the first address makes its owner an admin.
    pub fn is_admin(self) -> bool {
        matches!(self, Self::NoAdmin | Self::Admin)
    }

    /// Whether the owner has an account.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Robbed | Self::Admin)
    }
}

/// Who may have what.
#[derive(Debug, Clone)]
pub struct Known {
    pub begin: Begin,
    has: BTreeSet<(Who, Thing)>,
    accounts: bool,
}

impl Known {
    pub fn at(begin: Begin) -> Self {
        let mut known = Self {
            begin,
            has: BTreeSet::new(),
            accounts: begin.is_settled(),
        };
        if begin.is_settled() {
            known.gains(Who::Owner, &[Thing::Session]);
        }
        if begin == Begin::Robbed {
            known.gains(Who::Owner, &[Thing::Notice]);
            known.gains(Who::Thief, &[Thing::Session]);
        }
        known
    }

    fn gains(&mut self, who: Who, things: &[Thing]) {
        self.has.extend(things.iter().map(|thing| (who, *thing)));
    }

    fn all_gain(&mut self, thing: Thing) {
        for who in Who::ALL {
            self.gains(who, &[thing]);
        }
    }

    fn allows(&self, step: &Step) -> bool {
        let has = |who: Who, thing| self.has.contains(&(who, thing));
        match *step {
            Step::SignIn(..) => self.accounts,
            Step::ChangePassword(who)
            | Step::Move(who, _)
            | Step::CallOff(who)
            | Step::EndSessions(who)
            | Step::Refresh(who)
            | Step::Erase(who) => has(who, Thing::Session),
            Step::Confirm(who, _) => has(who, Thing::Confirmation),
            Step::FinishReset(who, _) => has(who, Thing::Reset),
            Step::NotMe(who, _) => has(who, Thing::Notice),
            Step::Register(..)
            | Step::ResendVerification(_)
            | Step::RequestReset(_)
            | Step::RotateAll
            | Step::Wait(_) => true,
        }
    }

    fn after(mut self, step: &Step) -> Self {
        use Thing::{Confirmation, Notice, Reset, Session};
        let mailbox = |address: Address| MAILBOXES.get(address).copied().expect("an address");
        match *step {
            Step::Register(_, address, _) | Step::ResendVerification(address) => {
                self.gains(mailbox(address), &[Confirmation, Reset]);
            }
            Step::RequestReset(address) => self.gains(mailbox(address), &[Reset]),
            Step::SignIn(who, address) => {
                self.gains(who, &[Session]);
                self.gains(mailbox(address), &[Notice]);
            }
            Step::Move(_, address) => {
                self.gains(mailbox(address), &[Confirmation, Reset]);
                self.all_gain(Notice);
            }
            Step::ChangePassword(_) => self.all_gain(Notice),
            Step::Confirm(..) | Step::FinishReset(..) => {
                self.accounts = true;
                self.all_gain(Notice);
            }
            Step::NotMe(who, _) => self.gains(who, &[Reset]),
            _ => {}
        }
        self
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![2 => Just(Who::Owner), 3 => Just(Who::Thief), 1 => Just(Who::Stranger)]
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![3 => Just(FIRST), 1 => 0..MAILBOXES.len()]
}

/// The thief and the stranger move accounts to any address, the owner only to the owner's.
fn a_move() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..2_usize).prop_map(|to| Step::Move(Who::Owner, to)),
        3 => (0..MAILBOXES.len()).prop_map(|to| Step::Move(Who::Thief, to)),
        1 => (0..MAILBOXES.len()).prop_map(|to| Step::Move(Who::Stranger, to)),
    ]
}

fn wait() -> impl Strategy<Value = Step> {
    prop_oneof![Just(1), Just(600), Just(DAY), Just(3 * DAY)].prop_map(Step::Wait)
}

/// Every act, with how often it is tried.
fn acts() -> Vec<(u32, BoxedStrategy<Step>)> {
    vec![
        (
            3,
            (who(), address(), any::<Again>())
                .prop_map(|(who, to, again)| Step::Register(who, to, again))
                .boxed(),
        ),
        (1, address().prop_map(Step::ResendVerification).boxed()),
        (2, address().prop_map(Step::RequestReset).boxed()),
        (
            4,
            (who(), address())
                .prop_map(|(who, at)| Step::SignIn(who, at))
                .boxed(),
        ),
        (2, who().prop_map(Step::ChangePassword).boxed()),
        (5, a_move().boxed()),
        (1, who().prop_map(Step::CallOff).boxed()),
        (
            5,
            (who(), any::<u8>())
                .prop_map(|(who, n)| Step::Confirm(who, n))
                .boxed(),
        ),
        (
            3,
            (who(), any::<u8>())
                .prop_map(|(who, n)| Step::FinishReset(who, n))
                .boxed(),
        ),
        (
            3,
            (who(), any::<u8>())
                .prop_map(|(who, n)| Step::NotMe(who, n))
                .boxed(),
        ),
        (1, who().prop_map(Step::EndSessions).boxed()),
        (1, who().prop_map(Step::Refresh).boxed()),
        (1, who().prop_map(Step::Erase).boxed()),
        (1, Just(Step::RotateAll).boxed()),
        (3, wait().boxed()),
    ]
}

/// Orders of everything.
pub struct AnyOrder;

impl ReferenceStateMachine for AnyOrder {
    type State = Known;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Known> {
        let begin = prop_oneof![
            3 => Just(Begin::Robbed), 3 => Just(Begin::Nothing), 2 => Just(Begin::NoAdmin), 1 => Just(Begin::Admin)
        ];
        begin.prop_map(Known::at).boxed()
    }

    fn transitions(_: &Known) -> BoxedStrategy<Step> {
        Union::new_weighted(acts()).boxed()
    }

    fn apply(state: Known, step: &Step) -> Known {
        state.after(step)
    }

    fn preconditions(state: &Known, step: &Step) -> bool {
        state.allows(step)
    }
}

/// Orders of a thief who moves the owner's account again and again.
pub struct ManyMoves;

impl ReferenceStateMachine for ManyMoves {
    type State = Known;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Known> {
        Just(Known::at(Begin::Robbed)).boxed()
    }

    fn transitions(_: &Known) -> BoxedStrategy<Step> {
        let moving = vec![
            (
                10,
                (0..MAILBOXES.len())
                    .prop_map(|to| Step::Move(Who::Thief, to))
                    .boxed(),
            ),
            (
                10,
                any::<u8>()
                    .prop_map(|n| Step::Confirm(Who::Thief, n))
                    .boxed(),
            ),
            (
                6,
                (0..MAILBOXES.len())
                    .prop_map(|at| Step::SignIn(Who::Thief, at))
                    .boxed(),
            ),
        ];
        Union::new_weighted(
            moving
                .into_iter()
                .chain(acts().into_iter().map(|(_, act)| (1, act)))
                .collect(),
        )
        .boxed()
    }

    fn apply(state: Known, step: &Step) -> Known {
        state.after(step)
    }

    fn preconditions(state: &Known, step: &Step) -> bool {
        state.allows(step)
    }
}
