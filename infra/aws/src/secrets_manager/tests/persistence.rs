//! The file, parallel writes, and requests that are refused.

use super::*;

#[tokio::test]
async fn secrets_outlive_the_process_and_are_the_owners_alone() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    let local = start(Some(path.clone())).await;
    let arn = local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    let before = local.stages();
    drop(local);

    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let local = start(Some(path.clone())).await;
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(local.stages(), before);
    assert_eq!(local.get(&arn).await.unwrap().secret_string(), Some("2"));
    assert_eq!(
        fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "nothing is left beside"
    );
}

#[tokio::test]
async fn a_write_that_fails_changes_nothing() {
    let directory = TempDir::new();
    let path = directory.path("data").join("secrets.json");
    fs::create_dir(directory.path("data")).unwrap();
    let local = start(Some(path.clone())).await;
    local.create("keys", "1", "a").await;
    let content = fs::read(&path).unwrap();
    fs::remove_dir_all(directory.path("data")).unwrap();

    assert_eq!(
        local.put("b", "2", &[]).await,
        refused("InternalServiceError")
    );
    assert_eq!(local.stages(), versions(&[("a", &["AWSCURRENT"])]));

    fs::create_dir(directory.path("data")).unwrap();
    fs::write(&path, content).unwrap();
    local.put("b", "2", &[]).await.unwrap();
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "2");
}

#[tokio::test]
async fn what_a_crash_left_beside_the_file_is_replaced() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    let torn = directory.path("secrets.json.new");
    fs::write(&torn, "half").unwrap();
    start(Some(path.clone()))
        .await
        .create("keys", "1", "a")
        .await;
    assert!(!torn.exists());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_torn_file_is_a_clear_error_that_quotes_nothing() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    start(Some(path.clone()))
        .await
        .create("keys", "hunter2", "a")
        .await;
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open(path.clone()).unwrap_err();
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "cut to {length} bytes: {error}"
        );
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("secrets.json") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn a_file_of_a_later_format_is_refused() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    fs::write(&path, r#"{"format":2,"vaults":[]}"#).unwrap();
    assert!(matches!(
        open(path),
        Err(OpenError::UnknownFormat { found: 2, .. })
    ));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    fs::create_dir(&path).unwrap();
    assert!(matches!(open(path), Err(OpenError::Unreadable { .. })));
}

fn open(path: PathBuf) -> Result<SecretsManager, OpenError> {
    SecretsManager::open(Some(path), testing::clock().reader(), testing::entropy())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_puts_with_one_token_make_one_version() {
    let directory = TempDir::new();
    let local = Arc::new(start(Some(directory.path("secrets.json"))).await);
    local.create("keys", "1", "a").await;
    let puts: Vec<_> = (0..50)
        .map(|_| {
            let local = local.clone();
            tokio::spawn(async move { local.put("b", "2", &[]).await })
        })
        .collect();
    for put in puts {
        assert_eq!(put.await.unwrap(), Ok(()));
    }
    let expected = versions(&[("a", &["AWSPREVIOUS"]), ("b", &["AWSCURRENT"])]);
    assert_eq!(local.stages(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_puts_with_one_token_and_different_values_one_wins() {
    let local = Arc::new(start(None).await);
    local.create("keys", "1", "a").await;
    let puts: Vec<_> = (0..20)
        .map(|number| {
            let local = local.clone();
            tokio::spawn(async move { local.put("b", &format!("value {number}"), &[]).await })
        })
        .collect();
    let mut won = 0;
    for put in puts {
        match put.await.unwrap() {
            Ok(()) => won += 1,
            Err(code) => assert_eq!(code, "ResourceExistsException"),
        }
    }
    assert_eq!((won, local.stages().len()), (1, 2));
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_next_good_one_works() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let put = "secretsmanager.PutSecretValue";
    let long = format!(r#"{{"SecretId":"{}"}}"#, "x".repeat(MAX_BODY));
    for (target, body, code) in [
        ("secretsmanager.Explode", "{}", "UnknownOperationException"),
        (
            "DynamoDB_20120810.PutItem",
            "{}",
            "UnknownOperationException",
        ),
        (put, "", "SerializationException"),
        (put, "[]", "SerializationException"),
        (put, r#"{"SecretString":5}"#, "SerializationException"),
        (put, r#"{"SecretId":"keys"}"#, "InvalidRequestException"),
        (put, r#"{"SecretString":"x"}"#, "ValidationException"),
        (
            put,
            r#"{"SecretId":"keys","SecretString":"x"}"#,
            "InvalidRequestException",
        ),
        (
            put,
            r#"{"SecretId":"keys","SecretString":"x","ClientRequestToken":"short"}"#,
            "InvalidParameterException",
        ),
        (
            "secretsmanager.CreateSecret",
            r#"{"Name":"a b","SecretString":"x"}"#,
            "ValidationException",
        ),
        (
            "secretsmanager.GetSecretValue",
            &long,
            "RequestEntityTooLargeException",
        ),
    ] {
        let (status, answer) = local.raw(target, body).await;
        assert!((400..500).contains(&status), "{target} {code}");
        assert_eq!(answer["__type"], code, "{target}");
    }
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");
}

#[tokio::test]
async fn neither_debug_nor_errors_show_a_value() {
    let local = start(None).await;
    local.create("keys", "hunter2", "a").await;
    let (_, answer) = local
        .raw("secretsmanager.PutSecretValue", r#""hunter2""#)
        .await;
    let shown = format!("{:?} {answer}", local.server);
    let vault = local.server.0.vault.lock().unwrap();
    assert!(!format!("{shown} {vault:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_error_reaches_the_sdk_with_its_type_and_message() {
    let local = start(None).await;
    let get = local
        .client
        .get_secret_value()
        .secret_id("nothing")
        .send()
        .await;
    let error = get.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception());
    assert_eq!(
        error.message(),
        Some("Secrets Manager can't find the specified secret.")
    );
}
