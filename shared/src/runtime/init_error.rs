//! Tells Lambda why a function does not start
//! ([`init/error`](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror)): it stands in the
//! answer to whoever invokes the function, and not in its log alone.
//!
//! One request by hand: what is left of a process that does not start is no place for a client. The runtime's own client has
//! no way to say it.
//!
//! Lambda names the Runtime API as `host:port`; `cargo lambda watch` names it as a URL with a different path for each
//! function.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::json;

/// The Runtime API is in the same sandbox.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reports `why` to the Runtime API at `api`. Where there is none the log has to do.
pub(crate) fn report(api: Option<&str>, why: &str) {
    if let Some(Err(error)) = api.map(|api| post(api, why)) {
        tracing::warn!(error = error.to_string(), "Lambda does not take the reason");
    }
}

fn post(api: &str, why: &str) -> io::Result<()> {
    let (host, path) = place(api);
    let address = host
        .to_socket_addrs()?
        .next()
        .ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body =
        json!({ "errorMessage": why, "errorType": "StartError", "stackTrace": [] }).to_string();
    let head = [
        format!("POST {path}/2018-06-01/runtime/init/error HTTP/1.1"),
        format!("host: {host}"),
        "content-type: application/vnd.aws.lambda.error+json".to_owned(),
        "lambda-runtime-function-error-type: Function.StartError".to_owned(),
        format!("content-length: {}", body.len()),
        "connection: close".to_owned(),
    ];
    write!(stream, "{}\r\n\r\n{body}", head.join("\r\n"))?;
    // It is taken when it is answered, whatever the answer.
    stream.read_exact(&mut [0])
}

/// Host with port, and the path before that of the API.
fn place(api: &str) -> (&str, &str) {
    let rest = api.strip_prefix("http://").unwrap_or(api);
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (host, path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_reason_is_one_request_to_either_form_of_address() {
        for (form, path) in [
            ("{}", ""),
            ("http://{}/.rt/auth-me", "/.rt/auth-me"),
            ("http://{}", ""),
            ("http://{}/", ""),
        ] {
            assert_told(form, path);
        }
    }

    fn assert_told(form: &str, path: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = form.replace("{}", &listener.local_addr().unwrap().to_string());
        let reporter = std::thread::spawn(move || post(&api, "DASHTAM_STAGE is \"moon\""));
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4_096];
        let mut length = 0;
        while !request[..length].ends_with(b"}") {
            length += stream.read(&mut request[length..]).unwrap();
        }
        stream
            .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        reporter.join().unwrap().unwrap();
        let request = String::from_utf8(request[..length].to_vec()).unwrap();
        let line =
            format!("POST {path}/2018-06-01/runtime/init/error HTTP/1.1\r\nhost: 127.0.0.1:");
        assert!(request.starts_with(&line), "{request}");
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errorMessage"], "DASHTAM_STAGE is \"moon\"");
    }

    #[test]
    fn nobody_who_listens_is_no_crash() {
        report(Some("127.0.0.1:9"), "a reason");
        report(None, "a reason");
    }
}
