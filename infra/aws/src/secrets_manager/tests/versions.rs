//! Values, versions and their labels.

use super::*;

#[tokio::test]
async fn a_created_secret_is_found_by_name_arn_and_partial_arn() {
    let local = start(None).await;
    let arn = local.create("app/keys", "v1", "a").await;
    local.create("app/keys-other", "other", "b").await;
    let partial = &arn[..arn.len() - 7];
    for id in ["app/keys", &arn, partial] {
        let got = local.get(id).await.unwrap();
        assert_eq!(got.secret_string(), Some("v1"), "{id}");
        assert_eq!(got.version_id(), Some(token("a").as_str()));
        assert_eq!(got.version_stages(), ["AWSCURRENT"]);
        assert_eq!(got.created_date().unwrap().secs(), 1_700_000_000);
        assert_eq!(got.arn(), Some(arn.as_str()));
    }
    for id in [
        "app",
        "app/key",
        &arn[..arn.len() - 1],
        "arn:aws:secretsmanager:other",
    ] {
        assert_eq!(
            local.get(id).await.map(|_| ()),
            refused("ResourceNotFoundException"),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_put_without_stages_moves_current_and_previous_follows() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    let expected = versions(&[("a", &["AWSPREVIOUS"]), ("b", &["AWSCURRENT"])]);
    assert_eq!(local.stages(), expected);

    local.put("c", "3", &[]).await.unwrap();
    let expected = versions(&[("a", &[]), ("b", &["AWSPREVIOUS"]), ("c", &["AWSCURRENT"])]);
    assert_eq!(local.stages(), expected);
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "3");
    assert_eq!(local.value("AWSPREVIOUS").await.unwrap(), "2");
}

#[tokio::test]
async fn a_put_with_stages_moves_exactly_those() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let expected = versions(&[("a", &["AWSCURRENT"]), ("b", &["AWSPENDING"])]);
    assert_eq!(local.stages(), expected);

    local
        .put("c", "3", &["AWSPENDING", "AWSCURRENT"])
        .await
        .unwrap();
    let expected = versions(&[
        ("a", &["AWSPREVIOUS"]),
        ("b", &[]),
        ("c", &["AWSCURRENT", "AWSPENDING"]),
    ]);
    assert_eq!(local.stages(), expected);
}

#[tokio::test]
async fn the_same_token_with_the_same_value_succeeds_and_changes_nothing() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    local.put("c", "3", &[]).await.unwrap();
    let before = local.stages();
    local.put("b", "2", &[]).await.unwrap();
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let again = local.client.create_secret().name("keys").secret_string("1");
    assert_eq!(
        code(again.client_request_token(token("a")).send().await),
        Ok(())
    );
    assert_eq!(local.stages(), before);
}

#[tokio::test]
async fn the_same_token_with_another_value_is_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    assert_eq!(
        local.put("a", "other", &[]).await,
        refused("ResourceExistsException")
    );
    let again = local
        .client
        .create_secret()
        .name("keys")
        .secret_string("other");
    let again = again.client_request_token(token("a")).send().await;
    assert_eq!(code(again), refused("ResourceExistsException"));
    let binary = local
        .client
        .put_secret_value()
        .secret_id("keys")
        .secret_binary(Blob::new("1"));
    let binary = binary.client_request_token(token("a")).send().await;
    assert_eq!(
        code(binary),
        refused("ResourceExistsException"),
        "bytes are another value than text"
    );
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");
}

#[tokio::test]
async fn a_taken_name_is_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    for value in [Some("1".to_owned()), None] {
        let create = local
            .client
            .create_secret()
            .name("keys")
            .set_secret_string(value);
        assert_eq!(
            code(create.send().await),
            refused("ResourceExistsException")
        );
    }
}

