//! What carries a rotation through: calls its function with the four steps, and begins what is due.
//!
//! The rules are those of
//! [AWS](https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html): a rotation is
//! unfinished as long as one version carries `AWSPENDING` and not `AWSCURRENT`. Its steps are called in their
//! order; when one fails, all are called again, with the same version. So a function must be able to repeat
//! them.
//!
//! At most one driver works on a secret. What is asked for meanwhile waits for it to end, so that a rotation
//! begun in the moment in which the last one ends is not lost. The labels are in the secrets' file, so after a
//! crash the unfinished rotations go on as soon as their functions are registered.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::SecretsManager;
use super::operations;
use super::rotation_function::{RotationEvent, RotationFunction, Step, function_arn};
use super::secret::{CURRENT, PENDING, Secret};
use super::state::Account;

/// How often the schedules are looked at.
const TICK: Duration = Duration::from_secs(60);
/// The longest that a step may take.
const STEP_LIMIT: Duration = Duration::from_secs(15);
/// The rests between the tries; after the try behind the last one, the rotation is left pending.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

impl SecretsManager {
    /// Makes `handler` the rotation function of this name and gives its ARN. Rotations that it left unfinished,
    /// in this process or in one before, go on. Blocks while the secrets' file is written.
    pub fn register(&self, name: &str, handler: RotationFunction) -> String {
        let arn = function_arn(name);
        let rotations = &self.0.account.rotations;
        rotations.register(&arn, handler);
        for secret in self.vault().all() {
            let is_its = secret
                .rotation
                .as_ref()
                .is_some_and(|rotation| rotation.lambda_arn == arn);
            if is_its && secret.unfinished().is_some() {
                rotations.ask(&secret.arn);
            }
        }
        arn
    }

    /// Carries rotations through, and begins those that are due, until it is dropped. It must run once.
    pub async fn drive_rotations(self) {
        let rotations = &self.0.account.rotations;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drivers = JoinSet::new();
        let mut driven = BTreeSet::new();
        loop {
            for secret in rotations.take(&driven) {
                let server = self.clone();
                driven.insert(secret.clone());
                drivers.spawn(async move {
                    server.drive(&secret).await;
                    secret
                });
            }
            tokio::select! {
                () = rotations.woken() => {}
                Some(Ok(secret)) = drivers.join_next() => { driven.remove(&secret); }
                _ = tick.tick() => self.rotate_due().await,
            }
        }
    }

    /// Begins the rotations that are due by their schedule. What cannot be stored is begun the next time.
    pub async fn rotate_due(&self) {
        let begun = self
            .blocking(|server| server.change(operations::begin_due))
            .await
            .flatten();
        if let Err(error) = begun {
            tracing::warn!(%error, "due rotations are not begun");
        }
    }

