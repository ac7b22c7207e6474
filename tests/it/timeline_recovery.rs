//! `ops audit timeline` tells who did what to an account that a thief had, in words for its owner.

use bundle_tests::{Actor, Answer, PASSWORD, TestApp};
use http::Method;
use serde_json::json;

use crate::timeline::{SPAN, assert_told, ops};

const OWNER: &str = "owner@example.com";
const EVIL: &str = "evil@example.com";
const NEW: &str = "Other-Horse-8-Battery";
const ME: &str = "/api/v1/auth/me";
const REGISTER: &str = "/api/v1/auth/register";
const THIEFS_AGENT: &str = "curl/8.5.0";
/// Where the owner and the thief are.
const HOME: &str = "203.0.113.7";
const AWAY: &str = "192.0.2.66";

fn owner(app: &TestApp) -> Actor<'_> {
    app.anonymous().at(HOME)
}

fn thief(app: &TestApp) -> Actor<'_> {
    app.anonymous().at(AWAY).header("user-agent", THIEFS_AGENT)
}

async fn told(app: &TestApp, whom: &str) -> String {
    ops(
        app,
        &[&["audit", "timeline", "--user", whom][..], &SPAN].concat(),
    )
    .await
}

async fn secure(actor: &Actor<'_>, token: &str) -> Answer {
    actor.app().advance(60);
    actor
        .post("/api/v1/auth/secure-account", &json!({ "token": token }))
        .await
}

async fn request_change(actor: &Actor<'_>, to: &str) {
    actor.app().advance(60);
    actor
        .patch(ME, &json!({ "email": to, "current_password": PASSWORD }))
        .await
        .assert(200);
}

/// Moves the account of `actor` to `to`.
async fn move_to(actor: &Actor<'_>, to: &str) {
    request_change(actor, to).await;
    actor.app().advance(60);
    let token = json!({ "token": actor.app().mailed(to, "dvt_").await });
    actor
        .post("/api/v1/auth/verify-email", &token)
        .await
        .assert(200);
    actor.app().advance(60);
}

/// Sets a new password by the newest reset link in a mailbox.
async fn reset(actor: &Actor<'_>, email: &str) {
    actor.app().advance(60);
    let body = json!({ "token": actor.app().mailed(email, "drs_").await, "new_password": NEW });
    actor
        .post("/api/v1/auth/reset-password", &body)
        .await
        .assert(200);
}

async fn link(app: &TestApp, email: &str, subject: &str) -> String {
    app.drain().await;
    let mails = app.aws.mailbox.messages(Some(email));
    let text = mails
        .into_iter()
        .find(|mail| mail.subject == subject)
        .map(|mail| mail.text)
        .expect(subject);
    text.split("#token=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a link")
        .to_owned()
}

#[tokio::test]
async fn an_account_that_a_thief_moved_away_and_its_owner_took_back() {
    let app = TestApp::start().await;
    app.verified(OWNER).await;
    app.advance(60);
    drop(owner(&app).log_in(OWNER, PASSWORD).await);
    app.advance(60);
    let stolen = thief(&app).log_in(OWNER, PASSWORD).await;
    move_to(&stolen, EVIL).await;
    drop(thief(&app).log_in(EVIL, PASSWORD).await);
    // The owner knows the former address alone, and so does the operator whom they call.
    let before = told(&app, OWNER).await;
    let moved: &[&[&str]] = &[
        &["owner@example.com logged in", HOME],
        &["owner@example.com logged in", "in session 2", AWAY],
        &[
            "owner@example.com asked to move the account to evil@example.com",
            "an email with a link to confirm it was queued for that address and a notice for the present one",
            "in session 2",
            AWAY,
        ],
        &[
            "evil@example.com confirmed the new email address",
            "the account moved from owner@example.com to evil@example.com and every session was ended",
            "owner@example.com can take the account back until 2027-01-22",
            AWAY,
        ],
        &["evil@example.com logged in", "in session 3", AWAY],
    ];
    assert_told(&before, moved);
    assert_eq!(told(&app, EVIL).await, before);
    secure(
        &owner(&app),
        &link(&app, OWNER, "Sign-in from a new device").await,
    )
    .await
    .assert(200);
    reset(&owner(&app), OWNER).await;
    app.advance(60);
    drop(owner(&app).log_in(OWNER, NEW).await);
    let after = told(&app, OWNER).await;
    let recovered: &[&[&str]] = &[
        &["owner@example.com logged in", "in session 2", AWAY],
        &[
            "owner@example.com asked to move the account to removed address 1",
            AWAY,
        ],
        &["the account moved from owner@example.com to removed address 1"],
        &["removed address 1 logged in", "in session 3", AWAY],
        &[
            "owner@example.com said \"this wasn't me\"",
            "the account went back from removed address 1 to owner@example.com",
            "every session was ended, the password stopped working and an email with a reset link was queued for owner@example.com",
            HOME,
        ],
        &[
            "owner@example.com set a new password by a mailed link",
            "every session was ended",
            HOME,
        ],
        &["owner@example.com logged in", "in session 4", HOME],
        &["Email addresses that are no longer stored"],
        &["removed address 1", "SHA-256"],
    ];
    assert_told(&after, recovered);
    assert!(
        !after.contains(EVIL),
        "what was removed is stored nowhere: {after}"
    );
}

