//! Failures on demand, for the tests of what sends mail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What goes wrong with one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `TooManyRequestsException` (429); the mail is not taken.
    TooManyRequests,
    /// An internal error (500); the mail is not taken.
    InternalError,
    /// The mail is taken, and the connection closed before the answer.
    DropAnswer,
}

/// The switch; cheap to clone, all clones are one. Every request to send uses up one planned fault,
/// and so does each retry of an SDK client.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    down: bool,
    next: VecDeque<(usize, Fault)>,
}

/// What a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Works,
    Fails(Fault),
    /// The connection closes before the request is read.
    Down,
}

impl Faults {
    /// Makes `count` sends fail, after those that were planned before.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        self.lock().next.push_back((count, fault));
    }

    /// Takes the service down, until it is brought up again. Planned faults wait meanwhile.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// Forgets everything that was planned; the service works.
    pub fn clear(&self) {
        *self.lock() = Plan::default();
    }

    /// What the next request meets.
    pub(super) fn take(&self) -> Outcome {
        let mut plan = self.lock();
        if plan.down {
            return Outcome::Down;
        }
        while let Some((left, fault)) = plan.next.front_mut() {
            if let Some(rest) = left.checked_sub(1) {
                *left = rest;
                return Outcome::Fails(*fault);
            }
            plan.next.pop_front();
        }
        Outcome::Works
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_order_in_which_they_were_planned() {
        let faults = Faults::default();
        faults.fail_next(2, Fault::InternalError);
        faults.fail_next(0, Fault::DropAnswer);
        faults.fail_next(1, Fault::TooManyRequests);
        let met: Vec<Outcome> = (0..4).map(|_| faults.take()).collect();
        assert_eq!(
            met,
            [
                Outcome::Fails(Fault::InternalError),
                Outcome::Fails(Fault::InternalError),
                Outcome::Fails(Fault::TooManyRequests),
                Outcome::Works,
            ]
        );
    }

    #[test]
    fn being_down_uses_up_no_planned_fault() {
        let faults = Faults::default();
        faults.fail_next(1, Fault::InternalError);
        faults.set_down(true);
        assert_eq!(faults.take(), Outcome::Down);
        faults.set_down(false);
        assert_eq!(faults.take(), Outcome::Fails(Fault::InternalError));
        faults.fail_next(1, Fault::InternalError);
        faults.clear();
        assert_eq!(faults.take(), Outcome::Works);
    }
}
