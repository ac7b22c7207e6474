//! Users of each system that an import reads: they sign in with the passwords that they had.

use serde_json::{Value, json};

use crate::imports::{File, bcrypt_hash, counts, import, log_in, shown};
use crate::local::{Local, PASSWORD};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_auth0_log_in_with_the_passwords_that_they_had() {
    let local = Local::start("import-auth0").await;
    let hash = bcrypt_hash();
    let lines = [
        json!({ "_id": { "$oid": "1" }, "email": "ada@example.com", "email_verified": true, "passwordHash": hash }),
        json!({ "email": "bob@example.com", "email_verified": true, "name": "Bob",
                "custom_password_hash": { "algorithm": "bcrypt", "hash": { "value": hash } } }),
        json!({ "email": "eve@example.com", "email_verified": true, "blocked": true, "passwordHash": hash }),
    ];
    let file = File::new("auth0", &lines.map(|line| line.to_string()).join("\n"));
    let ran = import(&local, "auth0", &file, &["--yes"]).await.assert(0);
    assert_eq!(counts(&ran), [3, 0, 0]);
    assert_eq!(log_in(&local, "ada@example.com", PASSWORD).await, 200);
    assert_eq!(log_in(&local, "bob@example.com", PASSWORD).await, 200);
    assert_eq!(
        log_in(&local, "bob@example.com", "Wrong-Horse-7-Battery").await,
        401
    );
    assert_eq!(log_in(&local, "eve@example.com", PASSWORD).await, 403);
    assert_eq!(
        shown(&local, "bob@example.com").await.pointer("/user/name"),
        Some(&json!("Bob"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_cognito_have_no_password_and_look_like_everybody_else() {
    // EN-01
    let local = Local::start("import-cognito").await;
    let csv = "name,given_name,family_name,email,email_verified,phone_number,cognito:mfa_enabled,cognito:username\n\
               ,Ada,Lovelace,ada@example.com,TRUE,,false,1f\n\
               \"King, Bob\",,,bob@example.com,false,,false,2f\n";
    let file = File::new("cognito", csv);
    assert_eq!(
        counts(&import(&local, "cognito", &file, &["--yes"]).await.assert(0)),
        [2, 0, 0]
    );
    assert_eq!(log_in(&local, "ada@example.com", PASSWORD).await, 401);
    assert_eq!(log_in(&local, "nobody@example.com", PASSWORD).await, 401);
    let (ada, bob) = (
        shown(&local, "ada@example.com").await,
        shown(&local, "bob@example.com").await,
    );
    assert_eq!(ada.pointer("/user/name"), Some(&json!("Ada Lovelace")));
    assert_eq!(ada.pointer("/user/email_verified"), Some(&json!(true)));
    assert_eq!(bob.pointer("/user/name"), Some(&json!("King, Bob")));
    assert_eq!(bob.pointer("/user/email_verified"), Some(&json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_the_platform_keep_their_ids_and_dates() {
    let local = Local::start("import-dashtam").await;
    let id = "0b9f8f4e-5f4b-4d3e-9a5e-2d6f0c9c1a11";
    let line = json!({ "id": id, "email": "ada@example.com", "name": "Ada", "password_hash": bcrypt_hash(),
                       "email_verified": true, "is_active": true, "created_at": "2024-03-01 10:00:00.123456",
                       "failed_login_attempts": 3 });
    let file = File::new("dashtam", &line.to_string());
    import(&local, "dashtam", &file, &["--yes"]).await.assert(0);
    assert_eq!(log_in(&local, "ada@example.com", PASSWORD).await, 200);
    let ada = shown(&local, "ada@example.com").await;
    assert_eq!(ada.pointer("/user/id"), Some(&json!(id)));
    assert_eq!(
        ada.pointer("/user/created_at"),
        Some(&json!("2024-03-01T10:00:00.123Z"))
    );
    assert_eq!(ada.pointer("/user/role"), Some(&json!("user")));
}

const ELSEWHERE: &str = "Correct-Horse-7-Battery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_supabase_and_keycloak_keep_passwords_bans_and_proofs() {
    let local = Local::start("import-systems").await;
    let supabase = |email: &str, banned: Option<&str>| {
        json!({ "id": uuid::Uuid::from_u128(email.len() as u128), "email": email, "encrypted_password": bcrypt::hash(ELSEWHERE, 10).expect("a hash"),
                "email_confirmed_at": "2025-03-01 10:00:00+00", "raw_user_meta_data": { "name": "Ada" },
                "banned_until": banned, "created_at": "2025-03-01 09:59:00+00" })
    };
    let lines = [
        supabase("ada@supabase.example", None),
        supabase("banned@supabase.example", Some("2099-01-01 00:00:00+00")),
    ];
    let file = File::new("supabase", &lines.map(|line| line.to_string()).join("\n"));
    let wrong = import(&local, "dashtam", &file, &["--yes"]).await.assert(1);
    assert!(
        wrong.err.contains("the platform's table has no column"),
        "{}",
        wrong.err
    );
    assert_eq!(
        counts(
            &import(&local, "supabase", &file, &["--yes"])
                .await
                .assert(0)
        ),
        [2, 0, 0]
    );
    assert_eq!(log_in(&local, "ada@supabase.example", ELSEWHERE).await, 200);
    assert_eq!(
        log_in(&local, "banned@supabase.example", ELSEWHERE).await,
        403
    );
    let keycloak = |email: &str, enabled: bool| {
        json!({ "id": uuid::Uuid::from_u128(email.len() as u128), "email": email, "emailVerified": true, "enabled": enabled,
                "firstName": "Ada", "lastName": "Lovelace", "createdTimestamp": 1_740_823_200_000_i64,
                "credentials": [{ "type": "otp" }, keycloak_credential()] })
    };
    let lines = [
        keycloak("ada@kc.example", true),
        keycloak("closed@kc.example", false),
    ];
    let file = File::new("keycloak", &lines.map(|line| line.to_string()).join("\n"));
    assert_eq!(
        counts(
            &import(&local, "keycloak", &file, &["--yes"])
                .await
                .assert(0)
        ),
        [2, 0, 0]
    );
    assert_eq!(log_in(&local, "ada@kc.example", ELSEWHERE).await, 200);
    assert_eq!(
        log_in(&local, "ada@kc.example", "Wrong-Horse-7-Battery").await,
        401
    );
    assert_eq!(log_in(&local, "closed@kc.example", ELSEWHERE).await, 403);
    let ada = shown(&local, "ada@kc.example").await;
    assert_eq!(ada.pointer("/user/name"), Some(&json!("Ada Lovelace")));
    assert_eq!(
        ada.pointer("/user/created_at"),
        Some(&json!("2025-03-01T10:00:00.000Z"))
    );
}

/// The credential of [`ELSEWHERE`], as a realm export has it: JSON in strings.
fn keycloak_credential() -> Value {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/tests/data/foreign-hashes.json"
    );
    let rows: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the rows")).expect("JSON");
    let row = rows
        .iter()
        .find(|row| row.get("name") == Some(&json!("keycloak-pbkdf2-sha512")))
        .expect("the row");
    let parts: Vec<_> = row
        .get("hash")
        .and_then(Value::as_str)
        .expect("a hash")
        .split('$')
        .collect();
    let ["", algorithm, "i=210000", salt, hash] = parts.as_slice() else {
        unreachable!("{parts:?}")
    };
    json!({
        "type": "password",
        "secretData": json!({ "value": hash, "salt": salt, "additionalParameters": {} }).to_string(),
        "credentialData": json!({ "hashIterations": 210_000, "algorithm": algorithm, "additionalParameters": {} }).to_string(),
    })
}
