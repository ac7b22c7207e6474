//! Through the real SDK client over loopback, and by hand.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Config;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use axum::http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::testing::{self, TempDir};

const BUCKET: &str = "archive";

/// A bucket as a client sees it.
struct Archive {
    client: Client,
    bucket: String,
}

async fn archive(server: &S3, bucket: &str) -> Archive {
    let config = Config::builder()
        .behavior_version(testing::behavior())
        .endpoint_url(testing::serve(server.router()).await)
        .credentials_provider(testing::credentials())
        .region(testing::region())
        .http_client(testing::http_client())
        .force_path_style(true);
    Archive {
        client: Client::from_conf(config.build()),
        bucket: bucket.to_owned(),
    }
}

impl Archive {
    /// Puts an object where none is.
    async fn put(&self, name: &str, content: String) -> Result<(), String> {
        let sum = STANDARD.encode(digest::digest(&digest::SHA256, content.as_bytes()));
        let put = self.client.put_object().bucket(&self.bucket).key(name);
        let put = put.if_none_match("*").checksum_sha256(sum);
        let put = put.body(ByteStream::from(content.into_bytes()));
        put.send().await.map(|_| ()).map_err(|error| code(&error))
    }

    async fn get(&self, name: &str) -> Result<String, String> {
        let get = self.client.get_object().bucket(&self.bucket).key(name);
        let content = get
            .send()
            .await
            .map_err(|error| code(&error))?
            .body
            .collect()
            .await;
        Ok(String::from_utf8(content.unwrap().to_vec()).unwrap())
    }

    async fn names(&self, prefix: &str, after: Option<&str>) -> Vec<String> {
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        let list = list
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned));
        let listed = list.send().await.unwrap().contents.unwrap_or_default();
        listed.into_iter().filter_map(|object| object.key).collect()
    }
}

fn code(error: &impl ProvideErrorMetadata) -> String {
    error.code().unwrap_or("no answer").to_owned()
}

#[tokio::test]
async fn what_a_client_puts_it_reads_and_lists_in_order() {
    let scratch = TempDir::new();
    for server in [
        S3::new(BUCKET, None, testing::clock().reader()),
        S3::new(
            BUCKET,
            Some(scratch.path("archive")),
            testing::clock().reader(),
        ),
    ] {
        let archive = archive(&server, BUCKET).await;
        assert_eq!(
            archive.get("segments/0/1-a.jsonl").await,
            Err("NoSuchKey".to_owned())
        );
        assert!(archive.names("segments/", None).await.is_empty());
        for name in [
            "segments/0/2-b.jsonl",
            "segments/0/1-a.jsonl",
            "checkpoints/1-x=&.json",
        ] {
            archive.put(name, format!("{name}\n")).await.unwrap();
        }
        assert_eq!(
            archive.get("checkpoints/1-x=&.json").await.unwrap(),
            "checkpoints/1-x=&.json\n"
        );
        let names = archive.names("segments/", None).await;
        assert_eq!(names, ["segments/0/1-a.jsonl", "segments/0/2-b.jsonl"]);
        assert_eq!(
            archive.names("segments/", Some(&names[0])).await,
            names[1..]
        );
    }
}

#[tokio::test]
async fn an_object_that_is_there_stays_as_it_is() {
    let scratch = TempDir::new();
    let server = S3::new(
        BUCKET,
        Some(scratch.path("archive")),
        testing::clock().reader(),
    );
    let archive = archive(&server, BUCKET).await;
    archive.put("a/b", "first".to_owned()).await.unwrap();
    assert_eq!(
        archive.put("a/b", "second".to_owned()).await,
        Err("PreconditionFailed".to_owned())
    );
    assert_eq!(archive.get("a/b").await.as_deref(), Ok("first"));
    let reopened = S3::new(
        BUCKET,
        Some(scratch.path("archive")),
        testing::clock().reader(),
    );
    assert_eq!(
        reopened
            .get("a/b")
            .unwrap()
            .map(|(_, content)| content)
            .as_deref(),
        Some(b"first".as_slice())
    );
}

