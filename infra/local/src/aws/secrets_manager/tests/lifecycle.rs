//! Deletion and rotation.

use super::*;

#[tokio::test]
async fn a_secret_scheduled_for_deletion_is_refused_until_it_is_restored() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let deleted = local
        .client
        .delete_secret()
        .secret_id("keys")
        .recovery_window_in_days(7);
    let due = deleted
        .send()
        .await
        .unwrap()
        .deletion_date()
        .unwrap()
        .secs();
    assert_eq!(due, 1_700_000_000 + 7 * 86_400);

    let invalid = refused("InvalidRequestException");
    assert_eq!(local.get("keys").await.map(|_| ()), invalid);
    assert_eq!(local.put("b", "2", &[]).await, invalid);
    assert_eq!(local.shift("blue", None, Some("a")).await, invalid);
    assert_eq!(
        code(local.client.delete_secret().secret_id("keys").send().await),
        invalid
    );
    assert_eq!(
        code(local.client.create_secret().name("keys").send().await),
        invalid
    );
    let described = local
        .client
        .describe_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
    assert_eq!(described.deleted_date().unwrap().secs(), 1_700_000_000);

    local
        .client
        .restore_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");
}

#[tokio::test]
async fn a_deleted_secret_is_gone_after_its_window_and_its_name_is_free() {
    let local = start(None).await;
    let first = local.create("keys", "1", "a").await;
    local
        .client
        .delete_secret()
        .secret_id("keys")
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    local.clock.advance(7 * DAY);
    assert_eq!(
        local.get("keys").await.map(|_| ()),
        refused("ResourceNotFoundException")
    );
    let second = local.create("keys", "2", "a").await;
    assert_ne!(first, second);
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "2");
}

#[tokio::test]
async fn a_forced_deletion_acts_at_once_and_can_be_repeated() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    for _ in 0..2 {
        let delete = local.client.delete_secret().secret_id("keys");
        delete
            .force_delete_without_recovery(true)
            .send()
            .await
            .unwrap();
        assert_eq!(
            local.get("keys").await.map(|_| ()),
            refused("ResourceNotFoundException")
        );
    }
    let both = local
        .client
        .delete_secret()
        .secret_id("keys")
        .recovery_window_in_days(7);
    let both = both.force_delete_without_recovery(true).send().await;
    assert_eq!(code(both), refused("InvalidParameterException"));
    for days in [6, 31] {
        let delete = local
            .client
            .delete_secret()
            .secret_id("keys")
            .recovery_window_in_days(days);
        assert_eq!(
            code(delete.send().await),
            refused("InvalidParameterException")
        );
    }
}

#[tokio::test]
async fn an_unknown_rotation_function_is_not_found() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let rotate = local.client.rotate_secret().secret_id("keys");
    let unknown = rotate
        .clone()
        .rotation_lambda_arn(format!("{FUNCTION}-other"))
        .send()
        .await;
    assert_eq!(code(unknown), refused("ResourceNotFoundException"));
    assert_eq!(
        code(rotate.send().await),
        refused("InvalidRequestException"),
        "none is configured"
    );
    let described = local
        .client
        .describe_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
    assert_eq!(described.rotation_enabled(), None);
}

