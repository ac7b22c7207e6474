//! The command line of the local run.
//!
//! Only what belongs to this process is an option: where it listens and where it keeps its state. What the
//! service does is set by the same `DASHTAM_*` variables as in Lambda, so that nothing works locally that
//! would not work deployed.

use std::path::PathBuf;

use clap::Parser;
use clap::error::ErrorKind;

/// Dashtam Auth on this machine: the whole service in one process, without an AWS account.
///
/// Settings are environment variables that begin with DASHTAM_, or lines of `.env` in the folder where it starts;
/// docs/configuration.md lists them.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "dashtam-local", version)]
pub struct Options {
    /// The port to listen on; only this machine can connect. 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 9000)]
    pub port: u16,

    /// Where accounts, keys and captured mail are kept between runs; created when it is missing
    #[arg(long, value_name = "DIRECTORY", default_value = ".dashtam/")]
    pub data_dir: PathBuf,

    /// Keep everything in memory: the data directory is not used, and all is gone when the process ends
    #[arg(long)]
    pub in_memory: bool,

    /// A file with settings, one NAME=value a line; variables of the environment win over it [default: .env, if it exists]
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// What the command line asks for, when it is not a run.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `--help` or `--version`: the text to print, with success.
    Information(String),
    /// A mistake: one line that says which.
    Mistake(String),
}

impl Options {
    /// Reads the command line; the first argument is the program's name.
    ///
    /// # Errors
    /// [`Refusal`] when there is nothing to run.
    pub fn read(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, Refusal> {
        Self::try_parse_from(arguments).map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Refusal::Information(error.to_string())
            }
            _ => {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Refusal::Mistake(line.trim_start_matches("error: ").to_owned())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options, Refusal> {
        Options::read(
            std::iter::once("dashtam-local")
                .chain(arguments.iter().copied())
                .map(Into::into),
        )
    }

    #[test]
    fn without_options_it_listens_on_9000_and_keeps_its_state() {
        let options = read(&[]).unwrap();
        assert_eq!(
            options,
            Options {
                port: 9000,
                data_dir: ".dashtam/".into(),
                in_memory: false,
                env_file: None
            }
        );
    }

    #[test]
    fn every_option_is_read() {
        let options = read(&["--port", "9100", "--data-dir", "/tmp/x"]).unwrap();
        assert_eq!(
            (options.port, options.data_dir),
            (9100, PathBuf::from("/tmp/x"))
        );
        assert!(read(&["--in-memory"]).unwrap().in_memory);
        assert_eq!(
            read(&["--env-file", "x.env"]).unwrap().env_file,
            Some(PathBuf::from("x.env"))
        );
    }

    #[test]
    fn a_mistake_is_one_line() {
        for arguments in [
            &["--port", "banana"][..],
            &["--port", "70000"],
            &["--prot", "1"],
            &["extra"],
        ] {
            let Err(Refusal::Mistake(line)) = read(arguments) else {
                panic!("{arguments:?} was taken")
            };
            assert!(!line.contains('\n') && line.len() > 20, "{line}");
        }
    }

    #[test]
    fn help_is_not_a_mistake() {
        let Err(Refusal::Information(text)) = read(&["--help"]) else {
            panic!("no help")
        };
        assert!(text.contains("--data-dir") && text.contains("DASHTAM_"));
    }
}
