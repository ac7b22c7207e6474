//! A binary and the environment that Lambda would start it in.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Failure;
use crate::api::Api;
use crate::process::Process;

/// As long as those that Lambda hands out: it stands in every signed request.
const SESSION_TOKEN_LENGTH: usize = 680;

/// A function: its binary, and what its template sets.
#[derive(Debug, Clone)]
pub struct Function {
    name: String,
    program: PathBuf,
    settings: Vec<(String, String)>,
}

impl Function {
    /// The function `name`, whose binary is `program`.
    #[must_use]
    pub fn new(name: &str, program: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            settings: Vec::new(),
        }
    }

    /// The same with another setting; the last of a name counts.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with other settings.
    #[must_use]
    pub fn with_all<'a>(self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        settings
            .into_iter()
            .fold(self, |function, (name, value)| function.with(name, value))
    }

    /// Starts it, and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Ended`] if it does not want to start.
    pub async fn start(&self) -> Result<Process, Failure> {
        let failed = |error| Failure::Start(self.name.clone(), error);
        let api = Api::start(&self.name).await.map_err(failed)?;
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(self.environment(&api.address.to_string()));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Process::begin(&self.name, command, api).await
    }

    /// What Lambda sets, then what the template does. The id of the access key tells the local AWS side who calls.
    fn environment(&self, api: &str) -> Vec<(String, String)> {
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", api),
            ("AWS_LAMBDA_FUNCTION_NAME", &self.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                &format!("/aws/lambda/{}", self.name),
            ),
            (
                "AWS_LAMBDA_LOG_STREAM_NAME",
                "2026/01/01/[$LATEST]0123456789abcdef",
            ),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &self.name),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", &"x".repeat(SESSION_TOKEN_LENGTH)),
            ("_HANDLER", "bootstrap"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
            (
                "LD_LIBRARY_PATH",
                "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
            ),
        ];
        let lambda = lambda.map(|(name, value)| (name.to_owned(), value.to_owned()));
        lambda
            .into_iter()
            .chain(self.settings.iter().cloned())
            .collect()
    }
}
