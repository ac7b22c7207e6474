//! Random orders of what an owner, a thief and a stranger can do to an account, played against the whole service.
//!
//! After each order the owner, who has the mailbox of the first address, gets the account: back where it has moved away less
//! than the take-back time ago, and else a new one. Then nothing that the others have gathered opens it, no password counts
//! that an address was registered with beside another one, and neither of them is an admin. The rules are those of
//! `docs/adr/0024-recovery.md`.
//!
//! `RECOVERY_ORDERS` sets how many orders each of the two tests plays.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use bundle_tests::TestApp;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use tokio::runtime::{Builder, Runtime};

use crate::recovery_orders::{AnyOrder, Begin, Known, ManyMoves, Step, Who};
use crate::recovery_world::{World, admin_address};

/// Orders that each test plays where nothing else is asked for.
const ORDERS: u32 = 1_000;
/// Orders that one service serves: what earlier ones have left slows the tables down.
const ORDERS_OF_A_SERVICE: usize = 25;
const WEEK: u64 = 7 * 86_400;

/// A service, and how many orders it has served.
struct Stage {
    runtime: Runtime,
    app: TestApp,
    served: usize,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let app = runtime.block_on(start());
        Self {
            runtime,
            app,
            served: 0,
        }
    }

    fn next(&mut self) -> usize {
        self.served += 1;
        if self.served == ORDERS_OF_A_SERVICE {
            self.app = self.runtime.block_on(start());
            self.served = 0;
        }
        self.served
    }
}

async fn start() -> TestApp {
    let admins: Vec<_> = (0..ORDERS_OF_A_SERVICE).map(admin_address).collect();
    // A rule that reads the clock twice must not need both readings to be equal.
    TestApp::ticking(&[("ADMIN_EMAILS", &admins.join(","))]).await
}

fn play_orders<Orders: ReferenceStateMachine<State = Known, Transition = Step>>(longest: usize) {
    let asked = std::env::var("RECOVERY_ORDERS")
        .ok()
        .and_then(|orders| orders.parse().ok());
    let config = Config {
        cases: asked.unwrap_or(ORDERS),
        failure_persistence: None,
        ..Config::default()
    };
    let stage = RefCell::new(Stage::new());
    let orders = Orders::sequential_strategy(2..=longest);
    let outcome = TestRunner::new(config).run(&orders, |(known, steps, seen)| {
        let mut stage = stage.borrow_mut();
        let number = stage.next();
        let order = async {
            let mut world = World::begin(&stage.app, known.begin, number).await;
            for step in &steps {
                world.play(step).await;
                // Steps that were not reached are left out first when a failing order is made smaller.
                if let Some(seen) = &seen {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
            }
            world.end().await
        };
        stage.runtime.block_on(order).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn only_the_owner_of_the_first_mailbox_has_the_account_in_the_end() {
    play_orders::<AnyOrder>(8);
}

#[test]
fn a_thief_who_moves_the_account_again_and_again_never_keeps_it() {
    play_orders::<ManyMoves>(9);
}

#[test]
fn an_account_is_lost_to_its_first_address_only_after_the_take_back_time() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for (wait, recoverable) in [(WEEK - 60, true), (WEEK, false)] {
            let app = TestApp::start().await;
            let mut world = World::begin(&app, Begin::Robbed, 0).await;
            for step in [
                Step::Move(Who::Thief, 2),
                Step::Confirm(Who::Thief, 0),
                Step::Wait(wait),
            ] {
                world.play(&step).await;
            }
            let account = world.account.clone().expect("an account");
            assert_eq!(
                world.is_recoverable(&account).await,
                recoverable,
                "after {wait} s"
            );
            assert_eq!(world.end().await, Ok(()), "after {wait} s");
        }
    });
}
