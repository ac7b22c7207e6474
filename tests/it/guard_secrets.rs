//! A secret stands in the answer or the mail that hands it out and nowhere else: in no log line at any level that can be
//! switched on, in no table, in no other answer, and in nothing that `Debug` prints.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use bundle_tests::{Actor, Answer, Fault, Log, TestApp};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::config::{Config, Settings};
use shared::domain::{Password, RowId, SessionId, Timestamp, UserId};
use shared::ground::entropy::{OsEntropy, SeededEntropy, uuid_v4};
use shared::keys::{MAIL_KEY, SIGNING_RING};
use shared::mail::{Content, compose};
use shared::routes::MailKind;
use shared::tokens::{Family, MailPurpose, MailedToken, RefreshToken, SigningKey, SigningRing};

const EMAIL: &str = "ada@example.com";
const FIRST: &str = "M4rk3d-First-Password";
const WRONG: &str = "M4rk3d-Wrong-Password";
const CHANGED: &str = "M4rk3d-Changed-Password";
const RESET: &str = "M4rk3d-Reset-Password";
const WEAK: &str = "m4rk3dweak";
const PASSWORDS: [&str; 5] = [FIRST, WRONG, CHANGED, RESET, WEAK];

/// What clients were told, in order: by what, and the whole text.
#[derive(Default)]
struct Transcript(Vec<(String, String)>);

impl Transcript {
    fn note(&mut self, what: &str, answer: Answer) -> Answer {
        self.0.push((
            what.to_owned(),
            format!("{} {:?}\n{}", answer.status, answer.headers, answer.text()),
        ));
        answer
    }

    async fn post(&mut self, actor: &Actor<'_>, name: &str, body: Value) -> Answer {
        self.send(
            actor,
            Method::POST,
            &format!("/api/v1/auth/{name}"),
            Some(body),
        )
        .await
    }

    async fn send(
        &mut self,
        actor: &Actor<'_>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let what = format!("{method} {path}");
        let answer = actor.request(method, path, body.as_ref()).await;
        self.note(&what, answer)
    }
}

/// A secret by its name.
type Secrets = Vec<(String, String)>;

fn tokens_of(what: &str, answer: &Answer, secrets: &mut Secrets) -> (String, String) {
    answer.assert(200);
    let token = |name: &str| answer.json()[name].as_str().expect("a token").to_owned();
    let pair = (token("access_token"), token("refresh_token"));
    secrets.push((format!("the access token of {what}"), pair.0.clone()));
    secrets.push((format!("the refresh token of {what}"), pair.1.clone()));
    pair
}

/// An account's whole life, with everything going wrong on the way that can.
async fn live(app: &TestApp) -> (Transcript, Secrets) {
    let mut told = Transcript::default();
    let mut secrets: Secrets = PASSWORDS
        .iter()
        .map(|password| (format!("the password {password}"), (*password).to_owned()))
        .collect();
    let client = app.anonymous();
    register(app, &client, &mut told, &mut secrets).await;
    let first = told
        .post(
            &client,
            "login",
            json!({ "email": EMAIL, "password": FIRST }),
        )
        .await;
    let (access, refresh) = tokens_of("the first login", &first, &mut secrets);
    sign_in_wrongly(app, &client, &mut told, &access, &refresh).await;
    let refreshed = told
        .post(&client, "refresh", json!({ "refresh_token": refresh }))
        .await;
    let (access, _) = tokens_of("the refresh", &refreshed, &mut secrets);
    let ada = client.clone().bearer(&access);
    for (method, path) in [
        (Method::GET, "me"),
        (Method::GET, "sessions"),
        (Method::DELETE, "sessions/others"),
    ] {
        told.send(&ada, method, &format!("/api/v1/auth/{path}"), None)
            .await
            .assert(200);
    }
    let change = json!({ "current_password": WRONG, "new_password": CHANGED });
    told.post(&ada, "change-password", change).await.assert(401);
    told.post(
        &ada,
        "change-password",
        json!({ "current_password": FIRST, "new_password": WEAK }),
    )
    .await
    .assert(422);
    let changed = told
        .post(
            &ada,
            "change-password",
            json!({ "current_password": FIRST, "new_password": CHANGED }),
        )
        .await;
    let (access, current) = tokens_of("the change", &changed, &mut secrets);
    let ada = client.clone().bearer(&access);
    let address = json!({ "email": "new@example.com", "current_password": CHANGED });
    told.send(&ada, Method::PATCH, "/api/v1/auth/me", Some(address))
        .await
        .assert(200);
    secrets.push((
        "the token of the new address".to_owned(),
        app.mailed("new@example.com", "dvt_").await,
    ));
    let rotated = told
        .post(&client, "refresh", json!({ "refresh_token": current }))
        .await;
    tokens_of("the refresh after the change", &rotated, &mut secrets);
    app.advance(60);
    // The spent token again is theft.
    told.post(&client, "refresh", json!({ "refresh_token": current }))
        .await
        .assert_problem(401, "invalid_refresh_token");
    recover(app, &client, &mut told, &mut secrets).await;
    app.drain().await;
    (told, secrets)
}