#[tokio::test]
async fn links_that_a_thief_has_gathered_and_uses_after_the_recovery() {
    let app = TestApp::start().await;
    app.verified(OWNER).await;
    let stolen = thief(&app).log_in(OWNER, PASSWORD).await;
    move_to(&stolen, EVIL).await;
    let stolen = thief(&app).log_in(EVIL, PASSWORD).await;
    request_change(&stolen, "other@example.com").await;
    app.drain().await;
    let gathered = app.mailed_tokens(EVIL, "dsa_").await;
    app.advance(60);
    secure(
        &owner(&app),
        &link(&app, OWNER, "Your email address was changed").await,
    )
    .await
    .assert(200);
    reset(&owner(&app), OWNER).await;
    for token in &gathered {
        secure(&thief(&app), token).await.assert(400);
    }
    assert_told(
        &told(&app, OWNER).await,
        &[
            &[
                "went back from removed address 1 to owner@example.com",
                HOME,
            ],
            &[
                "owner@example.com set a new password by a mailed link",
                HOME,
            ],
            &[
                "Someone (account owner@example.com) tried to take the account back by a notice that was mailed to removed address 1",
                "refused: the account was taken back or its password reset after that notice",
                AWAY,
            ],
        ],
    );
}

#[tokio::test]
async fn two_former_addresses_that_take_the_account_back_in_turn() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    move_to(
        &owner(&app).log_in("a@example.com", PASSWORD).await,
        "b@example.com",
    )
    .await;
    move_to(&thief(&app).log_in("b@example.com", PASSWORD).await, EVIL).await;
    let (of_a, of_b) = (
        app.mailed("a@example.com", "dsa_").await,
        app.mailed("b@example.com", "dsa_").await,
    );
    assert_told(
        &told(&app, "b@example.com").await,
        &[
            &[
                "the account moved from a@example.com to b@example.com",
                "a@example.com can take the account back until",
            ],
            &["b@example.com logged in", AWAY],
            &[
                "the account moved from b@example.com to evil@example.com",
                "b@example.com can take the account back until",
            ],
        ],
    );
    secure(&owner(&app), &of_b).await.assert(200);
    secure(&owner(&app), &of_a).await.assert(200);
    assert_told(
        &told(&app, "a@example.com").await,
        &[
            &["the account moved from a@example.com to removed address 1"],
            &["the account moved from removed address 1 to removed address 2"],
            &[
                "removed address 1 said",
                "the account went back from removed address 2 to removed address 1",
            ],
            &[
                "a@example.com said",
                "the account went back from removed address 1 to a@example.com",
            ],
        ],
    );
}

