//! Tables that are missing, of another form or without protection.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification,
};

use super::proxy::proxy;
use super::{assert_check, with};
use crate::local::{Local, REASON, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_not_there_or_has_another_form_is_named_with_its_fix() {
    let local = Local::start("doctor-tables").await;
    let database = local.database();
    database
        .delete_table()
        .table_name("dashtam-local-limits")
        .send()
        .await
        .expect("deleted");
    // Without the key, the stream and the expiry of the template.
    database
        .delete_table()
        .table_name("dashtam-local-outbox")
        .send()
        .await
        .expect("deleted");
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build()
        .expect("a key");
    let attribute = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build();
    let create = database
        .create_table()
        .table_name("dashtam-local-outbox")
        .billing_mode(BillingMode::PayPerRequest);
    let create = create
        .key_schema(key)
        .attribute_definitions(attribute.expect("an attribute"));
    create.send().await.expect("created");
    let other = |on: bool, attribute: &str| {
        TimeToLiveSpecification::builder()
            .enabled(on)
            .attribute_name(attribute)
            .build()
            .expect("an expiry")
    };
    for expiry in [other(false, "ttl"), other(true, "expires")] {
        let update = database
            .update_time_to_live()
            .table_name("dashtam-local-tokens");
        update
            .time_to_live_specification(expiry)
            .send()
            .await
            .expect("changed");
    }
    let document = local.ops(&["doctor", "--json"]).await.assert(1).document();
    assert_check(
        &document,
        "table dashtam-local-limits",
        "failed",
        "is not there",
        "cargo run",
    );
    for drift in [
        "its key is id HASH and not pk HASH",
        "its stream is none",
        "its expiry is none and not ttl",
    ] {
        assert_check(
            &document,
            "table dashtam-local-outbox",
            "failed",
            drift,
            "cargo run",
        );
    }
    assert_check(
        &document,
        "table dashtam-local-tokens",
        "failed",
        "its expiry is expires and not ttl",
        "by hand",
    );
    assert_check(
        &document,
        "table dashtam-local-users",
        "ok",
        "as the template has it",
        "",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_security_copy_is_named_and_repaired() {
    const NAME: &str = "copies of the security record";
    let local = Local::start("doctor-copies").await;
    let copy = aws_sdk_dynamodb::types::AttributeValue::S("SECURITY#2".to_owned());
    let delete = local
        .database()
        .delete_item()
        .table_name("dashtam-local-security")
        .key("pk", copy);
    delete.send().await.expect("deleted");
    let document = local.ops(&["doctor", "--json"]).await.assert(1).document();
    assert_check(
        &document,
        NAME,
        "failed",
        "1 are missing and 0 are behind",
        "ops keys repair",
    );
    let repair = ["keys", "repair", "--reason", REASON, "--yes", "--json"];
    assert_eq!(local.ops(&repair).await.assert(0).document()["repaired"], 1);
    assert_eq!(local.ops(&repair).await.assert(0).document()["repaired"], 0);
    let document = local.ops(&["doctor", "--json"]).await.document();
    assert_check(&document, NAME, "ok", "4 equal ones", "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_prefixes_are_told_as_what_they_most_likely_are() {
    let local = Local::start("doctor-prefix").await;
    let changes = [
        ("DASHTAM_TABLE_PREFIX", "elsewhere-"),
        ("DASHTAM_SECRET_PREFIX", "elsewhere/"),
    ];
    let document = with(&local, "prefix", &changes).await.assert(1).document();
    assert_check(
        &document,
        "table elsewhere-users",
        "failed",
        "is not there",
        "DASHTAM_TABLE_PREFIX (elsewhere-)",
    );
    assert_check(
        &document,
        "secret elsewhere/mail-key",
        "failed",
        "is not there",
        "DASHTAM_SECRET_PREFIX (elsewhere/)",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_lost_its_protection_is_told_with_the_command_that_gives_it_back() {
    let local = Local::start("doctor-protection").await;
    for suffix in ["users", "audit"] {
        let update = local
            .database()
            .update_table()
            .table_name(format!("dashtam-local-{suffix}"));
        update
            .deletion_protection_enabled(true)
            .send()
            .await
            .expect("changed");
    }
    let proxy = proxy(&local, None, Some("dashtam-local-users")).await;
    let prefixes = local
        .settings()
        .with("DASHTAM_TABLE_PREFIX", "dashtam-local-")
        .with("DASHTAM_SECRET_PREFIX", "dashtam-local/");
    let process = prefixes.with("AWS_ENDPOINT_URL_DYNAMODB", &proxy);
    let document = run(&["doctor", "--json", "--aws", "--as", "olga"], &process)
        .await
        .assert(1)
        .document();
    assert_check(
        &document,
        "deletion protection dashtam-local-users",
        "ok",
        "on",
        "",
    );
    let fix = "update-table --table-name dashtam-local-tokens --deletion-protection-enabled";
    assert_check(
        &document,
        "deletion protection dashtam-local-tokens",
        "failed",
        "off",
        fix,
    );
    assert_check(
        &document,
        "point-in-time recovery dashtam-local-users",
        "ok",
        "on",
        "",
    );
    let fix = "update-continuous-backups --table-name dashtam-local-audit ";
    assert_check(
        &document,
        "point-in-time recovery dashtam-local-audit",
        "failed",
        "off",
        fix,
    );
    let documents = document["checks"].as_array().expect("checks");
    let asked = documents.iter().filter_map(|check| check["check"].as_str());
    assert_eq!(
        asked
            .filter(|name| name.contains("protection ") && name.ends_with("limits"))
            .count(),
        0
    );
}