async fn register(app: &TestApp, client: &Actor<'_>, told: &mut Transcript, secrets: &mut Secrets) {
    let applicant = json!({ "email": EMAIL, "password": FIRST, "name": "Ada" });
    told.post(
        client,
        "register",
        json!({ "email": EMAIL, "password": WEAK, "name": "Ada" }),
    )
    .await
    .assert(422);
    told.post(
        client,
        "register",
        json!({ "email": FIRST, "password": FIRST, "name": FIRST, "role": FIRST }),
    )
    .await
    .assert(422);
    told.post(client, "register", applicant.clone())
        .await
        .assert(201);
    told.post(
        client,
        "login",
        json!({ "email": EMAIL, "password": FIRST }),
    )
    .await
    .assert(403);
    let token = app.mailed(EMAIL, "dvt_").await;
    secrets.push(("the verification token".to_owned(), token.clone()));
    told.post(
        client,
        "verify-email",
        json!({ "token": token, "password": FIRST }),
    )
    .await
    .assert(422);
    told.post(client, "verify-email", json!({ "token": token }))
        .await
        .assert(200);
    told.post(client, "verify-email", json!({ "token": token }))
        .await
        .assert(400);
    told.post(client, "register", applicant).await.assert(201);
}

/// Every way to be turned away with secrets in hand: wrong ones, broken bodies, secrets in the wrong place, a store that
/// fails, a mail server that does.
async fn sign_in_wrongly(
    app: &TestApp,
    client: &Actor<'_>,
    told: &mut Transcript,
    access: &str,
    refresh: &str,
) {
    told.post(
        client,
        "login",
        json!({ "email": EMAIL, "password": WRONG }),
    )
    .await
    .assert(401);
    told.post(
        client,
        "login",
        json!({ "email": "nobody@example.com", "password": WRONG }),
    )
    .await
    .assert(401);
    told.post(
        client,
        "login",
        json!({ "email": WRONG, "password": WRONG }),
    )
    .await
    .assert(422);
    let broken = client
        .raw(
            Method::POST,
            "/api/v1/auth/login",
            Some("application/json"),
            format!("{{\"password\":\"{WRONG}\"").into(),
        )
        .await;
    told.note("a broken body", broken).assert(400);
    let form = client
        .raw(
            Method::POST,
            "/api/v1/auth/login",
            Some("application/x-www-form-urlencoded"),
            format!("password={WRONG}").into(),
        )
        .await;
    told.note("a form", form).assert(415);
    let query =
        format!("/api/v1/auth/me?access_token={access}&refresh_token={refresh}&password={WRONG}");
    told.send(client, Method::GET, &query, None)
        .await
        .assert(401);
    let swapped = client.clone().bearer(refresh);
    told.send(&swapped, Method::GET, "/api/v1/auth/me", None)
        .await
        .assert(401);
    told.post(client, "refresh", json!({ "refresh_token": access }))
        .await
        .assert(401);
    told.post(
        client,
        "refresh",
        json!({ "refresh_token": refresh, "access_token": access }),
    )
    .await
    .assert(422);
    for fault in [Fault::InternalError, Fault::Throttled, Fault::Conflict] {
        app.proxy.plan("", fault, 1_000);
        let bearer = client.clone().bearer(access);
        told.post(
            client,
            "login",
            json!({ "email": EMAIL, "password": FIRST }),
        )
        .await;
        told.post(client, "refresh", json!({ "refresh_token": refresh }))
            .await;
        told.post(
            &bearer,
            "change-password",
            json!({ "current_password": FIRST, "new_password": CHANGED }),
        )
        .await;
        told.post(
            client,
            "register",
            json!({ "email": "else@example.com", "password": FIRST, "name": "Ada" }),
        )
        .await;
        app.proxy.heal();
    }
}

