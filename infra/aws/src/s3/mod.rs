//! An S3 for a local run and for tests: one bucket with Object Lock, whose objects can be added and read.
//!
//! It serves `PutObject`, `GetObject` and `ListObjectsV2` over REST XML with the bucket in the path. An object is a file
//! below the bucket's folder, or stands in memory. As in a bucket whose rule is compliance, nothing that stands there is
//! replaced or deleted: a put asks for that by `If-None-Match: *`, one that does not is refused, and so is every delete.
//! What is older than the retention goes by itself, as by a lifecycle rule.

mod objects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use self::objects::Listed;
pub use self::objects::{S3, expire_objects};
use crate::protocol;

/// The largest object that is taken here, in bytes.
const MOST: usize = 16 * 1024 * 1024;
/// The most names of one answer.
const MOST_NAMES: usize = 1_000;

/// A refusal: status and code.
type Refusal = (StatusCode, &'static str);

const NO_SUCH_KEY: Refusal = (StatusCode::NOT_FOUND, "NoSuchKey");
const DENIED: Refusal = (StatusCode::FORBIDDEN, "AccessDenied");
const INTERNAL: Refusal = (StatusCode::INTERNAL_SERVER_ERROR, "InternalError");

impl S3 {
    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

async fn answer(
    State(server): State<S3>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let done = async {
        protocol::admit(&headers).map_err(|_| DENIED)?;
        let body = protocol::read(body, MOST)
            .await
            .map_err(|_| (StatusCode::BAD_REQUEST, "EntityTooLarge"))?;
        let work = move || handle(&server, &method, &uri, &headers, &body);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| INTERNAL)?
    };
    done.await.unwrap_or_else(|(status, code)| {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>"
        );
        (status, [(header::CONTENT_TYPE, "application/xml")], text).into_response()
    })
}

fn handle(
    server: &S3,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Refusal> {
    if uri.path() == "/" && *method == Method::GET {
        return Ok(buckets(server));
    }
    let (bucket, name) = uri
        .path()
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((uri.path(), ""));
    if bucket.trim_start_matches('/') != server.bucket() {
        return Err((StatusCode::NOT_FOUND, "NoSuchBucket"));
    }
    let name = percent_decode_str(name)
        .decode_utf8()
        .map_err(|_| (StatusCode::BAD_REQUEST, "InvalidURI"))?;
    match *method {
        Method::GET if name.is_empty() => list(server, uri.query().unwrap_or_default()),
        Method::GET => {
            let (modified, content) = server
                .get(checked(&name)?)
                .map_err(|_| INTERNAL)?
                .ok_or(NO_SUCH_KEY)?;
            let headers = [
                (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
                (header::LAST_MODIFIED, http_date(modified)),
            ];
            Ok((StatusCode::OK, headers, content).into_response())
        }
        Method::PUT => put(server, checked(&name)?, headers, body),
        Method::DELETE => Err(DENIED),
        _ => Err((StatusCode::NOT_IMPLEMENTED, "NotImplemented")),
    }
}

/// A name that stays inside its folder.
fn checked(name: &str) -> Result<&str, Refusal> {
    let is_plain = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0'])
    };
    if name.split('/').all(is_plain) && name.len() <= 1_024 {
        Ok(name)
    } else {
        Err(DENIED)
    }
}

fn put(server: &S3, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if header("if-none-match") != "*" {
        return Err(DENIED);
    }
    // A bucket with Object Lock takes nothing without a check sum, and chunks are not read here.
    let sum = STANDARD.encode(digest::digest(&digest::SHA256, body));
    if header("x-amz-checksum-sha256") != sum || header("content-encoding").contains("aws-chunked")
    {
        return Err((StatusCode::BAD_REQUEST, "BadDigest"));
    }
    if !server.put(name, body).map_err(|_| INTERNAL)? {
        return Err((StatusCode::PRECONDITION_FAILED, "PreconditionFailed"));
    }
    Ok((StatusCode::OK, [("x-amz-checksum-sha256", sum)]).into_response())
}

fn list(server: &S3, query: &str) -> Result<Response, Refusal> {
    let value = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|(name, _)| name == wanted);
        found.map_or_else(String::new, |(_, value)| value.into_owned())
    };
    let (prefix, delimiter) = (value("prefix"), value("delimiter"));
    // The token of a page is the last name of the page before it.
    let after = value("start-after").max(value("continuation-token"));
    let mut entries = BTreeMap::new();
    for object in server.list(&prefix).map_err(|_| INTERNAL)? {
        match folder(&object.name, &prefix, &delimiter) {
            Some(folder) => entries.insert(folder, None),
            None => entries.insert(object.name.clone(), Some(object)),
        };
    }
    entries.retain(|name, _| *name > after);
    let is_cut = entries.len() > MOST_NAMES;
    let page: Vec<_> = entries.into_iter().take(MOST_NAMES).collect();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{}</Name><KeyCount>{}</KeyCount><IsTruncated>{is_cut}</IsTruncated>",
        server.bucket(),
        page.len()
    );
    // Writing to a string cannot fail.
    if let Some((last, _)) = page.last().filter(|_| is_cut) {
        let _ = write!(
            text,
            "<NextContinuationToken>{}</NextContinuationToken>",
            escaped(last)
        );
    }
    for (name, object) in page {
        let name = escaped(&name);
        let _ = match object {
            Some(Listed { modified, size, .. }) => write!(
                text,
                "<Contents><Key>{name}</Key><LastModified>{modified:.3}</LastModified><Size>{size}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>"
            ),
            None => write!(
                text,
                "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
            ),
        };
    }
    text.push_str("</ListBucketResult>");
    Ok((
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/xml")],
        text,
    )
        .into_response())
}

/// The only bucket, for a client that asks which there are.
fn buckets(server: &S3) -> Response {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult><Buckets><Bucket><Name>{}</Name>\
         <CreationDate>{:.3}</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>",
        server.bucket(),
        server.now()
    );
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/xml")],
        text,
    )
        .into_response()
}

/// The part of a name up to the first delimiter behind the prefix, which a list shows in the place of all names below it.
fn folder(name: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let rest = name.strip_prefix(prefix)?;
    let (first, _) = rest
        .split_once(delimiter)
        .filter(|_| !delimiter.is_empty())?;
    Some(format!("{prefix}{first}{delimiter}"))
}

/// Names hold nothing else that XML would have to escape.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;")
}

/// As RFC 9110 section 5.6.7 has it.
fn http_date(time: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .unwrap_or_default()
}
