//! The service under test.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use dashtam_local::aws_side;
use dashtam_local::consumers::{Consumers, Handlers};
use dashtam_local::sealing::Sealing;
use local_aws::LocalAws;
use local_aws::dynamodb::{Checkpoint, TableStream};
use local_aws::iam::{Policies, Rights};
use shared::clock::{Clock, MockClock, SystemClock};
use shared::config::Settings;
use shared::domain::Timestamp;
use shared::ground::entropy::OsEntropy;
use shared::http::app;
use shared::runtime::environment::Environment;
use shared::work::consumer;
use tokio::sync::Mutex;
use tower::ServiceExt;

use crate::client::{Actor, Answer};
use crate::description::assert_promised;
use crate::faults::Proxy;
use crate::log::Log;
use crate::rights::{self, Watch};
use crate::ticking_clock::TickingClock;

/// When every test begins.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The service with everything behind it.
pub struct TestApp {
    /// All endpoints.
    pub router: Router,
    /// What they were built from, with an operator's access key.
    pub environment: Environment,
    /// The clock that all of it goes by.
    pub clock: Arc<MockClock>,
    /// The proxy before the tables.
    pub proxy: Proxy,
    /// The AWS side.
    pub aws: LocalAws,
    /// The metrics, where they are switched on.
    pub metrics: Log,
    settings: Settings,
    /// What the service reads: [`Self::clock`], or one that moves it at each reading.
    read_clock: Arc<dyn Clock>,
    consumers: Mutex<Consumers<consumer::Failure>>,
    sealing: Mutex<Sealing>,
    _watch: Watch,
}