async fn recover(app: &TestApp, client: &Actor<'_>, told: &mut Transcript, secrets: &mut Secrets) {
    app.drain().await;
    app.advance(1);
    told.post(client, "request-password-reset", json!({ "email": EMAIL }))
        .await
        .assert(202);
    app.proxy.plan("UpdateItem", Fault::InternalError, 1_000);
    app.drain().await;
    app.proxy.heal();
    // The failed message comes again when its claim has run out.
    app.advance(120);
    app.redeliver().await.expect("the mail is sent");
    let token = app.mailed(EMAIL, "drs_").await;
    secrets.push(("the reset token".to_owned(), token.clone()));
    told.post(
        client,
        "reset-password",
        json!({ "token": token, "new_password": WEAK }),
    )
    .await
    .assert(422);
    told.post(
        client,
        "reset-password",
        json!({ "token": token, "new_password": RESET }),
    )
    .await
    .assert(200);
    told.post(
        client,
        "reset-password",
        json!({ "token": token, "new_password": RESET }),
    )
    .await
    .assert(400);
    let again = told
        .post(
            client,
            "login",
            json!({ "email": EMAIL, "password": RESET }),
        )
        .await;
    let (access, refresh) = tokens_of("the last login", &again, secrets);
    let ada = client.clone().bearer(&access);
    told.post(&ada, "logout", json!({ "refresh_token": refresh }))
        .await
        .assert(200);
    told.send(&ada, Method::GET, "/api/v1/auth/me", None)
        .await
        .assert(401);
}

/// The service's own secrets.
async fn keys(app: &TestApp) -> Secrets {
    let mut secrets = Vec::new();
    for (name, member) in [(SIGNING_RING, "/keys/0/pkcs8"), (MAIL_KEY, "/key")] {
        let text = app
            .environment
            .secrets()
            .get(name)
            .await
            .expect("a secret")
            .expect("a value");
        let value: Value = serde_json::from_str(text.expose_secret()).expect("JSON");
        secrets.push((
            name.to_owned(),
            value
                .pointer(member)
                .and_then(Value::as_str)
                .expect("a key")
                .to_owned(),
        ));
    }
    secrets
}

/// What must not be found: the secret itself, and its end, which is what makes it one.
fn needles(secret: &str) -> Vec<&str> {
    let end = secret.len().saturating_sub(32);
    if secret.len() < 64 {
        vec![secret]
    } else {
        vec![secret, &secret[end..]]
    }
}

fn holds(text: &str, secret: &str) -> bool {
    needles(secret)
        .into_iter()
        .any(|needle| text.contains(needle))
}

/// The lines of a log that hold a secret, cut to what is readable.
fn lines_with(log: &str, secret: &str) -> Vec<String> {
    log.lines()
        .filter(|line| holds(line, secret))
        .map(|line| line.chars().take(300).collect())
        .collect()
}

#[test]
fn no_secret_is_found_but_where_it_is_handed_out() {
    let log = Log::default();
    let (told, secrets, keys, tables, mails, metrics) = log.capture(async {
        let app = TestApp::with(&[
            ("RATE_LIMIT_SCALE", "1000"),
            ("LOCKOUT_THRESHOLD", "100"),
            ("METRICS", "emf"),
        ])
        .await;
        let (told, secrets) = live(&app).await;
        let mails: Vec<_> = app
            .aws
            .mailbox
            .messages(None)
            .into_iter()
            .map(|mail| format!("{}\n{}\n{}", mail.subject, mail.text, mail.html))
            .collect();
        (
            told,
            secrets,
            keys(&app).await,
            app.db_everything().await,
            mails,
            app.metrics.text(),
        )
    });
    let log = log.text();
    assert!(
        log.contains("\"endpoint\":\"/api/v1/auth/login\"") && log.contains("request failed"),
        "the log was not captured"
    );
    assert!(metrics.contains("auth-login"), "no metrics were captured");
    assert!(
        log.contains("DEBUG"),
        "the log was not captured at debug level"
    );
    assert!(
        tables.contains("auth.reset_password") && mails.len() >= 7,
        "the flows did not run: {} mails",
        mails.len()
    );
    for (name, secret) in secrets.iter().chain(&keys) {
        let is_token = name.contains("token");
        assert_eq!(
            lines_with(&log, secret),
            Vec::<String>::new(),
            "the log holds {name}"
        );
        assert!(!holds(&tables, secret), "the tables hold {name}");
        assert!(!holds(&metrics, secret), "the metrics hold {name}");
        let answers: Vec<_> = told
            .0
            .iter()
            .filter(|(_, text)| holds(text, secret))
            .map(|(what, _)| what)
            .collect();
        let mailed = mails.iter().filter(|mail| holds(mail, secret)).count();
        let is_mailed = is_token && (secret.starts_with("dvt_") || secret.starts_with("drs_"));
        assert_eq!(
            answers.len(),
            usize::from(is_token && !is_mailed),
            "{name} stands in the answers to {answers:?}"
        );
        assert_eq!(
            mailed,
            usize::from(is_mailed),
            "{name} stands in this many mails"
        );
    }
}

