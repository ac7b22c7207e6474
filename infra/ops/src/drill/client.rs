//! A client as small as the drill needs it: HTTP/1.1 over one kept connection to this machine.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::drill::RAISE;
use crate::failure::Failure;

/// Longer than the gateway waits for a function.
const TIMEOUT: Duration = Duration::from_secs(35);

/// A connection, made when it is used first, and anew after it failed.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    body: Vec<u8>,
}

impl Connection {
    /// A connection to `address`.
    #[must_use]
    pub const fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
        }
    }

    /// GET, with an access token or none.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn get(&mut self, path: &str, token: Option<&str>) -> Result<Reply, Failure> {
        self.send("GET", path, token, "").await
    }

    /// POST of a JSON document.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Reply, Failure> {
        self.send("POST", path, token, &body.to_string()).await
    }

    /// A request with any method, whose body is a JSON document or empty.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> Result<Reply, Failure> {
        let bearer = token.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let kind = if body.is_empty() {
            ""
        } else {
            "content-type: application/json\r\n"
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{bearer}{kind}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let exchanged = match tokio::time::timeout(TIMEOUT, self.exchange(head.as_bytes())).await {
            Ok(exchanged) => exchanged,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        };
        exchanged.map_err(|error| {
            self.stream = None;
            Failure::refused(
                format!("The service did not answer {method} {path}: {error}."),
                "See that `cargo run` is up and that --url has its port.",
            )
        })
    }

    async fn exchange(&mut self, request: &[u8]) -> std::io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(request).await?;
        let mut read = Vec::with_capacity(2_048);
        loop {
            if stream.read_buf(&mut read).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(reply) = parse(&read)? {
                return Ok(reply);
            }
        }
    }
}

impl Reply {
    /// The body, if the status is this one.
    ///
    /// # Errors
    /// What was answered instead, by its code alone.
    pub fn json(&self, status: u16) -> Result<Value, Failure> {
        if self.status == status {
            return Ok(self.body());
        }
        let remedy = if self.status == 429 {
            RAISE
        } else {
            "docs/status-codes.md says what it means."
        };
        Err(Failure::refused(
            format!(
                "The service answered {} {} instead of {status}.",
                self.status,
                self.code()
            ),
            remedy,
        ))
    }

    /// The code of a problem document.
    #[must_use]
    pub fn code(&self) -> String {
        self.body()
            .get("code")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    fn body(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The answer, once all of it is there. The service always declares a length.
fn parse(bytes: &[u8]) -> std::io::Result<Option<Reply>> {
    let Some(head_length) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, body) = bytes.split_at(head_length + 4);
    let malformed = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(malformed)?;
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length
        .and_then(|(_, length)| length.trim().parse().ok())
        .ok_or_else(malformed)?;
    Ok((body.len() >= length).then(|| Reply {
        status,
        body: body.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\n{\"code\":\"x\"}";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
        let reply = parse(whole).unwrap().unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (401, "x"));
        assert!(reply.json(200).unwrap_err().what.contains("401 x"));
    }
}
