//! No body breaks a route: what is too long, of another type, or made to hurt a parser is refused, changes nothing, and the
//! next good request is granted.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use crate::guard_answers::{BODY_LIMIT, assert_proper, routes_with_body, routes_without_body};
use crate::guard_requests::{Granted, assert_unchanged, granted, state, unlimited};

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let app = unlimited().await;
    for route in routes_with_body() {
        let request = granted(&app, route, "a").await;
        let mut body = request
            .body
            .clone()
            .unwrap_or_else(|| json!({}))
            .to_string()
            .into_bytes();
        body.resize(BODY_LIMIT + 1, b' ');
        request
            .send_body(body.clone())
            .await
            .assert_problem(413, "payload_too_large");
        body.truncate(BODY_LIMIT);
        let answer = request.send_body(body).await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
    }
}

#[tokio::test]
async fn other_content_types_are_refused_and_a_charset_is_tolerated() {
    let app = unlimited().await;
    for route in routes_with_body() {
        let request = granted(&app, route, "a").await;
        let before = state(&app).await;
        let json = request
            .body
            .clone()
            .unwrap_or_else(|| json!({}))
            .to_string();
        let form = "email=a%40example.com&password=x";
        let multipart = "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na@example.com\r\n--x--\r\n";
        for (kind, body) in [
            (None, json.as_str()),
            (Some("text/plain"), &json),
            (Some("text/json"), &json),
            (Some("application/jsonp"), &json),
            (Some("application/json-patch+json"), &json),
            (Some("application/problem+json"), &json),
            (Some("application/x-www-form-urlencoded"), form),
            (Some("multipart/form-data; boundary=x"), multipart),
            (Some("application/xml"), "<email/>"),
            (Some("*/*"), &json),
            (Some("application/json; foo=bar"), &json),
            (Some("application/json; charset=utf-8; foo=bar"), &json),
            (Some("application/json; charset"), &json),
            (Some(""), &json),
        ] {
            let answer = request.send_typed(kind, body).await;
            let what = format!("{} as {kind:?}", route.function);
            assert_eq!(answer.status, 415, "{what}: {}", answer.text());
            assert_proper(&what, &request.path, &answer);
        }
        let twice = Granted {
            actor: request.actor.clone().header("content-type", "text/plain"),
            ..request.clone()
        };
        assert_eq!(
            twice.send().await.status,
            415,
            "{}: two content types",
            route.function
        );
        assert_unchanged(
            &app,
            &before,
            &format!("{} with other content types", route.function),
        )
        .await;
        let answer = request
            .send_typed(Some("Application/JSON; charset=utf-8"), json.as_str())
            .await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_identity_is_taken() {
    let app = unlimited().await;
    for route in routes_with_body() {
        let mut request = granted(&app, route, "a").await;
        let (actor, before) = (request.actor.clone(), state(&app).await);
        for coding in ["gzip", "br", "identity, gzip", "x"] {
            request.actor = actor.clone().header("content-encoding", coding);
            let answer = request.send().await;
            answer.assert_problem(415, "unsupported_media_type");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
        }
        let what = format!("{} with compressed bodies", route.function);
        assert_unchanged(&app, &before, &what).await;
        request.actor = actor.header("content-encoding", "identity");
        let answer = request.send().await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_route_without_a_body_refuses_one() {
    let app = unlimited().await;
    for route in routes_without_body() {
        let request = granted(&app, route, "a").await;
        let before = state(&app).await;
        let answer = request.send_body("{\"a\":1}").await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.rules(), ["/a unknown_member"], "{}", route.function);
        request
            .send_body("{")
            .await
            .assert_problem(400, "malformed_json");
        request
            .send_typed(Some("text/plain"), "x")
            .await
            .assert_problem(415, "unsupported_media_type");
        request
            .send_body(vec![b' '; BODY_LIMIT + 1])
            .await
            .assert_problem(413, "payload_too_large");
        let what = format!("{} with a body", route.function);
        assert_unchanged(&app, &before, &what).await;
        // Generated clients send an object without members.
        let answer = request.send_body("{}").await;
        assert!(answer.status.is_success(), "{what}: {}", answer.text());
    }
}

/// A body that is no request, and the status that refuses it if that is one.
struct Hostile {
    what: String,
    body: Vec<u8>,
    status: Option<u16>,
}

fn hostile(
    what: impl Into<String>,
    body: impl Into<Vec<u8>>,
    status: impl Into<Option<u16>>,
) -> Hostile {
    Hostile {
        what: what.into(),
        body: body.into(),
        status: status.into(),
    }
}

/// A good body with another member behind its own.
fn with_more(good: &Value, member: &str) -> String {
    format!("{},{member}}}", good.to_string().trim_end_matches('}'))
}

/// Each member twice, also under an escaped name (RFC 8259 section 4).
fn duplicates(good: &Value, members: &[String]) -> Vec<Hostile> {
    let twice = |member: &String| {
        let (first, rest) = member.split_at(1);
        let escaped = format!("\\u{:04x}", first.as_bytes()[0]);
        [
            hostile(
                "a duplicate member",
                with_more(good, &format!("\"{member}\":{}", good[member])),
                400,
            ),
            hostile(
                "an escaped duplicate",
                with_more(good, &format!("\"{escaped}{rest}\":\"x\"")),
                400,
            ),
        ]
    };
    members.iter().flat_map(twice).collect()
}

/// Each member with every kind of value that it does not have.
fn other_values(good: &Value, members: &[String]) -> Vec<Hostile> {
    let long = "9".repeat(9_000);
    let values = [
        ("a huge number", "1e999"),
        ("a long number", &long),
        ("a number", "-31337"),
        ("null", "null"),
        ("true", "true"),
        ("a list", "[\"x\"]"),
        ("an object", "{\"a\":{\"$ne\":1}}"),
        ("a lone surrogate", "\"\\ud800\""),
        ("a lone low surrogate", "\"x\\udc00y\""),
        ("a raw NUL", "\"a\0b\""),
        ("a raw line break", "\"a\nb\""),
        ("a broken escape", "\"\\x41\""),
        ("not a number", "NaN"),
    ];
    let placed = |member: &String, value: &str| {
        let mut other = good.clone();
        other[member] = json!("<here>");
        other.to_string().replace("\"<here>\"", value)
    };
    let each = |member: &String| {
        values.map(|(what, value)| {
            hostile(format!("{what} as {member}"), placed(member, value), None)
        })
    };
    members.iter().flat_map(each).collect()
}

/// Members that no route takes, those that the server owns above all.
fn unknown_members(good: &Value) -> Vec<Hostile> {
    let owned = [
        "role",
        "id",
        "email_verified",
        "is_active",
        "user_id",
        "status",
        "ver_current",
        "pending_email",
        "created_at",
        "schema_version",
    ];
    let strange = ["__proto__", "constructor", "$where", "", " ", "\0", "a/b~c"];
    let names = owned
        .into_iter()
        .filter(|name| good.get(name).is_none())
        .chain(strange);
    names
        .map(|name| {
            hostile(
                format!("the member {name:?}"),
                with_more(good, &format!("{}:\"admin\"", json!(name))),
                422,
            )
        })
        .collect()
}

fn too_deep(good: &Value) -> [Hostile; 3] {
    let lists = format!("\"x\":{}{}", "[".repeat(8_000), "]".repeat(8_000));
    let objects = format!("\"x\":{}1{}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
    [
        hostile("deep lists", with_more(good, &lists), 400),
        hostile("deep objects", with_more(good, &objects), 400),
        hostile("nothing but brackets", vec![b'['; 16_000], None),
    ]
}

/// JSON is UTF-8 without a byte order mark (RFC 8259 section 8.1).
fn other_encodings(good: &Value) -> [Hostile; 5] {
    let text = good.to_string();
    let big_endian = [0xFEFF]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_be_bytes);
    let raw = |bytes: &[u8]| {
        [
            text.trim_end_matches('}').as_bytes(),
            b",\"x\":\"",
            bytes,
            b"\"}",
        ]
        .concat()
    };
    [
        hostile("a BOM", [b"\xef\xbb\xbf", text.as_bytes()].concat(), 400),
        hostile(
            "UTF-16",
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>(),
            400,
        ),
        hostile("UTF-16 with a BOM", big_endian.collect::<Vec<_>>(), 400),
        hostile("invalid UTF-8", raw(b"\xff"), 400),
        hostile("an overlong form", raw(b"\xc0\x80"), 400),
    ]
}

fn no_objects(good: &Value) -> Vec<Hostile> {
    let text = good.to_string();
    let fixed = [
        ("white space", " \r\n\t ", 400),
        ("a list", "[]", 422),
        ("a text", "\"x\"", 422),
        ("a number", "1", 422),
        ("null", "null", 422),
        ("a comment", "{/**/}", 400),
        ("single quotes", "{'email':'x'}", 400),
        ("a comma too many", "{\"x\":1,}", 400),
        ("a key that is no text", "{1:1}", 400),
        ("NULs", "\0\0\0\0", 400),
        ("an open list", "[", 400),
        ("a cut list", "[1,2", 400),
        ("a bracket too many", "[]]", 400),
        ("a letter behind a number", "12x", 400),
        ("a word behind a text", "\"a\" x", 400),
        ("a lone surrogate in a list", "[\"\\ud800\"]", 400),
    ];
    let half = text.bytes().take(text.len() / 2).collect::<Vec<_>>();
    let broken = [
        hostile("two objects", format!("{text}{text}"), 400),
        hostile("something behind it", format!("{text}x"), 400),
        hostile("half of it", half, 400),
        hostile("a list of invalid UTF-8", b"[\"\xff\"]".to_vec(), 400),
    ];
    fixed
        .into_iter()
        .map(|(what, body, status)| hostile(what, body, status))
        .chain(broken)
        .collect()
}

/// All of them, made from a body that is good.
fn hostile_bodies(good: &Value, members: &[String]) -> Vec<Hostile> {
    let mut all = duplicates(good, members);
    all.extend(other_values(good, members));
    all.extend(unknown_members(good));
    all.extend(too_deep(good));
    all.extend(other_encodings(good));
    all.extend(no_objects(good));
    all
}

#[tokio::test]
async fn no_hostile_body_breaks_a_route_or_changes_anything() {
    let app = unlimited().await;
    for route in routes_with_body() {
        let request = granted(&app, route, "a").await;
        let before = state(&app).await;
        let good = request.body.clone().expect("a body");
        for Hostile { what, body, status } in hostile_bodies(&good, &request.members()) {
            let answer = request.send_body(body).await;
            let what = format!("{} with {what}", route.function);
            assert!(
                answer.status.is_client_error(),
                "{what}: {} {}",
                answer.status,
                answer.text()
            );
            assert_proper(&what, &request.path, &answer);
            if let Some(status) = status {
                assert_eq!(answer.status, status, "{what}: {}", answer.text());
            } else {
                assert!(
                    [400, 422].contains(&answer.status.as_u16()),
                    "{what}: {}",
                    answer.text()
                );
            }
        }
        if route.function != "auth-logout" {
            request
                .send_body("")
                .await
                .assert_problem(400, "malformed_json");
        }
        assert_unchanged(
            &app,
            &before,
            &format!("{} with hostile bodies", route.function),
        )
        .await;
        let answer = request.send().await;
        assert!(
            answer.status.is_success(),
            "{} after hostile bodies: {}",
            route.function,
            answer.text()
        );
    }
}

#[tokio::test]
async fn no_strange_text_breaks_a_route() {
    let app = unlimited().await;
    for route in routes_with_body() {
        let members = granted(&app, route, "a").await.members();
        let mut count = 0;
        for member in &members {
            for text in [
                "",
                " ",
                "\0",
                "a\0b@example.com",
                "\u{feff}",
                "\u{202e}x",
                "\u{fffe}\u{10ffff}",
                "👩‍👩‍👧",
                "e\u{301}",
                "%00",
                "../../etc/passwd",
                "' OR 1=1 --",
                "${jndi:ldap://x}",
                "{{7*7}}",
                "<script>",
                "a@b",
                "USER#x",
                &"\u{1F600}".repeat(3_000),
                &"x".repeat(15_000),
            ] {
                count += 1;
                let request = granted(&app, route, &format!("b{count}")).await;
                let mut body = request.body.clone().expect("a body");
                body[member] = json!(text);
                let answer = request.send_body(body.to_string()).await;
                assert_proper(
                    &format!("{} with {member} {text:.20?}", route.function),
                    &request.path,
                    &answer,
                );
            }
        }
        let request = granted(&app, route, "c").await;
        assert!(
            request.send().await.status.is_success(),
            "{}",
            route.function
        );
    }
}
