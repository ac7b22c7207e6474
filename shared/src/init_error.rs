//! Tells Lambda why a function does not start
//! ([`init/error`](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror)): it stands in the
//! answer to whoever invokes the function, and not in its log alone.
//!
//! One request by hand: what is left of a process that does not start is no place for a client. The runtime's own client has
//! no way to say it.

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
    let address = api.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = json!({ "errorMessage": why, "errorType": "StartError", "stackTrace": [] }).to_string();
    let head = [
        "POST /2018-06-01/runtime/init/error HTTP/1.1".to_owned(),
        format!("host: {api}"),
        "content-type: application/vnd.aws.lambda.error+json".to_owned(),
        "lambda-runtime-function-error-type: Function.StartError".to_owned(),
        format!("content-length: {}", body.len()),
        "connection: close".to_owned(),
    ];
    write!(stream, "{}\r\n\r\n{body}", head.join("\r\n"))?;
    // It is taken when it is answered, whatever the answer.
    stream.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_reason_is_one_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = listener.local_addr().unwrap().to_string();
        let reporter = std::thread::spawn(move || post(&api, "DASHTAM_STAGE is \"moon\""));
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4_096];
        let mut length = 0;
        while !request[..length].ends_with(b"}") {
            length += stream.read(&mut request[length..]).unwrap();
        }
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        reporter.join().unwrap().unwrap();
        let request = String::from_utf8(request[..length].to_vec()).unwrap();
        assert!(request.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"), "{request}");
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