    /// Tries the unfinished rotation of a secret until it is finished, or its tries are used up.
    async fn drive(&self, secret: &str) {
        let mut pauses = PAUSES.into_iter();
        while let Some((version, handler)) = self.unfinished(secret).await {
            let Err(failure) = self.take_steps(secret, &version, &handler).await else {
                return;
            };
            let Some(pause) = pauses.next() else {
                tracing::error!(secret, version, failure, "a rotation is left pending");
                return;
            };
            tracing::warn!(secret, version, failure, "a rotation is tried again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes all steps, unless the rotation is given up in between.
    async fn take_steps(
        &self,
        secret: &str,
        version: &str,
        handler: &RotationFunction,
    ) -> Result<(), String> {
        for step in Step::ALL {
            if !self.goes_on(secret, version).await {
                return Ok(());
            }
            let (secret_id, client_request_token) = (secret.to_owned(), version.to_owned());
            let event = RotationEvent {
                step,
                secret_id,
                client_request_token,
            };
            call(handler, event)
                .await
                .map_err(|failure| format!("{step:?}: {failure}"))?;
        }
        match self.unfinished(secret).await {
            Some((pending, _)) if pending == version => {
                Err("the steps are done, the version is not current".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The version that a rotation is making, and the function for it. `None` where nothing is to be done: all
    /// is finished, or its function or the secret is gone.
    async fn unfinished(&self, secret: &str) -> Option<(String, RotationFunction)> {
        self.look(secret, |account, secret| {
            let function = &secret.rotation.as_ref()?.lambda_arn;
            let handler = account.rotations.function(function)?;
            Some((secret.unfinished()?.id.clone(), handler))
        })
        .await
    }

    /// Whether a rotation that makes `version` is still wanted. The label moves within the steps, so it may be
    /// either.
    async fn goes_on(&self, secret: &str, version: &str) -> bool {
        let version = version.to_owned();
        let found = self.look(secret, move |_, secret| {
            let stages = &secret.version(&version)?.stages;
            (stages.contains(PENDING) || stages.contains(CURRENT)).then_some(())
        });
        found.await.is_some()
    }

    async fn look<T: Send + 'static>(
        &self,
        secret: &str,
        look: impl FnOnce(&Account, &Secret) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let id = secret.to_owned();
        let looked =
            self.blocking(move |server| look(&server.0.account, server.vault().find(&id).ok()?));
        looked.await.ok().flatten()
    }
}

/// Calls a rotation function, whose panic or dawdling is a failure like any other.
async fn call(handler: &RotationFunction, event: RotationEvent) -> Result<(), String> {
    let outcome = AssertUnwindSafe(async move { handler(event).await }).catch_unwind();
    match tokio::time::timeout(STEP_LIMIT, outcome).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("the function panicked".to_owned()),
        Err(_) => Err(format!(
            "the function took more than {} s",
            STEP_LIMIT.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::testing::{self, MockClock, TempDir};

    const CREATE: Step = Step::CreateSecret;
    const SET: Step = Step::SetSecret;
    const TEST: Step = Step::TestSecret;
    const FINISH: Step = Step::FinishSecret;
    const HOUR: Duration = Duration::from_hours(1);

    /// What a rotation function does in a step.
    #[derive(Clone, Copy)]
    enum Deed {
        /// What a good one does.
        Work,
        Nothing,
        Fail,
        Panic,
        Hang,
        /// Works, and asks for the next rotation at once.
        RotateAgain,
    }

    /// A server with the secret `keys`, whose version `a` is current.
    struct Run {
        server: SecretsManager,
        clock: MockClock,
        driver: JoinHandle<()>,
        /// Every call, with the time since the start.
        calls: mpsc::UnboundedReceiver<(RotationEvent, Duration)>,
        called: mpsc::UnboundedSender<(RotationEvent, Duration)>,
    }

    /// A token as long as tokens must be.
    fn token(name: &str) -> String {
        format!("{name:-<36}")
    }

    async fn post(server: &SecretsManager, operation: &str, body: Value) -> (u16, Value) {
        testing::send(
            server.router(),
            &format!("secretsmanager.{operation}"),
            &body.to_string(),
        )
        .await
    }

    async fn done(server: &SecretsManager, operation: &str, body: Value) -> Value {
        let (status, answer) = post(server, operation, body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    async fn work(server: &SecretsManager, event: &RotationEvent) {
        let RotationEvent {
            step,
            secret_id,
            client_request_token: token,
        } = event;
        if *step == CREATE {
            let body = json!({ "SecretId": secret_id, "ClientRequestToken": token, "SecretString": "new",
                "VersionStages": [PENDING] });
            done(server, "PutSecretValue", body).await;
        }
        if *step == FINISH {
            let current = done(server, "GetSecretValue", json!({ "SecretId": secret_id })).await;
            let body = json!({ "SecretId": secret_id, "VersionStage": CURRENT, "MoveToVersionId": token,
                "RemoveFromVersionId": current["VersionId"] });
            done(server, "UpdateSecretVersionStage", body).await;
        }
    }

    impl Run {
        async fn start(path: Option<PathBuf>) -> Self {
            let run = Self::open(path);
            let body =
                json!({ "Name": "keys", "SecretString": "old", "ClientRequestToken": token("a") });
            done(&run.server, "CreateSecret", body).await;
            run
        }

        fn open(path: Option<PathBuf>) -> Self {
            let clock = testing::clock();
            let server = SecretsManager::open(path, clock.reader(), testing::entropy()).unwrap();
            let driver = tokio::spawn(server.clone().drive_rotations());
            let (called, calls) = mpsc::unbounded_channel();
            Self {
                server,
                clock,
                driver,
                calls,
                called,
            }
        }

        /// Registers a function, which is told its deeds by step and by the number of the try, from 1.
        fn register(&self, deed: impl Fn(Step, usize) -> Deed + Send + Sync + 'static) {
            self.register_behind(Arc::new(Semaphore::new(1_000)), deed);
        }

        /// As [`Self::register`]; each call waits for a permit of `gate` and keeps it.
        fn register_behind(
            &self,
            gate: Arc<Semaphore>,
            deed: impl Fn(Step, usize) -> Deed + Send + Sync + 'static,
        ) {
            let (server, called, start) =
                (self.server.clone(), self.called.clone(), Instant::now());
            let tries = AtomicUsize::new(0);
            let handler: RotationFunction = Arc::new(move |event| {
                let (server, called, gate) = (server.clone(), called.clone(), gate.clone());
                let count = tries.fetch_add(usize::from(event.step == CREATE), Ordering::SeqCst);
                let deed = deed(event.step, count + usize::from(event.step == CREATE));
                Box::pin(async move {
                    gate.acquire().await.unwrap().forget();
                    if let Deed::Work | Deed::RotateAgain = deed {
                        work(&server, &event).await;
                    }
                    let secret =
                        json!({ "SecretId": event.secret_id, "ClientRequestToken": token("next") });
                    called.send((event, start.elapsed())).unwrap();
                    match deed {
                        Deed::Work | Deed::Nothing => {}
                        Deed::Fail => return Err("told to fail".to_owned()),
                        Deed::Panic => panic!("told to panic"),
                        Deed::Hang => std::future::pending().await,
                        Deed::RotateAgain => {
                            post(&server, "RotateSecret", secret).await;
                            // The request is seen before this step ends.
                            tokio::task::yield_now().await;
                        }
                    }
                    Ok(())
                })
            });
            self.server.register("rotate", handler);
        }

        /// Asks for a rotation that makes `version`, and gives the error's name if it is refused.
        async fn rotate(&self, version: &str) -> Result<(), String> {
            let body = json!({ "SecretId": "keys", "ClientRequestToken": token(version),
                "RotationLambdaARN": function_arn("rotate") });
            match post(&self.server, "RotateSecret", body).await {
                (200, _) => Ok(()),
                (_, answer) => Err(answer["__type"].as_str().unwrap().to_owned()),
            }
        }

        /// Sets up a rotation each hour.
        async fn rotate_hourly(&self) {
            let body = json!({ "SecretId": "keys", "ClientRequestToken": token("unused"), "RotateImmediately": false,
                "RotationLambdaARN": function_arn("rotate"),
                "RotationRules": { "ScheduleExpression": "rate(1 hour)" } });
            done(&self.server, "RotateSecret", body).await;
        }

        async fn describe(&self) -> Value {
            done(
                &self.server,
                "DescribeSecret",
                json!({ "SecretId": "keys" }),
            )
            .await
        }

        /// The next calls.
        async fn calls(&mut self, count: usize) -> Vec<RotationEvent> {
            let mut calls = Vec::new();
            while calls.len() < count {
                let call = tokio::time::timeout(HOUR, self.calls.recv()).await;
                calls.push(call.expect("a call").unwrap().0);
            }
            calls
        }

        /// The steps of the next calls, which must all make `version`.
        async fn steps(&mut self, version: &str, count: usize) -> Vec<Step> {
            let calls = self.calls(count).await;
            let of = |call: &RotationEvent| call.client_request_token == token(version);
            assert!(calls.iter().all(of), "{calls:?}");
            calls.into_iter().map(|call| call.step).collect()
        }

        /// Lets so much time go by that whatever is still to come would come.
        async fn assert_quiet(&mut self) {
            let call = tokio::time::timeout(HOUR, self.calls.recv()).await;
            assert!(call.is_err(), "{call:?}");
        }

        /// What each version carries.
        async fn stages(&self) -> Value {
            self.describe().await["VersionIdsToStages"].clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_four_steps_in_their_order() {
        let mut run = Run::start(None).await;
        run.register(|_, _| Deed::Work);
        run.rotate("b").await.unwrap();
        let arn = run.describe().await["ARN"].as_str().unwrap().to_owned();
        let calls = run.calls(4).await;
        for (call, step) in calls.into_iter().zip(Step::ALL) {
            assert_eq!(
                call,
                RotationEvent {
                    step,
                    secret_id: arn.clone(),
                    client_request_token: token("b")
                }
            );
        }
        assert_eq!(
            run.stages().await,
            json!({ token("a"): ["AWSPREVIOUS"], token("b"): ["AWSCURRENT", "AWSPENDING"] })
        );
        run.assert_quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_is_answered_before_the_steps_are_done() {
        let mut run = Run::start(None).await;
        let gate = Arc::new(Semaphore::new(0));
        run.register_behind(gate.clone(), |_, _| Deed::Work);
        run.rotate("b").await.unwrap();
        assert_eq!(
            run.stages().await,
            json!({ token("a"): ["AWSCURRENT"], token("b"): ["AWSPENDING"] })
        );
        gate.add_permits(4);
        assert_eq!(run.steps("b", 4).await, Step::ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_all_steps_come_again_after_a_pause_that_grows() {
        let mut run = Run::start(None).await;
        run.register(|step, count| {
            if step == SET && count < 3 {
                Deed::Fail
            } else {
                Deed::Work
            }
        });
        run.rotate("b").await.unwrap();
        let mut calls = Vec::new();
        for _ in 0..8 {
            let (event, after) = run.calls.recv().await.unwrap();
            assert_eq!(event.client_request_token, token("b"));
            calls.push((event.step, after.as_secs()));
        }
        let expected = [
            (CREATE, 0),
            (SET, 0),
            (CREATE, 1),
            (SET, 1),
            (CREATE, 3),
            (SET, 3),
            (TEST, 3),
            (FINISH, 3),
        ];
        assert_eq!(calls, expected);
        run.assert_quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_and_a_step_of_more_than_15_seconds_are_failures() {
        let mut run = Run::start(None).await;
        run.register(|step, count| match (step, count) {
            (CREATE, 1) => Deed::Panic,
            (TEST, 2) => Deed::Hang,
            _ => Deed::Work,
        });
        run.rotate("b").await.unwrap();
        let expected = [CREATE, CREATE, SET, TEST, CREATE, SET, TEST];
        assert_eq!(run.steps("b", 7).await, expected);
        let (last, after) = run.calls.recv().await.unwrap();
        assert_eq!((last.step, after.as_secs()), (FINISH, 1 + 15 + 2));
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_leave_the_version_pending_have_failed() {
        let mut run = Run::start(None).await;
        run.register(|step, count| {
            if step == FINISH && count == 1 {
                Deed::Nothing
            } else {
                Deed::Work
            }
        });
        run.rotate("b").await.unwrap();
        assert_eq!(run.steps("b", 8).await, [Step::ALL, Step::ALL].concat());
        run.assert_quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_tries_a_rotation_is_left_pending_until_the_next_request() {
        let mut run = Run::start(None).await;
        run.register(|_, count| if count <= 5 { Deed::Fail } else { Deed::Work });
        run.rotate("b").await.unwrap();
        assert_eq!(run.steps("b", 5).await, [CREATE; 5]);
        run.assert_quiet().await;
        assert_eq!(
            run.stages().await,
            json!({ token("a"): ["AWSCURRENT"], token("b"): ["AWSPENDING"] })
        );

        assert_eq!(
            run.rotate("c").await,
            Err("InvalidRequestException".to_owned())
        );
        assert_eq!(
            run.steps("b", 4).await,
            Step::ALL,
            "the refused request drives the pending rotation"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn of_parallel_requests_one_begins_a_rotation_and_it_is_driven_once() {
        let mut run = Run::start(None).await;
        let gate = Arc::new(Semaphore::new(0));
        run.register_behind(gate.clone(), |_, _| Deed::Work);
        let run_ref = &run;
        let names: Vec<_> = (0..20).map(|number| format!("v{number}")).collect();
        let answers =
            futures::future::join_all(names.iter().map(|name| run_ref.rotate(name))).await;
        let begun: Vec<_> = names
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_ok())
            .collect();
        let [(version, _)] = begun[..] else {
            panic!("{answers:?}")
        };
        gate.add_permits(1_000);
        assert_eq!(run.steps(version, 4).await, Step::ALL);
        run.assert_quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_during_a_rotation_makes_no_second_driver() {
        let mut run = Run::start(None).await;
        run.register(|step, count| {
            if step == CREATE && count == 1 {
                Deed::RotateAgain
            } else {
                Deed::Work
            }
        });
        run.rotate("b").await.unwrap();
        assert_eq!(run.steps("b", 4).await, Step::ALL);
        run.assert_quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_begun_as_the_last_one_ends_is_not_lost() {
        let mut run = Run::start(None).await;
        run.register(|step, count| {
            if step == FINISH && count == 1 {
                Deed::RotateAgain
            } else {
                Deed::Work
            }
        });
        run.rotate("b").await.unwrap();
        assert_eq!(run.steps("b", 4).await, Step::ALL);
        assert_eq!(run.steps("next", 4).await, Step::ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_that_a_crash_cut_off_goes_on_when_its_function_is_back() {
        let directory = TempDir::new();
        let path = directory.path("secrets.json");
        let mut run = Run::start(Some(path.clone())).await;
        run.register(|step, _| if step == SET { Deed::Hang } else { Deed::Work });
        run.rotate("b").await.unwrap();
        assert_eq!(run.steps("b", 2).await, [CREATE, SET]);
        run.driver.abort();
        assert!(run.driver.await.unwrap_err().is_cancelled());

        let mut run = Run::open(Some(path));
        run.assert_quiet().await;
        run.register(|_, _| Deed::Work);
        assert_eq!(run.steps("b", 4).await, Step::ALL);
        assert_eq!(
            run.stages().await[token("b")],
            json!(["AWSCURRENT", "AWSPENDING"])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_due_rotation_begins_by_itself() {
        let mut run = Run::start(None).await;
        run.register(|_, _| Deed::Work);
        run.rotate_hourly().await;
        run.clock.advance(Duration::from_millis(3_599_999));
        run.assert_quiet().await;
        run.clock.advance(Duration::from_millis(1));
        let calls = run.calls(4).await;
        assert!(
            calls
                .iter()
                .all(|call| call.client_request_token == calls[0].client_request_token)
        );
        run.assert_quiet().await;
        run.clock.advance(HOUR);
        assert_ne!(
            run.calls(1).await[0].client_request_token,
            calls[0].client_request_token
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_due_rotation_that_begins_late_is_begun_once() {
        let run = Run::start(None).await;
        run.register(|_, _| Deed::Work);
        run.driver.abort();
        run.rotate_hourly().await;
        run.clock.advance(10 * HOUR);
        for _ in 0..2 {
            run.server.rotate_due().await;
            assert_eq!(run.stages().await.as_object().unwrap().len(), 2);
        }
        let next = run.describe().await["NextRotationDate"].as_f64().unwrap();
        assert_eq!(
            Duration::from_secs_f64(next),
            Duration::from_secs(1_700_000_000) + 11 * HOUR
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pending_rotation_is_taken_up_again_when_the_next_is_due() {
        let mut run = Run::start(None).await;
        run.register(|_, count| if count <= 5 { Deed::Fail } else { Deed::Work });
        run.rotate_hourly().await;
        run.rotate("b").await.unwrap();
        assert_eq!(run.steps("b", 5).await, [CREATE; 5]);
        run.assert_quiet().await;
        run.clock.advance(HOUR);
        assert_eq!(run.steps("b", 4).await, Step::ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_due_rotation_waits_for_its_function() {
        let directory = TempDir::new();
        let path = directory.path("secrets.json");
        let run = Run::start(Some(path.clone())).await;
        run.register(|_, _| Deed::Work);
        run.rotate_hourly().await;
        run.driver.abort();

        let mut run = Run::open(Some(path));
        run.clock.advance(HOUR);
        run.assert_quiet().await;
        assert_eq!(
            run.rotate("b").await,
            Err("ResourceNotFoundException".to_owned())
        );
        assert_eq!(run.stages().await, json!({ token("a"): ["AWSCURRENT"] }));
        run.register(|_, _| Deed::Work);
        assert_eq!(run.calls(4).await.len(), 4);
    }
}