#[test]
fn nothing_of_a_password_is_stored_but_its_hash() {
    let tables = Log::default().capture(async {
        let app = TestApp::start().await;
        let client = app.anonymous();
        client
            .post(
                "/api/v1/auth/register",
                &json!({ "email": EMAIL, "password": FIRST, "name": "Ada" }),
            )
            .await
            .assert(201);
        client.try_log_in(EMAIL, WRONG).await.assert(401);
        app.db_everything().await
    });
    assert!(tables.contains("$argon2id$"));
    assert!(!tables.to_lowercase().contains("m4rk3d"));
}

/// The texts that `Debug` prints for a value, in both its forms.
fn shown(value: &dyn std::fmt::Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

#[test]
fn debug_shows_no_password_and_no_token() {
    let password = Password::presented(FIRST.to_owned()).expect("a password");
    assert!(!shown(&password).contains(FIRST));
    let entropy = SeededEntropy::new(1);
    let (user, session) = (
        UserId::new(uuid_v4(&entropy)),
        SessionId::new(uuid_v4(&entropy)),
    );
    let refresh = RefreshToken::random(user, session, Family::random(&entropy), &entropy);
    assert!(
        !holds(&shown(&refresh), &refresh.expose())
            && !shown(&refresh).contains(|c: char| c.is_ascii_digit())
    );
    let row = RowId::new(uuid_v4(&entropy));
    for purpose in [MailPurpose::Verification, MailPurpose::Reset] {
        let mailed = MailedToken::of_row(b"a key", purpose, row, user.uuid());
        assert!(
            !holds(&shown(&mailed), &mailed.expose())
                && !shown(&mailed).contains(|c: char| c.is_ascii_digit())
        );
    }
}

#[test]
fn debug_shows_no_private_key() {
    let ring = SigningRing::generate(Timestamp::EPOCH).expect("a ring");
    let secret = ring.to_secret().expect("text");
    let value: Value = serde_json::from_str(&secret).expect("JSON");
    let private = value["keys"][0]["pkcs8"].as_str().expect("a key");
    let key: &SigningKey = &ring.keys()[0];
    for text in [shown(&ring), shown(key)] {
        assert!(!holds(&text, private) && text.len() < 400, "{text}");
    }
}

#[test]
fn debug_shows_no_setting_that_is_secret() {
    let edge = format!(
        "m4rk3d{}",
        &shared::ground::digest::fingerprint(b"the edge")[6..]
    );
    let settings = Settings::default()
        .with("DASHTAM_TRUSTED_EDGE", "cloudfront")
        .with("DASHTAM_TRUSTED_EDGE_SECRETS", edge)
        .with("AWS_SECRET_ACCESS_KEY", "m4rk3d");
    let config = Config::parse(&settings).expect("valid");
    for text in [
        shown(&settings),
        shown(&config),
        shown(&config.network),
        shown(&config.network.trusted_edge),
    ] {
        assert!(!text.contains("m4rk3d"), "{text}");
    }
    let short = Config::parse(&settings.with("DASHTAM_TRUSTED_EDGE_SECRETS", "m4rk3d"))
        .expect_err("too short");
    assert!(!shown(&short).contains("m4rk3d") && !short.to_string().contains("m4rk3d"));
}

#[test]
fn debug_shows_no_mail() {
    let token = MailedToken::of_row(
        b"a key",
        MailPurpose::Reset,
        RowId::new(uuid_v4(&OsEntropy)),
        uuid_v4(&OsEntropy),
    );
    let token = token.expose();
    let link = format!("https://auth.example/reset-password#token={token}");
    let content = Content {
        link: Some((link, Duration::from_secs(900))),
        ..Content::default()
    };
    let mail = compose(MailKind::PasswordReset, &content);
    assert!(mail.text.contains(&token), "the guard's mail has no link");
    assert!(
        !holds(&shown(&mail), &token),
        "Debug of shared::mail::Message shows the token"
    );
}

#[tokio::test]
async fn debug_shows_no_stored_hash() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let token = RefreshToken::parse(ada.refresh.as_deref().expect("a token")).expect("a token");
    let store = app.environment.store();
    let user = store
        .user(token.user())
        .await
        .expect("a read")
        .expect("a user");
    assert!(!shown(&user).contains("argon2") && !shown(&user).contains(EMAIL));
    for session in store.sessions(user.id).await.expect("a read") {
        assert!(
            !shown(&session).contains(&token.hash())
                && !shown(&session).contains(&token.family().hash())
        );
    }
    let caller = app
        .environment
        .authenticator()
        .caller(ada.access.as_deref().unwrap_or_default())
        .await
        .expect("a caller");
    let text = shown(&caller);
    assert!(
        !text.contains("argon2") && !text.contains(&token.hash()) && !text.contains(EMAIL),
        "{text}"
    );
}