#[tokio::test]
async fn a_former_address_whose_claim_the_operator_ended() {
    use shared::audit_event::Actor as By;
    use shared::domain::{EmailAddress, Reason};
    use shared::request::{RequestMeta, Task};

    static TASK: Task = Task {
        action: "admin.end_claim",
        name: "ops users end-claim",
    };
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    move_to(
        &owner(&app).log_in("a@example.com", PASSWORD).await,
        "b@example.com",
    )
    .await;
    let token = link(&app, "a@example.com", "Your email address was changed").await;
    let id = owner(&app)
        .log_in("b@example.com", PASSWORD)
        .await
        .me()
        .await
        .json()["id"]
        .to_string();
    let store = app.environment.store();
    let user = store
        .user(id.trim_matches('"').parse().expect("an id"))
        .await
        .expect("a table")
        .expect("a user");
    let former = EmailAddress::parse("a@example.com").expect("an address");
    let reason = Reason::parse("strangers read that mailbox").expect("a reason");
    let meta = RequestMeta::of_task(&TASK, store.now(), store.entropy());
    app.advance(60);
    app.environment
        .administration()
        .end_claim(&meta, By::Operator("olga"), &user, &former, &reason)
        .await
        .expect("ended");
    secure(&thief(&app), &token).await.assert(400);
    assert_told(
        &told(&app, "b@example.com").await,
        &[
            &[
                "b@example.com confirmed the new email address",
                "moved from removed address 1 to b@example.com",
            ],
            &[
                "The operator olga ended the right of the former email address removed address 1 to take an account back",
                "strangers read that mailbox",
            ],
            &[
                "tried to take the account back by a notice that was mailed to removed address 1",
                "or the right of that address was ended",
                AWAY,
            ],
        ],
    );
}

#[tokio::test]
async fn a_sign_up_that_a_stranger_contested() {
    let app = TestApp::start().await;
    let sign_up = async |actor: Actor<'_>, password: &str| {
        let body = json!({ "email": OWNER, "password": password, "name": "Ada" });
        actor.post(REGISTER, &body).await.assert(201);
        app.advance(60);
    };
    sign_up(owner(&app), PASSWORD).await;
    sign_up(owner(&app), PASSWORD).await;
    sign_up(thief(&app), "Wrong-Horse-7-Battery").await;
    reset(&owner(&app), OWNER).await;
    let text = told(&app, OWNER).await;
    assert_told(
        &text,
        &[
            &[
                "Someone (account owner@example.com) registered",
                "an email with a link to finish the sign-up was queued",
                HOME,
            ],
            &[
                "registered again with the same password",
                "an email with the link was queued again",
                HOME,
            ],
            &[
                "registered this email address with another password",
                "none of the passwords works, and an email with a link to choose one was queued",
                AWAY,
            ],
            &[
                "owner@example.com set a password by a mailed link, which verified the email address",
                "passwords of earlier sign-ups do not work",
                HOME,
            ],
        ],
    );
}

#[tokio::test]
async fn a_change_of_address_that_its_owner_called_off() {
    let app = TestApp::start().await;
    app.verified(OWNER).await;
    let stolen = thief(&app).log_in(OWNER, PASSWORD).await;
    request_change(&stolen, EVIL).await;
    app.advance(60);
    let owner = owner(&app).log_in(OWNER, PASSWORD).await;
    request_change(&owner, OWNER).await;
    request_change(&owner, OWNER).await;
    app.advance(60);
    owner.patch(ME, &json!({ "name": "Ada" })).await.assert(200);
    assert_told(
        &told(&app, OWNER).await,
        &[
            &[
                "asked to move the account to removed address 1",
                "in session 1",
                AWAY,
            ],
            &[
                "owner@example.com called off the move of the account to removed address 1",
                "in session 2",
                HOME,
            ],
            &[
                "gave the present email address as the new one, which changes nothing",
                "in session 2",
                HOME,
            ],
            &["owner@example.com changed the name", "in session 2"],
        ],
    );
}

#[tokio::test]
async fn an_erased_account_whose_identifier_is_imported_again() {
    use shared::domain::UserId;
    use shared::store::Admitted;

    let app = TestApp::start().await;
    app.verified(OWNER).await;
    let thief = thief(&app).log_in(OWNER, PASSWORD).await;
    let id: UserId = thief.me().await.json()["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    app.advance(60);
    thief
        .request(Method::DELETE, ME, Some(&json!({ "password": PASSWORD })))
        .await
        .assert(200);
    app.advance(60);
    let admitted = crate::recovery::import_again(&app, id).await;
    assert_eq!(admitted, Admitted::IdTaken);
    let (account, someone) = (
        format!("account {id}"),
        format!("Someone (account {id}) registered"),
    );
    let text = told(&app, &id.to_string()).await;
    assert!(text.contains(&someone), "{text}");
    assert_told(
        &text,
        &[
            &[&account, "logged in", "in session 1", AWAY],
            &[
                &account,
                "erased the account; every session was ended",
                "in session 1",
                AWAY,
            ],
            &[
                "The operator olga tried to import an account of another service",
                "refused: the id belongs to another account, or did until that was erased",
            ],
        ],
    );
}
