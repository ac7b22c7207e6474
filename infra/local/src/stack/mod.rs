//! The local run, put together: gateway, endpoints, consumers, and the AWS side behind them.
//!
//! The order of the start is the order of what can be wrong: the settings, then the port, then the data directory, so
//! that a mistake is told before anything has been made. From the environment it takes only `DASHTAM_*`; what the AWS
//! SDK is told is set here, so that credentials of a real account that lie around are never used.

mod background;
mod error;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use local_aws::address::bare_address;
use local_aws::files::replace_file;
use local_aws::iam::Rights;
use local_aws::s3::expire_objects;
use local_aws::{LocalAws, Parts};
use shared::clock::{Clock as _, SystemClock};
use shared::config::{Config, PREFIX, Settings};
use shared::ground::entropy::{OsEntropy, uuid_v4};
use shared::http::{Cors, app};
use shared::runtime::environment::Environment;
use shared::runtime::lambda::{into_axum, into_request};
use shared::telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::background::{consumers, scheduled, sealing};
pub use self::error::StackError;
use crate::aws_side;
use crate::data_directory::DataDirectory;
use crate::gateway::{Behind, Gateway, Sources};
use crate::names::Names;
use crate::options::Options;
use crate::template::Template;
use crate::{endpoints, lambda_env, mail, policies, rotations, viewer};

/// How long a stop waits for requests and messages that are in flight.
const GRACE: Duration = Duration::from_secs(5);

/// How long the archive keeps an object behind its retention, as the lifecycle rule of the template does.
const ARCHIVE_SLACK: Duration = Duration::from_secs(86_400);

/// How long a stop waits for the last spans to leave.
const FLUSH: Duration = Duration::from_secs(1);

/// The running service.
pub struct Stack {
    address: SocketAddr,
    aws: LocalAws,
    stop: watch::Sender<bool>,
    gateway: JoinHandle<std::io::Result<()>>,
    telemetry: Telemetry,
    background: JoinSet<()>,
    _directory: Option<DataDirectory>,
}

impl Stack {
    /// Starts everything; when this returns, requests are served.
    ///
    /// # Errors
    /// [`StackError`]; nothing runs then.
    pub async fn start(options: &Options, settings: &Settings) -> Result<Self, StackError> {
        Config::parse(settings).map_err(StackError::Settings)?;
        let port_error = |error| StackError::Port(options.port, error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .map_err(port_error)?;
        let address = listener.local_addr().map_err(port_error)?;
        let settings = addressed(settings, address);
        let config = Config::parse(&settings).map_err(StackError::Settings)?;
        let template = Template::embedded()?;
        let directory = if options.in_memory {
            None
        } else {
            Some(DataDirectory::open(&options.data_dir)?)
        };
        let aws = start_aws(&template, &config, directory.as_ref()).await?;
        let settings = aws
            .endpoints
            .variables()
            .into_iter()
            .fold(settings, |all, (name, value)| all.with(&name, value));
        let environment = Environment::new(&settings).map_err(StackError::Settings)?;
        let environment = environment.calling_through(|sockets| aws.in_process.client(sockets));
        // Deployed, `keys-init` runs behind each deployment.
        keys_init::job(&environment.with_access_key("keys-init")).await?().await?;
        let handlers = rotations::handlers(&environment).await?;
        rotations::set_up(
            &aws.secrets,
            &config.secret_prefix,
            &template.rotations,
            &handlers,
        )
        .await?;

        let (stop, stopped) = watch::channel(false);
        let mut background = JoinSet::new();
        let consumers = consumers(&environment, &aws, &config, directory.as_ref()).await?;
        background.spawn(consumers.run(until(stopped.clone())));
        let sealing = sealing(&environment, &aws, &config, directory.as_ref()).await?;
        background.spawn(sealing.run(until(stopped.clone())));
        for scheduled in scheduled(&environment).await? {
            background.spawn(scheduled.run(until(stopped.clone())));
        }
        background.spawn(mail::retention::run(
            aws.mailbox.clone(),
            environment.store(),
            until(stopped.clone()),
        ));
        let retention = config.audit.retention + ARCHIVE_SLACK;
        background.spawn(expire_objects(
            aws.archive.clone(),
            retention,
            until(stopped.clone()),
        ));
        let behind = Behind {
            app: app(endpoints::all(&environment).await?, environment.app()),
            to_app: |event| into_axum(into_request(event)),
            local: mail::router(aws.mailbox.clone()).merge(viewer::router()),
        };
        let gateway = Gateway::new(
            &template,
            config.rate_limits.scale,
            behind,
            Cors::new(&config.network),
            sources(),
        );
        if let Some(directory) = &directory {
            let text = lambda_env::render(&aws.endpoints, directory, own(&settings));
            replace_file(&directory.file(lambda_env::FILE), text.as_bytes())
                .map_err(StackError::LambdaEnv)?;
        }
        Ok(Self {
            address,
            aws,
            gateway: tokio::spawn(gateway.serve(listener, until(stopped))),
            background,
            stop,
            telemetry: environment.telemetry(),
            _directory: directory,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The AWS side.
    #[must_use]
    pub fn aws(&self) -> &LocalAws {
        &self.aws
    }

    /// Takes no new requests, and waits a few seconds for what is in flight. What is not finished then is no
    /// loss: an unanswered write is whole or not there, and an unfinished message comes again.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let both = async { (self.gateway.await, self.background.join_all().await) };
        if tokio::time::timeout(GRACE, both).await.is_err() {
            tracing::warn!("some requests were still in flight at the end");
        }
        self.telemetry.flush(FLUSH).await;
    }
}

/// The AWS side with what the last run has left.
async fn start_aws(
    template: &Template,
    config: &Config,
    directory: Option<&DataDirectory>,
) -> Result<LocalAws, StackError> {
    let names = Names {
        table_prefix: &config.table_prefix,
        secret_prefix: &config.secret_prefix,
        sender: bare_address(&config.mail.from),
    };
    let rights = Rights::new(Arc::new(policies::read(&template.document, names)?));
    let last = directory.map(lambda_env::retire).transpose();
    let parts = Parts {
        directory: directory.map(DataDirectory::path),
        last: last.map_err(StackError::LastRun)?.flatten(),
        ..aws_side::parts(
            template,
            names,
            Arc::new(SystemClock),
            Arc::new(OsEntropy),
            rights,
        )
    };
    Ok(LocalAws::start(parts).await?)
}

/// The settings with the address that this run has in place of the default one.
fn addressed(settings: &Settings, address: SocketAddr) -> Settings {
    let url = format!("http://{address}");
    settings
        .clone()
        .with_default("DASHTAM_APP_BASE_URL", url.clone())
        .with_default("DASHTAM_ISSUER", url)
}

/// The service's own settings.
fn own(settings: &Settings) -> impl Iterator<Item = (String, String)> {
    settings
        .beginning_with(PREFIX)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn sources() -> Sources {
    Sources {
        epoch_millis: || SystemClock.now().as_millis(),
        request_id: || uuid_v4(&OsEntropy),
    }
}

/// Resolves when the channel says so, or when its sender is gone.
async fn until(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}
