//! The environment of a function that runs beside this process.
//!
//! `cargo lambda watch --env-file <data-dir>/lambda.env` runs the functions as processes of their own against the
//! same local AWS side. A start takes the ports of the last run on the same data directory where they are free, so processes
//! that were started with the file go on after a restart of the local run.

use std::fmt::Write as _;
use std::io;

use local_aws::endpoints::Endpoints;

use crate::data_directory::DataDirectory;

/// The file in the data directory.
pub const FILE: &str = "lambda.env";
/// What the file of the last run is called until the next one is written.
const LAST: &str = "lambda.env.last";
/// Begins the line that says which directory a file belongs to: a copied one must not lead to the original's ports.
const BELONGS_TO: &str = "# Data directory: ";
/// Takes the file of the last run on a directory out of use, since its ports may be another service's by now, and returns
/// its endpoints.
///
/// # Errors
/// The system's.
pub fn retire(directory: &DataDirectory) -> io::Result<Option<Endpoints>> {
    let last = directory.file(LAST);
    match std::fs::rename(directory.file(FILE), &last) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let text = match std::fs::read_to_string(&last) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let is_ours = text.lines().any(|line| line == belongs_to(directory));
    Ok(if is_ours {
        Endpoints::parse(&text)
    } else {
        None
    })
}

fn belongs_to(directory: &DataDirectory) -> String {
    let path = directory.path().display().to_string();
    format!("{BELONGS_TO}{}", path.escape_debug())
}

/// The file's text: the endpoints, then the settings in force by name. A value that does not fit on a line is
/// left out with a comment, since the format has no escape for it.
#[must_use]
pub fn render(
    endpoints: &Endpoints,
    directory: &DataDirectory,
    settings: impl IntoIterator<Item = (String, String)>,
) -> String {
    let mut settings: Vec<_> = settings
        .into_iter()
        .filter(|(name, _)| name.starts_with("DASHTAM_"))
        .collect();
    settings.sort();
    settings.dedup_by(|later, earlier| later.0 == earlier.0);
    let mut text = String::from(
        "# Written at each start of the local run; for `cargo lambda watch --env-file`.\n",
    );
    text.push_str(&belongs_to(directory));
    text.push('\n');
    for (name, value) in endpoints.variables().into_iter().chain(settings) {
        // Writing to a string cannot fail.
        let _ = if value.contains(['\n', '\r']) {
            writeln!(
                text,
                "# {name} is left out: its value has more than one line"
            )
        } else {
            writeln!(text, "{name}={value}")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::testing::TempDir;

    const ENDPOINTS: Endpoints = Endpoints {
        dynamodb: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1),
        secrets_manager: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2),
        sesv2: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3),
        kms: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4),
        s3: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5),
    };

    fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn endpoints_credentials_and_our_settings_are_in_the_file() {
        let scratch = TempDir::new();
        let directory = DataDirectory::open(&scratch.path("data")).unwrap();
        let text = render(
            &ENDPOINTS,
            &directory,
            settings(&[
                ("DASHTAM_STAGE", "dev"),
                ("PATH", "/bin"),
                ("DASHTAM_ISSUER", "http://a?b=c d"),
            ]),
        );
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1",
                "AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:2",
                "AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:3",
                "AWS_ENDPOINT_URL_KMS=http://127.0.0.1:4",
                "AWS_ENDPOINT_URL_S3=http://127.0.0.1:5",
                "AWS_REGION=us-east-1",
                "AWS_DEFAULT_REGION=us-east-1",
                "AWS_ACCESS_KEY_ID=operator",
                "AWS_SECRET_ACCESS_KEY=local",
                "DASHTAM_ISSUER=http://a?b=c d",
                "DASHTAM_STAGE=dev",
            ]
        );
    }

    #[test]
    fn a_value_cannot_add_a_line() {
        let scratch = TempDir::new();
        let directory = DataDirectory::open(&scratch.path("data")).unwrap();
        let text = render(
            &ENDPOINTS,
            &directory,
            settings(&[("DASHTAM_X", "a\nAWS_REGION=evil")]),
        );
        assert!(!text.contains("evil") && text.contains("# DASHTAM_X"));
    }

    #[test]
    fn the_last_ports_are_known_on_the_same_directory_and_not_on_a_copy() {
        let scratch = TempDir::new();
        let directory = DataDirectory::open(&scratch.path("data")).unwrap();
        assert_eq!(retire(&directory).unwrap(), None);
        std::fs::write(directory.file(FILE), render(&ENDPOINTS, &directory, [])).unwrap();
        assert_eq!(retire(&directory).unwrap(), Some(ENDPOINTS));
        assert!(
            !directory.file(FILE).exists(),
            "a file of former ports is in use"
        );
        // A start that failed later forgets nothing.
        assert_eq!(retire(&directory).unwrap(), Some(ENDPOINTS));
        let copy = DataDirectory::open(&scratch.path("copy")).unwrap();
        std::fs::copy(directory.file(LAST), copy.file(FILE)).unwrap();
        assert_eq!(retire(&copy).unwrap(), None);
    }

    #[test]
    fn an_address_elsewhere_is_never_listened_on() {
        let scratch = TempDir::new();
        let directory = DataDirectory::open(&scratch.path("data")).unwrap();
        let text = render(&ENDPOINTS, &directory, []).replace("127.0.0.1:3", "0.0.0.0:3");
        std::fs::write(directory.file(FILE), text).unwrap();
        assert_eq!(retire(&directory).unwrap(), None);
    }
}
