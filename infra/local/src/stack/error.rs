//! A local run that does not start.

use local_aws::LocalAwsError;
use local_aws::dynamodb::StreamError;
use local_aws::secrets_manager::RotationError;
use shared::config::ConfigError;
use shared::runtime::environment::StartError;
use thiserror::Error;

use crate::data_directory::DataDirectoryError;
use crate::template::TemplateError;

/// Why the local run does not start.
#[derive(Debug, Error)]
pub enum StackError {
    /// The settings; every fault.
    #[error("{}", .0.0.join("; "))]
    Settings(ConfigError),
    /// The port.
    #[error(
        "cannot listen on port {0}: {1}; choose another one with --port, such as `cargo run -- --port 9001`"
    )]
    Port(u16, std::io::Error),
    /// The data directory.
    #[error(transparent)]
    DataDirectory(#[from] DataDirectoryError),
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The AWS side.
    #[error(transparent)]
    LocalAws(#[from] LocalAwsError),
    /// The file that names the ports of the last run.
    #[error("lambda.env in the data directory cannot be replaced: {0}")]
    LastRun(std::io::Error),
    /// The outbox or the audit trail.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The endpoints.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The rotation of the keys.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// The file for functions beside this process.
    #[error("lambda.env cannot be written: {0}")]
    LambdaEnv(std::io::Error),
}
