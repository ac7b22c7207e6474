//! Rotation.

use super::*;

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
        local.stages(),
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
