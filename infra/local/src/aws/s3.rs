//! An S3 for the local run and the tests: one bucket with Object Lock, whose objects can be added and read.
//!
//! It serves `PutObject`, `GetObject` and `ListObjectsV2` over REST XML with the bucket in the path. An object is a file
//! below the bucket's folder, or stands in memory. As in a bucket whose rule is compliance, nothing that stands there is
//! replaced or deleted: a put asks for that by `If-None-Match: *`, one that does not is refused, and so is every delete.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use shared::digest;

use super::protocol;
use crate::data_directory::replace_file;

/// The bucket's name.
pub const BUCKET: &str = "dashtam-local-audit";
/// The largest object that is taken here, in bytes.
const MOST: usize = 16 * 1024 * 1024;
/// The most names of one answer.
const MOST_NAMES: usize = 1_000;

/// The server's state; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct S3(Arc<Objects>);

#[derive(Debug)]
enum Objects {
    Memory(Mutex<BTreeMap<String, Vec<u8>>>),
    Folder(PathBuf, Mutex<()>),
}

/// A refusal: status and code.
type Refusal = (StatusCode, &'static str);

const NO_SUCH_KEY: Refusal = (StatusCode::NOT_FOUND, "NoSuchKey");
const DENIED: Refusal = (StatusCode::FORBIDDEN, "AccessDenied");
const INTERNAL: Refusal = (StatusCode::INTERNAL_SERVER_ERROR, "InternalError");

impl S3 {
    /// A bucket in this folder, or in memory.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(Arc::new(match folder {
            Some(folder) => Objects::Folder(folder, Mutex::default()),
            None => Objects::Memory(Mutex::default()),
        }))
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// The names that begin with `prefix`, in order.
    ///
    /// # Errors
    /// The system's.
    pub fn names(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut names = match &*self.0 {
            Objects::Memory(objects) => {
                objects.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
            }
            Objects::Folder(folder, _) => files(folder, folder)?,
        };
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        Ok(names)
    }

    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match &*self.0 {
            Objects::Memory(objects) => Ok(objects.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()),
            Objects::Folder(folder, _) => match std::fs::read(folder.join(name)) {
                Ok(content) => Ok(Some(content)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Puts an object where none is; `false` if one is.
    fn put(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        match &*self.0 {
            Objects::Memory(objects) => {
                let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
                let is_new = !objects.contains_key(name);
                if is_new {
                    objects.insert(name.to_owned(), content.to_vec());
                }
                Ok(is_new)
            }
            Objects::Folder(folder, one_at_a_time) => {
                let _held = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
                let path = folder.join(name);
                if path.exists() {
                    return Ok(false);
                }
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent)?;
                }
                replace_file(&path, content).map(|()| true)
            }
        }
    }
}

