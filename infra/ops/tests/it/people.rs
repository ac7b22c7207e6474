//! Accounts by their passwords, and what the audit log says of an import, an export and an erasure.

use ops::drill::cast::Person;
use serde_json::{Value, json};

use crate::imports::{File, bcrypt_hash, counts, import, log_in, shown};
use crate::local::{Local, PASSWORD, REASON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_counted_by_algorithm_and_cost_of_their_password() {
    let local = Local::start("people-passwords").await;
    local.join("ada@example.com").await;
    let lines = [
        json!({ "email": "bob@example.com", "password_hash": bcrypt_hash(), "email_verified": true }),
        json!({ "email": "eve@example.com", "email_verified": true }),
    ];
    let file = File::new("passwords", &lines.map(|line| line.to_string()).join("\n"));
    assert_eq!(
        counts(&import(&local, "jsonl", &file, &["--yes"]).await.assert(0)),
        [2, 0, 0]
    );
    let counted = local
        .ops(&["users", "passwords", "--json"])
        .await
        .assert(0)
        .document();
    let one = |scheme: &str| json!({ "scheme": scheme, "accounts": 1 });
    assert_eq!(
        counted,
        json!({ "schemes": [one("argon2id m=64,t=1,p=1"), one("bcrypt cost=10"), one("none")] })
    );
    assert_eq!(
        shown(&local, "bob@example.com")
            .await
            .get("password_scheme"),
        Some(&json!("bcrypt cost=10"))
    );
    assert_eq!(log_in(&local, "bob@example.com", PASSWORD).await, 200);
    let counted = local.ops(&["users", "passwords"]).await.assert(0).out;
    assert!(
        counted.contains("argon2id m=64,t=1,p=1  2") && !counted.contains("bcrypt"),
        "{counted}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_says_who_imported_handed_out_and_erased() {
    let local = Local::start("people-trail").await;
    let file = File::new(
        "trail",
        &json!({ "email": "ada@example.com", "email_verified": true }).to_string(),
    );
    import(&local, "jsonl", &file, &["--yes"]).await.assert(0);
    let id = shown(&local, "ada@example.com")
        .await
        .pointer("/user/id")
        .and_then(Value::as_str)
        .expect("an id")
        .to_owned();
    let data = local
        .ops(&[
            "users",
            "export",
            "ada@example.com",
            "--reason",
            REASON,
            "--json",
        ])
        .await
        .assert(0)
        .document();
    assert_eq!(
        data.pointer("/account/email"),
        Some(&json!("ada@example.com"))
    );
    local
        .ops(&[
            "users",
            "delete",
            "ada@example.com",
            "--reason",
            REASON,
            "--yes",
        ])
        .await
        .assert(0);
    local
        .ops(&["users", "show", "ada@example.com"])
        .await
        .assert(3);
    let trail = local
        .ops(&["audit", "query", "--user", &id, "--json"])
        .await
        .assert(0)
        .document();
    let events = trail
        .get("events")
        .and_then(Value::as_array)
        .expect("events");
    for action in [
        "admin.import_user",
        "admin.export_user",
        "admin.delete_user",
    ] {
        let record = events
            .iter()
            .find(|event| event.get("action") == Some(&json!(action)));
        assert_eq!(
            record.and_then(|record| record.pointer("/details/operator")),
            Some(&json!("olga")),
            "{action}"
        );
        assert_eq!(
            record.and_then(|record| record.get("reason")),
            Some(&json!(REASON)),
            "{action}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasing_somebody_wants_a_confirmation_and_ends_their_sessions() {
    let local = Local::start("people-delete").await;
    let ada = local.join("ada@example.com").await;
    let tokens = local.log_in(&ada).await;
    let refused = local
        .ops(&["users", "delete", "ada@example.com", "--reason", REASON])
        .await
        .assert(2);
    assert!(refused.err.contains("erase, for good"), "{}", refused.err);
    assert_eq!(local.me(&tokens).await, 200);
    local
        .ops(&[
            "users",
            "delete",
            "ada@example.com",
            "--reason",
            REASON,
            "--yes",
        ])
        .await
        .assert(0);
    assert_eq!(local.me(&tokens).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_invites_where_registration_is_closed_and_no_admin_is() {
    let local = Local::with("people-invite", &[("DASHTAM_REGISTRATION", "closed")]).await;
    let invite = ["users", "invite", "ada@example.com", "--reason", REASON];
    let refused = local.ops(&invite).await.assert(2);
    assert!(refused.err.contains("Nothing was done"), "{}", refused.err);
    let invited = local
        .ops(&[&invite[..], &["--yes", "--json"]].concat())
        .await
        .assert(0)
        .document();
    let mut connection = local.connect();
    let ada = Person::new("ada@example.com", PASSWORD);
    let token = ada
        .mailed(&mut connection, "div_")
        .await
        .expect("an invitation");
    let body = json!({ "token": token, "name": "Ada", "password": PASSWORD });
    connection
        .post("/api/v1/auth/accept-invitation", None, &body)
        .await
        .expect("an answer")
        .json(200)
        .expect("accepted");
    assert_eq!(log_in(&local, "ada@example.com", PASSWORD).await, 200);
    let query = [
        "audit",
        "query",
        "--action",
        "admin.create_invitation",
        "--json",
    ];
    let record = local.ops(&query).await.assert(0).document();
    assert_eq!(
        record.pointer("/events/0/details/operator"),
        Some(&json!("olga"))
    );
    assert_eq!(
        record.pointer("/events/0/details/invitation"),
        invited.get("id")
    );
    let again = local
        .ops(&[&invite[..], &["--yes"]].concat())
        .await
        .assert(1);
    assert!(
        again.err.contains("already has an account")
            && again.err.contains("ops users show")
            && !again.err.contains("try again"),
        "{}",
        again.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_of_the_configuration_is_not_erased() {
    let local = Local::with(
        "people-last",
        &[("DASHTAM_ADMIN_EMAILS", "root@example.com")],
    )
    .await;
    let lines = [
        json!({ "email": "root@example.com", "email_verified": true }),
        json!({ "email": "ada@example.com", "email_verified": true }),
    ];
    let file = File::new("last", &lines.map(|line| line.to_string()).join("\n"));
    import(&local, "jsonl", &file, &["--yes"]).await.assert(0);
    let erase = [
        "users",
        "delete",
        "root@example.com",
        "--reason",
        REASON,
        "--yes",
    ];
    let refused = local.ops(&erase).await.assert(1);
    assert!(refused.err.contains("last admin"), "{}", refused.err);
    local
        .ops(&[
            "users",
            "grant-admin",
            "ada@example.com",
            "--reason",
            REASON,
            "--yes",
        ])
        .await
        .assert(0);
    local.ops(&erase).await.assert(0);
}