impl TestApp {
    /// The service with default settings and cheap hashes.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The service with these settings, named without their prefix.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::under(rights::policies(), settings).await
    }

    /// The service under other policies than the template's.
    pub async fn under(policies: Arc<Policies>, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(MockClock::at(START));
        Self::begun(clock.clone(), clock, policies, settings).await
    }

    /// The service with a clock that is a millisecond later at each reading.
    pub async fn ticking(settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(MockClock::at(START));
        let ticking = Arc::new(TickingClock::new(clock.clone()));
        Self::begun(clock, ticking, rights::policies(), settings).await
    }

    /// The service beside functions that run as processes, which go by the system's clock. What they use of their rights is
    /// written down nowhere: they are the same functions that `it` calls.
    pub async fn beside_processes(settings: &[(&str, &str)]) -> Self {
        let policies = Arc::new(rights::read(rights::template()));
        // Behind the processes by more than what tests let pass.
        let begin = Timestamp::from_millis(SystemClock.now().as_millis() - 60_000);
        let clock = Arc::new(MockClock::at(begin));
        Self::begun(clock.clone(), clock, policies, settings).await
    }

    async fn begun(
        clock: Arc<MockClock>,
        read_clock: Arc<dyn Clock>,
        policies: Arc<Policies>,
        settings: &[(&str, &str)],
    ) -> Self {
        let template = rights::template();
        let parts = aws_side::parts(
            template,
            rights::NAMES,
            clock.clone(),
            Arc::new(OsEntropy),
            Rights::new(policies),
        );
        let aws = LocalAws::start(parts).await.expect("the AWS side");
        let (proxy, address) = Proxy::start(&aws, aws.endpoints.dynamodb).await;
        let local = aws
            .endpoints
            .variables()
            .into_iter()
            .fold(Settings::default(), |all, (name, value)| {
                all.with(&name, value)
            });
        let local = local
            .with("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{address}"))
            .with("DASHTAM_ARGON2_MEMORY_KIB", "64")
            .with("DASHTAM_ARGON2_ITERATIONS", "1");
        let settings = settings.iter().fold(local, |all, (name, value)| {
            all.with(&format!("DASHTAM_{name}"), *value)
        });
        let environment = Environment::with(&settings, read_clock.clone(), Arc::new(OsEntropy))
            .expect("valid settings");
        let metrics = Log::default();
        let environment = environment.measured_by(metrics.clone());
        let environment = environment.calling_through(|sockets| aws.in_process.client(sockets));
        keys_init::job(&environment.with_access_key("keys-init"))
            .await
            .expect("a job")()
        .await
        .expect("keys");
        let handlers = dashtam_local::rotations::handlers(&environment)
            .await
            .expect("rotations");
        let set_up = dashtam_local::rotations::set_up(
            &aws.secrets,
            "dashtam-local/",
            &template.rotations,
            &handlers,
        );
        set_up.await.expect("the rotations of the template");
        let endpoints = dashtam_local::endpoints::all(&environment)
            .await
            .expect("endpoints");
        let stream = TableStream::open(aws.database.clone(), "dashtam-local-outbox", None)
            .expect("a stream");
        let handlers = Handlers {
            mailer: outbox_mailer::consumer(&environment.with_access_key("outbox-mailer"))
                .await
                .expect("a mailer"),
            sweeper: outbox_sweeper::consumer(&environment.with_access_key("outbox-sweeper"))
                .await
                .expect("a sweeper"),
        };
        let consumers = Consumers::new(
            stream,
            Checkpoint::open(None).expect("a checkpoint"),
            None,
            handlers,
        );
        let stream =
            TableStream::open(aws.database.clone(), "dashtam-local-audit", None).expect("a stream");
        let sealer = audit_sealer::consumer(&environment.with_access_key("audit-sealer"))
            .await
            .expect("a sealer");
        let sealing = Sealing::new(
            stream,
            Checkpoint::open(None).expect("a checkpoint"),
            sealer,
        );
        let router = app(endpoints, environment.app());
        proxy.take_calls();
        metrics.clear();
        let (consumers, sealing, watch) = (
            Mutex::new(consumers),
            Mutex::new(sealing),
            Watch::over(&aws.rights),
        );
        Self {
            router,
            environment,
            clock,
            proxy,
            aws,
            metrics,
            settings,
            read_clock,
            consumers,
            sealing,
            _watch: watch,
        }
    }

    /// What a function is built from: the same with the function's own access key.
    #[must_use]
    pub fn function(&self, name: &str) -> Environment {
        self.environment.with_access_key(name)
    }

    /// The same tables and keys behind a service with other settings, named in full.
    pub async fn router_with(&self, settings: &[(&str, &str)]) -> Router {
        let environment = self.environment_with(settings);
        let endpoints = dashtam_local::endpoints::all(&environment)
            .await
            .expect("endpoints");
        app(endpoints, environment.app())
    }

    /// The service's settings, named in full.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A process that starts now, with other settings, named in full.
    #[must_use]
    pub fn environment_with(&self, settings: &[(&str, &str)]) -> Environment {
        let all = settings
            .iter()
            .fold(self.settings.clone(), |all, (name, value)| {
                all.with(name, *value)
            });
        let environment = Environment::with(&all, self.read_clock.clone(), Arc::new(OsEntropy))
            .expect("valid settings");
        let environment = environment.measured_by(self.metrics.clone());
        environment.calling_through(|sockets| self.aws.in_process.client(sockets))
    }

    /// A client without an account.
    #[must_use]
    pub fn anonymous(&self) -> Actor<'_> {
        Actor::new(self)
    }

    /// Registers, verifies and logs in `email` with [`crate::PASSWORD`].
    pub async fn logged_in(&self, email: &str) -> Actor<'_> {
        self.verified(email).await;
        self.anonymous().log_in(email, crate::PASSWORD).await
    }

    /// Registers, verifies and logs in `email` as an admin.
    pub async fn admin(&self, email: &str) -> Actor<'_> {
        let admin = self.logged_in(email).await;
        self.db_grant_admin(email).await;
        admin
    }

    /// Registers and verifies `email`.
    pub async fn verified(&self, email: &str) {
        self.registered(email).await;
        let confirmation = self.mailed_tokens(email, "dvt_").await.into_iter().next();
        let (path, body) = if let Some(token) = confirmation {
            ("verify-email", serde_json::json!({ "token": token }))
        } else {
            // Who verifies the address of an admin sets the password with it.
            let token = self.mailed(email, "drs_").await;
            (
                "reset-password",
                serde_json::json!({ "token": token, "new_password": crate::PASSWORD }),
            )
        };
        self.anonymous()
            .at(&fresh_address())
            .post(&format!("/api/v1/auth/{path}"), &body)
            .await
            .assert(200);
    }

    /// Registers `email`.
    pub async fn registered(&self, email: &str) {
        let body = serde_json::json!({ "email": email, "password": crate::PASSWORD, "name": "Ada Lovelace" });
        // Each from an address of its own: tests of limits ask for them.
        self.anonymous()
            .at(&fresh_address())
            .post("/api/v1/auth/register", &body)
            .await
            .assert(201);
    }

    /// How many password hashes the service has computed.
    #[must_use]
    pub fn hashes(&self) -> u64 {
        self.environment.hasher().expect("a hasher").computed()
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Sets the clock back, as that of a machine that was ahead.
    pub fn set_back(&self, seconds: u64) {
        self.clock
            .set(self.clock.now().minus(Duration::from_secs(seconds)));
    }

    /// Lets the consumers do what is waiting; how many messages wait for another attempt.
    pub async fn drain(&self) -> usize {
        self.consumers.lock().await.drain().await
    }

    /// Releases the digests of notices that are due, as the schedule does every few minutes.
    pub async fn release_digests(&self) {
        let job = outbox_digests::job(&self.function("outbox-digests"))
            .await
            .expect("a job");
        job().await.expect("released");
    }

    /// Lets the sealer take what is in the audit table's stream; whether it has taken all of it.
    pub async fn seal(&self) -> bool {
        self.sealing.lock().await.drain().await
    }

    /// Hands the newest outbox row to the mailer once more, as a queue does that delivers at least once.
    ///
    /// # Errors
    /// What the mailer says.
    pub async fn redeliver(&self) -> Result<(), consumer::Failure> {
        let mut rows: Vec<_> = self.db_items("outbox", "OUTBOX#").await;
        rows.sort_by_key(|row| crate::text(row, "id").unwrap_or_default().to_owned());
        let newest = rows
            .last()
            .and_then(|row| crate::text(row, "pk"))
            .expect("a row")
            .to_owned();
        let mailer = outbox_mailer::consumer(&self.function("outbox-mailer"))
            .await
            .expect("a mailer");
        mailer(serde_json::json!({ "row": newest }).to_string()).await
    }

    /// The newest mailed token with `prefix` to `email`.
    pub async fn mailed(&self, email: &str, prefix: &str) -> String {
        self.mailed_tokens(email, prefix)
            .await
            .into_iter()
            .next()
            .expect("a mail with a token")
    }

    /// All mailed tokens with `prefix` to `email`, newest first.
    pub async fn mailed_tokens(&self, email: &str, prefix: &str) -> Vec<String> {
        self.drain().await;
        let texts = self
            .aws
            .mailbox
            .messages(Some(email))
            .into_iter()
            .map(|message| message.text);
        texts.filter_map(|text| token_in(&text, prefix)).collect()
    }

    /// The subjects of all mails to `email`, newest first.
    pub async fn subjects(&self, email: &str) -> Vec<String> {
        self.drain().await;
        self.aws
            .mailbox
            .messages(Some(email))
            .into_iter()
            .map(|message| message.subject)
            .collect()
    }

    /// Sends a request.
    pub async fn send(&self, request: http::Request<Body>) -> Answer {
        Self::send_to(self.router.clone(), request).await
    }

    pub(crate) async fn send_to(router: Router, request: http::Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = Answer::read(router.oneshot(request).await.expect("infallible")).await;
        assert_promised(&method, &path, &answer);
        answer
    }
}

fn token_in(text: &str, prefix: &str) -> Option<String> {
    let start = text.find(prefix)?;
    let rest = text.get(start..)?;
    Some(
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            .collect(),
    )
}

/// An address that no other client of this process has.
#[must_use]
pub fn fresh_address() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [_, b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("10.{b}.{c}.{d}")
}