/// All files below a folder, by their path in it; none where there is no folder.
fn files(root: &Path, folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(root, &path)?);
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
            // What a crash left half written.
            && path.extension().is_none_or(|extension| extension != "new")
        {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

async fn answer(State(server): State<S3>, method: Method, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let done = async {
        protocol::admit(&headers).map_err(|_| DENIED)?;
        let body = protocol::read(body, MOST).await.map_err(|_| (StatusCode::BAD_REQUEST, "EntityTooLarge"))?;
        let work = move || handle(&server, &method, &uri, &headers, &body);
        tokio::task::spawn_blocking(work).await.map_err(|_| INTERNAL)?
    };
    done.await.unwrap_or_else(|(status, code)| {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
        (status, [(header::CONTENT_TYPE, "application/xml")], text).into_response()
    })
}

fn handle(server: &S3, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Response, Refusal> {
    let (bucket, name) = uri.path().trim_start_matches('/').split_once('/').unwrap_or((uri.path(), ""));
    if bucket.trim_start_matches('/') != BUCKET {
        return Err((StatusCode::NOT_FOUND, "NoSuchBucket"));
    }
    let name = percent_decode_str(name).decode_utf8().map_err(|_| (StatusCode::BAD_REQUEST, "InvalidURI"))?;
    match *method {
        Method::GET if name.is_empty() => list(server, uri.query().unwrap_or_default()),
        Method::GET => {
            let content = server.get(checked(&name)?).map_err(|_| INTERNAL)?.ok_or(NO_SUCH_KEY)?;
            Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/x-ndjson")], content).into_response())
        }
        Method::PUT => put(server, checked(&name)?, headers, body),
        Method::DELETE => Err(DENIED),
        _ => Err((StatusCode::NOT_IMPLEMENTED, "NotImplemented")),
    }
}

/// A name that stays inside its folder.
fn checked(name: &str) -> Result<&str, Refusal> {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    if name.split('/').all(is_plain) && name.len() <= 1_024 { Ok(name) } else { Err(DENIED) }
}

fn put(server: &S3, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("if-none-match") != "*" {
        return Err(DENIED);
    }
    // A bucket with Object Lock takes nothing without a check sum, and chunks are not read here.
    let sum = STANDARD.encode(digest::sha256(body));
    if header("x-amz-checksum-sha256") != sum || header("content-encoding").contains("aws-chunked") {
        return Err((StatusCode::BAD_REQUEST, "BadDigest"));
    }
    if !server.put(name, body).map_err(|_| INTERNAL)? {
        return Err((StatusCode::PRECONDITION_FAILED, "PreconditionFailed"));
    }
    Ok((StatusCode::OK, [("x-amz-checksum-sha256", sum)]).into_response())
}

fn list(server: &S3, query: &str) -> Result<Response, Refusal> {
    let value = |wanted: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).next().unwrap_or_default();
        percent_decode_str(found).decode_utf8_lossy().into_owned()
    };
    let (prefix, after) = (value("prefix"), value("start-after"));
    let mut names = server.names(&prefix).map_err(|_| INTERNAL)?;
    names.retain(|name| *name > after);
    let is_cut = names.len() > MOST_NAMES;
    names.truncate(MOST_NAMES);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{BUCKET}</Name><KeyCount>{}</KeyCount><IsTruncated>{is_cut}</IsTruncated>",
        names.len()
    );
    for name in names {
        // Writing to a string cannot fail. Names hold nothing that XML would have to escape but these.
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(text, "<Contents><Key>{name}</Key></Contents>");
    }
    text.push_str("</ListBucketResult>");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/xml")], text).into_response())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use shared::archive::Archive;
    use shared::config::Settings;
    use shared::store::AwsBase;
    use tower::ServiceExt as _;

    use super::*;
    use crate::aws::testing::{self, TempDir};

    async fn archive(server: &S3, bucket: &str) -> Archive {
        let url = testing::serve(server.router()).await;
        let settings = Settings::default().with("AWS_ENDPOINT_URL_S3", url).with("AWS_ACCESS_KEY_ID", "local");
        Archive::new(&AwsBase::new(settings.with("AWS_SECRET_ACCESS_KEY", "local")), bucket)
    }

    #[tokio::test]
    async fn what_the_products_client_puts_it_reads_and_lists_in_order() {
        let scratch = TempDir::new();
        for server in [S3::new(None), S3::new(Some(scratch.path("archive")))] {
            let archive = archive(&server, BUCKET).await;
            assert_eq!(archive.get("segments/0/1-a.jsonl").await.unwrap(), None);
            assert!(archive.names("segments/", None).await.unwrap().is_empty());
            for name in ["segments/0/2-b.jsonl", "segments/0/1-a.jsonl", "checkpoints/1-x=&.json"] {
                archive.put(name, format!("{name}\n")).await.unwrap();
            }
            assert_eq!(archive.get("checkpoints/1-x=&.json").await.unwrap().unwrap(), "checkpoints/1-x=&.json\n");
            let names = archive.names("segments/", None).await.unwrap();
            assert_eq!(names, ["segments/0/1-a.jsonl", "segments/0/2-b.jsonl"]);
            assert_eq!(archive.names("segments/", Some(&names[0])).await.unwrap(), names[1..]);
        }
    }

    #[tokio::test]
    async fn an_object_that_is_there_stays_as_it_is() {
        let scratch = TempDir::new();
        let server = S3::new(Some(scratch.path("archive")));
        let archive = archive(&server, BUCKET).await;
        archive.put("a/b", "first".to_owned()).await.unwrap();
        archive.put("a/b", "second".to_owned()).await.unwrap();
        assert_eq!(archive.get("a/b").await.unwrap().as_deref(), Some("first"));
        let reopened = S3::new(Some(scratch.path("archive")));
        assert_eq!(reopened.get("a/b").unwrap().as_deref(), Some(b"first".as_slice()));
    }

    #[tokio::test]
    async fn deletes_overwrites_foreign_buckets_and_ways_out_are_refused() {
        let server = S3::new(None);
        archive(&server, BUCKET).await.put("a", "first".to_owned()).await.unwrap();
        assert!(archive(&server, "other").await.put("a", "x".to_owned()).await.is_err());
        assert!(archive(&server, BUCKET).await.put("../a", "x".to_owned()).await.is_err());
        for method in ["DELETE", "PUT", "POST"] {
            let request = Request::builder().method(method).uri(format!("/{BUCKET}/a")).header("host", "127.0.0.1");
            let request = request.header("authorization", "AWS4-HMAC-SHA256 x").body(Body::from("second")).unwrap();
            assert!(server.router().oneshot(request).await.unwrap().status().as_u16() >= 400, "{method}");
        }
        assert_eq!(server.get("a").unwrap().as_deref(), Some(b"first".as_slice()));
    }
}