#[tokio::test]
async fn moving_current_must_name_its_holder() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let invalid = refused("InvalidParameterException");
    assert_eq!(local.shift("AWSCURRENT", None, Some("b")).await, invalid);
    assert_eq!(
        local.shift("AWSCURRENT", Some("b"), Some("b")).await,
        invalid
    );
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");

    local
        .shift("AWSCURRENT", Some("a"), Some("b"))
        .await
        .unwrap();
    let expected = versions(&[
        ("a", &["AWSPREVIOUS"]),
        ("b", &["AWSCURRENT", "AWSPENDING"]),
    ]);
    assert_eq!(local.stages(), expected);
}

#[tokio::test]
async fn moving_current_back_swaps_it_with_previous() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    local
        .shift("AWSCURRENT", Some("b"), Some("a"))
        .await
        .unwrap();
    let expected = versions(&[("a", &["AWSCURRENT"]), ("b", &["AWSPREVIOUS"])]);
    assert_eq!(local.stages(), expected);
}

#[tokio::test]
async fn current_cannot_be_taken_away_but_other_labels_can() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let removal = local.shift("AWSCURRENT", Some("a"), None).await;
    assert_eq!(removal, refused("InvalidParameterException"));
    local.shift("AWSPENDING", Some("b"), None).await.unwrap();
    assert_eq!(
        local.stages(),
        versions(&[("a", &["AWSCURRENT"]), ("b", &[])])
    );
    assert_eq!(
        local.shift("AWSPENDING", None, None).await,
        refused("InvalidParameterException")
    );
}

#[tokio::test]
async fn a_free_label_moves_without_naming_a_holder() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.shift("blue", None, Some("a")).await.unwrap();
    assert_eq!(local.value("blue").await.unwrap(), "1");
    let missing = refused("ResourceNotFoundException");
    assert_eq!(
        local.shift("blue", Some("a"), Some("nobody")).await,
        missing
    );
}

#[tokio::test]
async fn a_version_without_a_label_is_deprecated_and_readable_by_its_id() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    for (version, value) in [("b", "2"), ("c", "3")] {
        local.put(version, value, &[]).await.unwrap();
    }
    let described = local
        .client
        .describe_secret()
        .secret_id("keys")
        .send()
        .await
        .unwrap();
    assert!(
        !described
            .version_ids_to_stages()
            .unwrap()
            .contains_key(&token("a"))
    );
    let get = local
        .client
        .get_secret_value()
        .secret_id("keys")
        .version_id(token("a"));
    assert_eq!(get.send().await.unwrap().secret_string(), Some("1"));
}

#[tokio::test]
async fn a_missing_value_version_or_stage_is_not_found() {
    let local = start(None).await;
    local
        .client
        .create_secret()
        .name("empty")
        .send()
        .await
        .unwrap();
    local.create("keys", "1", "a").await;
    let missing = Err("ResourceNotFoundException".to_owned());
    assert_eq!(local.get("empty").await.map(|_| ()), missing);
    assert_eq!(local.get("nothing").await.map(|_| ()), missing);
    assert_eq!(local.value("AWSPENDING").await.map(|_| ()), missing);
    let get = local
        .client
        .get_secret_value()
        .secret_id("keys")
        .version_id(token("b"));
    assert_eq!(code(get.send().await), missing);
}

#[tokio::test]
async fn version_and_stage_that_disagree_are_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let get = local
        .client
        .get_secret_value()
        .secret_id("keys")
        .version_id(token("a"));
    let get = get.version_stage("AWSPENDING").send().await;
    assert_eq!(code(get), refused("InvalidRequestException"));
}

#[tokio::test]
async fn bytes_come_back_as_they_went_in() {
    let local = start(None).await;
    let create = local
        .client
        .create_secret()
        .name("keys")
        .secret_binary(Blob::new([0, 255, 10]));
    create.send().await.unwrap();
    let got = local.get("keys").await.unwrap();
    assert_eq!(got.secret_binary().unwrap().as_ref(), [0, 255, 10]);
    assert_eq!(got.secret_string(), None);
}
