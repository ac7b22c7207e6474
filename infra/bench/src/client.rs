//! A client that costs little: HTTP/1.1 over one kept connection, requests written out beforehand, no more parsing than
//! it takes to find the end of an answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::Failure;

/// Longer than the gateway waits for a function.
const TIMEOUT: Duration = Duration::from_secs(35);

/// A request as it is sent.
#[derive(Debug, Clone)]
pub struct Request(Vec<u8>);

impl Request {
    /// GET, with a bearer token or none.
    #[must_use]
    pub fn get(path: &str, token: Option<&str>) -> Self {
        let authorization = authorization(token);
        Self(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}\r\n").into_bytes())
    }

    /// POST of a JSON document.
    #[must_use]
    pub fn post(path: &str, body: &Value) -> Self {
        Self::post_as(path, body, None)
    }

    /// POST of a JSON document, with a bearer token or none.
    #[must_use]
    pub fn post_as(path: &str, body: &Value, token: Option<&str>) -> Self {
        let (body, authorization) = (body.to_string(), authorization(token));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self((head + &body).into_bytes())
    }
}

fn authorization(token: Option<&str>) -> String {
    token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    })
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, if the status is this one.
    ///
    /// # Errors
    /// What was answered instead.
    pub fn expect(self, status: u16) -> Result<Vec<u8>, Failure> {
        if self.status == status {
            return Ok(self.body);
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        Err(format!("answered {} instead of {status}: {body}", self.status).into())
    }

    /// The body as JSON, if the status is this one.
    ///
    /// # Errors
    /// What was answered instead.
    pub fn json(self, status: u16) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.expect(status)?)?)
    }
}

/// One connection, used for one request after the other.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(16_384),
        })
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// The system's, or an answer that is none.
    pub fn send(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.stream.write_all(&request.0)?;
        self.read.clear();
        let mut chunk = [0; 16_384];
        loop {
            let count = self.stream.read(&mut chunk)?;
            self.read.extend(chunk.iter().take(count));
            if let Some(answer) = parse(&self.read)? {
                return Ok(answer);
            }
            if count == 0 {
                return Err("the connection ended inside an answer".into());
            }
        }
    }
}

/// The answer, once all of it is there. The service always declares a length.
fn parse(bytes: &[u8]) -> Result<Option<Answer>, Failure> {
    let Some(head_length) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, body) = bytes.split_at(head_length + 4);
    let head = std::str::from_utf8(head)?;
    let status = head
        .split(' ')
        .nth(1)
        .ok_or("an answer without a status")?
        .parse()?;
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length
        .ok_or("an answer without a length")?
        .1
        .trim()
        .parse()?;
    Ok((body.len() >= length).then(|| Answer {
        status,
        body: body.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
        let answer = parse(whole).unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, b"hi".as_slice())
        );
    }

    #[test]
    fn another_status_is_told_with_its_body() {
        let answer = Answer {
            status: 429,
            body: b"slow down".to_vec(),
        };
        let error = answer.expect(200).unwrap_err().to_string();
        assert!(
            error.contains("429") && error.contains("slow down"),
            "{error}"
        );
    }
}