#[tokio::test]
async fn a_rotation_is_recorded_and_played_through_its_steps() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let rules = RotationRulesType::builder()
        .automatically_after_days(30)
        .build();
    let rotate = local
        .client
        .rotate_secret()
        .secret_id("keys")
        .rotation_lambda_arn(FUNCTION);
    let rotate = rotate
        .rotation_rules(rules)
        .client_request_token(token("b"));
    assert_eq!(
        rotate.send().await.unwrap().version_id(),
        Some(token("b").as_str())
    );

    let described = local
        .client
        .describe_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
    assert_eq!(described.rotation_enabled(), Some(true));
    assert_eq!(described.rotation_lambda_arn(), Some(FUNCTION));
    assert_eq!(
        described
            .rotation_rules()
            .unwrap()
            .automatically_after_days(),
        Some(30)
    );
    assert_eq!(
        described.version_ids_to_stages().unwrap()[&token("b")],
        ["AWSPENDING"]
    );
    assert_eq!(
        local.value("AWSPENDING").await.map(|_| ()),
        refused("ResourceNotFoundException"),
        "announced, but without a value"
    );
    let second = local.client.rotate_secret().secret_id("keys").send().await;
    assert_eq!(
        code(second),
        refused("InvalidRequestException"),
        "one rotation at a time"
    );

    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    local
        .shift("AWSCURRENT", Some("a"), Some("b"))
        .await
        .unwrap();
    local.shift("AWSPENDING", Some("b"), None).await.unwrap();
    assert_eq!(
        local.stages().await,
        versions(&[("a", &["AWSPREVIOUS"]), ("b", &["AWSCURRENT"])])
    );
    local
        .client
        .rotate_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn the_dates_of_a_rotation_follow_its_schedule_and_its_end() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.rotate_hourly("b").send().await.unwrap();
    let described = local.describe().await;
    assert_eq!(described.last_rotated_date(), None, "it has only begun");
    assert_eq!(
        described.next_rotation_date().unwrap().secs(),
        1_700_000_000 + 3_600
    );

    local.clock.advance(Duration::from_secs(60));
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    local
        .shift("AWSCURRENT", Some("a"), Some("b"))
        .await
        .unwrap();
    let described = local.describe().await;
    assert_eq!(
        described.last_rotated_date().unwrap().secs(),
        1_700_000_000 + 60
    );
    assert_eq!(
        described.next_rotation_date().unwrap().secs(),
        1_700_000_000 + 3_660
    );
}

#[tokio::test]
async fn a_cancelled_rotation_is_off_until_it_is_asked_for_again() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let cancel = local.client.cancel_rotate_secret().secret_id("keys");
    assert_eq!(
        code(cancel.clone().send().await),
        refused("InvalidRequestException"),
        "none is configured"
    );
    local.rotate_hourly("b").send().await.unwrap();

    let cancelled = cancel.send().await.unwrap();
    assert_eq!(
        cancelled.version_id(),
        Some(token("b").as_str()),
        "the caller may have to clean it up"
    );
    let described = local.describe().await;
    assert_eq!(
        (described.rotation_enabled(), described.next_rotation_date()),
        (Some(false), None)
    );
    assert_eq!(
        described.rotation_lambda_arn(),
        Some(FUNCTION),
        "the configuration stays visible"
    );

    local.shift("AWSPENDING", Some("b"), None).await.unwrap();
    local
        .client
        .rotate_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
    let described = local.describe().await;
    assert_eq!(described.rotation_enabled(), Some(true));
    assert!(
        described.next_rotation_date().is_some(),
        "the former schedule holds again"
    );
}

#[tokio::test]
async fn a_schedule_that_would_not_be_followed_is_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let rules = RotationRulesType::builder()
        .schedule_expression("cron(0 8 1 * ? *)")
        .build();
    let rotate = local
        .client
        .rotate_secret()
        .secret_id("keys")
        .rotation_lambda_arn(FUNCTION);
    assert_eq!(
        code(rotate.rotation_rules(rules).send().await),
        refused("InvalidParameterException")
    );
    assert_eq!(local.describe().await.rotation_enabled(), None);
}

#[tokio::test]
async fn a_rotation_outlives_the_process() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    let local = start(Some(path.clone())).await;
    local.create("keys", "1", "a").await;
    local.rotate_hourly("b").send().await.unwrap();
    local.put("b", "2", &[]).await.unwrap();
    let before = local.describe().await;
    drop(local);
    let after = start(Some(path)).await.describe().await;
    assert!(after.last_rotated_date().is_some() && after.next_rotation_date().is_some());
    assert_eq!(after.last_rotated_date(), before.last_rotated_date());
    assert_eq!(after.next_rotation_date(), before.next_rotation_date());
}