#[tokio::test]
async fn deletes_overwrites_foreign_buckets_and_ways_out_are_refused() {
    let server = S3::new(BUCKET, None, testing::clock().reader());
    archive(&server, BUCKET)
        .await
        .put("a", "first".to_owned())
        .await
        .unwrap();
    assert!(
        archive(&server, "other")
            .await
            .put("a", "x".to_owned())
            .await
            .is_err()
    );
    assert!(
        archive(&server, BUCKET)
            .await
            .put("../a", "x".to_owned())
            .await
            .is_err()
    );
    for method in ["DELETE", "PUT", "POST"] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/{BUCKET}/a"))
            .header("host", "127.0.0.1");
        let request = request
            .header("authorization", "AWS4-HMAC-SHA256 x")
            .body(Body::from("second"))
            .unwrap();
        assert!(
            server
                .router()
                .oneshot(request)
                .await
                .unwrap()
                .status()
                .as_u16()
                >= 400,
            "{method}"
        );
    }
    assert_eq!(
        server
            .get("a")
            .unwrap()
            .map(|(_, content)| content)
            .as_deref(),
        Some(b"first".as_slice())
    );
}

async fn answer_to(server: &S3, method: &str, uri: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("host", "127.0.0.1");
    let request = request
        .header("authorization", "AWS4-HMAC-SHA256 x")
        .body(Body::empty())
        .unwrap();
    let answer = server.router().oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn an_object_says_when_it_was_put_in_lists_and_by_itself() {
    let scratch = TempDir::new();
    for server in [
        S3::new(BUCKET, None, testing::clock().reader()),
        S3::new(
            BUCKET,
            Some(scratch.path("archive")),
            testing::clock().reader(),
        ),
    ] {
        archive(&server, BUCKET)
            .await
            .put("segments/0/a", "first".to_owned())
            .await
            .unwrap();
        let (_, _, text) = answer_to(&server, "GET", &format!("/{BUCKET}?list-type=2")).await;
        let facts = "<LastModified>2023-11-14T22:13:20.000Z</LastModified><Size>5</Size>";
        assert!(text.contains(facts), "{text}");
        let (status, headers, _) =
            answer_to(&server, "GET", &format!("/{BUCKET}/segments/0/a")).await;
        assert_eq!(
            (status.as_u16(), &headers["last-modified"]),
            (200, &"Tue, 14 Nov 2023 22:13:20 GMT".parse().unwrap())
        );
        let (_, _, text) = answer_to(&server, "GET", "/").await;
        assert!(text.contains(&format!("<Name>{BUCKET}</Name>")), "{text}");
    }
}

#[tokio::test]
async fn a_list_with_a_delimiter_shows_folders_once() {
    let server = S3::new(BUCKET, None, testing::clock().reader());
    for name in ["segments/0/a", "segments/0/b", "segments/1/a", "top"] {
        assert!(server.put(name, b"x").unwrap());
    }
    let shown = async |query: &str| {
        answer_to(&server, "GET", &format!("/{BUCKET}?{query}"))
            .await
            .2
    };
    let text = shown("delimiter=%2F").await;
    assert!(
        text.contains("<KeyCount>2</KeyCount>") && text.contains("<Prefix>segments/</Prefix>"),
        "{text}"
    );
    let text = shown("delimiter=%2F&prefix=segments%2F&continuation-token=segments%2F0%2F").await;
    assert!(
        text.contains("<KeyCount>1</KeyCount>") && text.contains("<Prefix>segments/1/</Prefix>"),
        "{text}"
    );
}

#[test]
fn objects_older_than_the_retention_are_removed() {
    let scratch = TempDir::new();
    for folder in [None, Some(scratch.path("archive"))] {
        let clock = testing::clock();
        let server = S3::new(BUCKET, folder, clock.reader());
        assert!(server.put("old", b"x").unwrap());
        clock.advance(Duration::from_secs(60));
        assert!(server.put("new", b"x").unwrap());
        assert_eq!(server.expire(Duration::from_secs(60)).unwrap(), 1);
        assert_eq!(server.names("").unwrap(), ["new"]);
    }
}
