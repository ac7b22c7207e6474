//! The stage rules and the file, through the real SDK client over loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_secretsmanager::operation::rotate_secret::builders::RotateSecretFluentBuilder;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::RotationRulesType;
use aws_sdk_secretsmanager::{Client, Config};
use shared::clock::MockClock;
use shared::entropy::SeededEntropy;

use super::*;
use crate::aws::testing::{self, TempDir};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:rotate";
const DAY: Duration = Duration::from_hours(24);

struct Local {
    client: Client,
    clock: Arc<MockClock>,
    server: SecretsManager,
}

async fn start(path: Option<PathBuf>) -> Local {
    let clock = testing::clock();
    let entropy = Arc::new(SeededEntropy::new(7));
    let server = SecretsManager::open(path, clock.clone(), entropy).unwrap();
    // Nobody drives rotations here: the tests play the function themselves.
    assert_eq!(server.register("rotate", Arc::new(|_| Box::pin(async { Ok(()) }))), FUNCTION);
    let config = Config::builder()
        .behavior_version(testing::behavior())
        .endpoint_url(testing::serve(server.router()).await)
        .credentials_provider(testing::credentials())
        .region(testing::region())
        .http_client(testing::http_client())
        .build();
    Local { client: Client::from_conf(config), clock, server }
}

/// A token as long as tokens must be.
fn token(name: &str) -> String {
    format!("{name:-<36}")
}

impl Local {
    async fn create(&self, name: &str, value: &str, version: &str) -> String {
        let create = self.client.create_secret().name(name).secret_string(value);
        let made = create.client_request_token(token(version)).send().await.unwrap();
        made.arn.unwrap()
    }

    async fn put(&self, version: &str, value: &str, stages: &[&str]) -> Result<(), String> {
        let mut put = self.client.put_secret_value().secret_id("keys");
        for stage in stages {
            put = put.version_stages(*stage);
        }
        let put = put.client_request_token(token(version)).secret_string(value);
        code(put.send().await)
    }

    async fn shift(&self, stage: &str, from: Option<&str>, to: Option<&str>) -> Result<(), String> {
        let update = self.client.update_secret_version_stage().secret_id("keys");
        let update = update
            .version_stage(stage)
            .set_remove_from_version_id(from.map(token))
            .set_move_to_version_id(to.map(token));
        code(update.send().await)
    }

    async fn get(&self, id: &str) -> Result<GetSecretValueOutput, String> {
        code_of(self.client.get_secret_value().secret_id(id).send().await)
    }

    async fn value(&self, stage: &str) -> Result<String, String> {
        let get = self.client.get_secret_value().secret_id("keys").version_stage(stage);
        Ok(code_of(get.send().await)?.secret_string.unwrap())
    }

    async fn describe(&self) -> DescribeSecretOutput {
        self.client.describe_secret().secret_id("keys").send().await.unwrap()
    }

    /// Asks for a rotation now, and for one each hour.
    fn rotate_hourly(&self, version: &str) -> RotateSecretFluentBuilder {
        let rules = RotationRulesType::builder().schedule_expression("rate(1 hour)").build();
        let rotate = self.client.rotate_secret().secret_id("keys").rotation_lambda_arn(FUNCTION);
        rotate.rotation_rules(rules).client_request_token(token(version))
    }

    /// Every version with its labels, by the name that the test gave it.
    async fn stages(&self) -> Vec<(String, Vec<String>)> {
        let list = self.client.list_secret_version_ids().secret_id("keys").include_deprecated(true);
        let listed = list.send().await.unwrap();
        let name = |id: &str| id.trim_end_matches('-').to_owned();
        let versions = listed.versions().iter();
        versions.map(|v| (name(v.version_id().unwrap()), v.version_stages().to_vec())).collect()
    }

    /// Sends a request made by hand and gives its status and body.
    async fn raw(&self, target: &str, body: &str) -> (u16, Value) {
        testing::send(self.server.router(), target, body).await
    }
}

fn code_of<T, E: ProvideErrorMetadata>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.code().unwrap_or("no answer").to_owned())
}

fn code<T, E: ProvideErrorMetadata>(result: Result<T, E>) -> Result<(), String> {
    code_of(result).map(|_| ())
}

fn refused(code: &str) -> Result<(), String> {
    Err(code.to_owned())
}

fn versions(expected: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |stages: &[&str]| stages.iter().map(|stage| (*stage).to_owned()).collect();
    expected.iter().map(|(id, stages)| ((*id).to_owned(), owned(stages))).collect()
}

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
    for id in ["app", "app/key", &arn[..arn.len() - 1], "arn:aws:secretsmanager:other"] {
        assert_eq!(local.get(id).await.map(|_| ()), refused("ResourceNotFoundException"), "{id}");
    }
}

#[tokio::test]
async fn a_put_without_stages_moves_current_and_previous_follows() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    let expected = versions(&[("a", &["AWSPREVIOUS"]), ("b", &["AWSCURRENT"])]);
    assert_eq!(local.stages().await, expected);

    local.put("c", "3", &[]).await.unwrap();
    let expected = versions(&[("a", &[]), ("b", &["AWSPREVIOUS"]), ("c", &["AWSCURRENT"])]);
    assert_eq!(local.stages().await, expected);
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "3");
    assert_eq!(local.value("AWSPREVIOUS").await.unwrap(), "2");
}

#[tokio::test]
async fn a_put_with_stages_moves_exactly_those() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let expected = versions(&[("a", &["AWSCURRENT"]), ("b", &["AWSPENDING"])]);
    assert_eq!(local.stages().await, expected);

    local.put("c", "3", &["AWSPENDING", "AWSCURRENT"]).await.unwrap();
    let expected = versions(&[("a", &["AWSPREVIOUS"]), ("b", &[]), ("c", &["AWSCURRENT", "AWSPENDING"])]);
    assert_eq!(local.stages().await, expected);
}

#[tokio::test]
async fn the_same_token_with_the_same_value_succeeds_and_changes_nothing() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    local.put("c", "3", &[]).await.unwrap();
    let before = local.stages().await;
    local.put("b", "2", &[]).await.unwrap();
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let again = local.client.create_secret().name("keys").secret_string("1");
    assert_eq!(code(again.client_request_token(token("a")).send().await), Ok(()));
    assert_eq!(local.stages().await, before);
}

#[tokio::test]
async fn the_same_token_with_another_value_is_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    assert_eq!(local.put("a", "other", &[]).await, refused("ResourceExistsException"));
    let again = local.client.create_secret().name("keys").secret_string("other");
    let again = again.client_request_token(token("a")).send().await;
    assert_eq!(code(again), refused("ResourceExistsException"));
    let binary = local.client.put_secret_value().secret_id("keys").secret_binary(Blob::new("1"));
    let binary = binary.client_request_token(token("a")).send().await;
    assert_eq!(code(binary), refused("ResourceExistsException"), "bytes are another value than text");
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");
}

#[tokio::test]
async fn a_taken_name_is_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    for value in [Some("1".to_owned()), None] {
        let create = local.client.create_secret().name("keys").set_secret_string(value);
        assert_eq!(code(create.send().await), refused("ResourceExistsException"));
    }
}

#[tokio::test]
async fn moving_current_must_name_its_holder() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let invalid = refused("InvalidParameterException");
    assert_eq!(local.shift("AWSCURRENT", None, Some("b")).await, invalid);
    assert_eq!(local.shift("AWSCURRENT", Some("b"), Some("b")).await, invalid);
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");

    local.shift("AWSCURRENT", Some("a"), Some("b")).await.unwrap();
    let expected = versions(&[("a", &["AWSPREVIOUS"]), ("b", &["AWSCURRENT", "AWSPENDING"])]);
    assert_eq!(local.stages().await, expected);
}

#[tokio::test]
async fn moving_current_back_swaps_it_with_previous() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    local.shift("AWSCURRENT", Some("b"), Some("a")).await.unwrap();
    let expected = versions(&[("a", &["AWSCURRENT"]), ("b", &["AWSPREVIOUS"])]);
    assert_eq!(local.stages().await, expected);
}

#[tokio::test]
async fn current_cannot_be_taken_away_but_other_labels_can() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    let removal = local.shift("AWSCURRENT", Some("a"), None).await;
    assert_eq!(removal, refused("InvalidParameterException"));
    local.shift("AWSPENDING", Some("b"), None).await.unwrap();
    assert_eq!(local.stages().await, versions(&[("a", &["AWSCURRENT"]), ("b", &[])]));
    assert_eq!(local.shift("AWSPENDING", None, None).await, refused("InvalidParameterException"));
}

#[tokio::test]
async fn a_free_label_moves_without_naming_a_holder() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.shift("blue", None, Some("a")).await.unwrap();
    assert_eq!(local.value("blue").await.unwrap(), "1");
    let missing = refused("ResourceNotFoundException");
    assert_eq!(local.shift("blue", Some("a"), Some("nobody")).await, missing);
}

#[tokio::test]
async fn a_version_without_a_label_is_deprecated_and_readable_by_its_id() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    for (version, value) in [("b", "2"), ("c", "3")] {
        local.put(version, value, &[]).await.unwrap();
    }
    let listed = local.client.list_secret_version_ids().secret_id("keys").send().await.unwrap();
    assert_eq!(listed.versions().len(), 2);
    let described = local.client.describe_secret().secret_id("keys").send().await.unwrap();
    assert!(!described.version_ids_to_stages().unwrap().contains_key(&token("a")));
    let get = local.client.get_secret_value().secret_id("keys").version_id(token("a"));
    assert_eq!(get.send().await.unwrap().secret_string(), Some("1"));
}

#[tokio::test]
async fn a_missing_value_version_or_stage_is_not_found() {
    let local = start(None).await;
    local.client.create_secret().name("empty").send().await.unwrap();
    local.create("keys", "1", "a").await;
    let missing = Err("ResourceNotFoundException".to_owned());
    assert_eq!(local.get("empty").await.map(|_| ()), missing);
    assert_eq!(local.get("nothing").await.map(|_| ()), missing);
    assert_eq!(local.value("AWSPENDING").await.map(|_| ()), missing);
    let get = local.client.get_secret_value().secret_id("keys").version_id(token("b"));
    assert_eq!(code(get.send().await), missing);
}

#[tokio::test]
async fn version_and_stage_that_disagree_are_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let get = local.client.get_secret_value().secret_id("keys").version_id(token("a"));
    let get = get.version_stage("AWSPENDING").send().await;
    assert_eq!(code(get), refused("InvalidRequestException"));
}

#[tokio::test]
async fn bytes_come_back_as_they_went_in() {
    let local = start(None).await;
    let create = local.client.create_secret().name("keys").secret_binary(Blob::new([0, 255, 10]));
    create.send().await.unwrap();
    let got = local.get("keys").await.unwrap();
    assert_eq!(got.secret_binary().unwrap().as_ref(), [0, 255, 10]);
    assert_eq!(got.secret_string(), None);
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let local = start(None).await;
    local.create("keys", "0", "v0").await;
    for number in 1..5 {
        local.put(&format!("v{number}"), &number.to_string(), &[]).await.unwrap();
    }
    let list = local.client.list_secret_version_ids().secret_id("keys").include_deprecated(true);
    let pages = list.max_results(2).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let sizes: Vec<usize> = pages.iter().map(|page| page.versions().len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
    let list = local.client.list_secret_version_ids().secret_id("keys").next_token("made up");
    assert_eq!(code(list.send().await), refused("InvalidNextTokenException"));
}

#[tokio::test]
async fn a_secret_scheduled_for_deletion_is_refused_until_it_is_restored() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let deleted = local.client.delete_secret().secret_id("keys").recovery_window_in_days(7);
    let due = deleted.send().await.unwrap().deletion_date().unwrap().secs();
    assert_eq!(due, 1_700_000_000 + 7 * 86_400);

    let invalid = refused("InvalidRequestException");
    assert_eq!(local.get("keys").await.map(|_| ()), invalid);
    assert_eq!(local.put("b", "2", &[]).await, invalid);
    assert_eq!(local.shift("blue", None, Some("a")).await, invalid);
    assert_eq!(code(local.client.delete_secret().secret_id("keys").send().await), invalid);
    assert_eq!(code(local.client.create_secret().name("keys").send().await), invalid);
    let described = local.client.describe_secret().secret_id("keys").send().await.unwrap();
    assert_eq!(described.deleted_date().unwrap().secs(), 1_700_000_000);

    local.client.restore_secret().secret_id("keys").send().await.unwrap();
    assert_eq!(local.value("AWSCURRENT").await.unwrap(), "1");
}

#[tokio::test]
async fn a_deleted_secret_is_gone_after_its_window_and_its_name_is_free() {
    let local = start(None).await;
    let first = local.create("keys", "1", "a").await;
    local.client.delete_secret().secret_id("keys").recovery_window_in_days(7).send().await.unwrap();
    local.clock.advance(7 * DAY);
    assert_eq!(local.get("keys").await.map(|_| ()), refused("ResourceNotFoundException"));
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
        delete.force_delete_without_recovery(true).send().await.unwrap();
        assert_eq!(local.get("keys").await.map(|_| ()), refused("ResourceNotFoundException"));
    }
    let both = local.client.delete_secret().secret_id("keys").recovery_window_in_days(7);
    let both = both.force_delete_without_recovery(true).send().await;
    assert_eq!(code(both), refused("InvalidParameterException"));
    for days in [6, 31] {
        let delete = local.client.delete_secret().secret_id("keys").recovery_window_in_days(days);
        assert_eq!(code(delete.send().await), refused("InvalidParameterException"));
    }
}

#[tokio::test]
async fn an_unknown_rotation_function_is_not_found() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let rotate = local.client.rotate_secret().secret_id("keys");
    let unknown = rotate.clone().rotation_lambda_arn(format!("{FUNCTION}-other")).send().await;
    assert_eq!(code(unknown), refused("ResourceNotFoundException"));
    assert_eq!(code(rotate.send().await), refused("InvalidRequestException"), "none is configured");
    let described = local.client.describe_secret().secret_id("keys").send().await.unwrap();
    assert_eq!(described.rotation_enabled(), None);
}

#[tokio::test]
async fn a_rotation_is_recorded_and_played_through_its_steps() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let rotate = local.client.rotate_secret().secret_id("keys").rotation_lambda_arn(FUNCTION);
    let rotate = rotate.rotation_rules(rules).client_request_token(token("b"));
    assert_eq!(rotate.send().await.unwrap().version_id(), Some(token("b").as_str()));

    let described = local.client.describe_secret().secret_id("keys").send().await.unwrap();
    assert_eq!(described.rotation_enabled(), Some(true));
    assert_eq!(described.rotation_lambda_arn(), Some(FUNCTION));
    assert_eq!(described.rotation_rules().unwrap().automatically_after_days(), Some(30));
    assert_eq!(described.version_ids_to_stages().unwrap()[&token("b")], ["AWSPENDING"]);
    assert_eq!(
        local.value("AWSPENDING").await.map(|_| ()),
        refused("ResourceNotFoundException"),
        "announced, but without a value"
    );
    let second = local.client.rotate_secret().secret_id("keys").send().await;
    assert_eq!(code(second), refused("InvalidRequestException"), "one rotation at a time");

    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    local.shift("AWSCURRENT", Some("a"), Some("b")).await.unwrap();
    local.shift("AWSPENDING", Some("b"), None).await.unwrap();
    assert_eq!(local.stages().await, versions(&[("a", &["AWSPREVIOUS"]), ("b", &["AWSCURRENT"])]));
    local.client.rotate_secret().secret_id("keys").send().await.unwrap();
}

#[tokio::test]
async fn the_dates_of_a_rotation_follow_its_schedule_and_its_end() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    local.rotate_hourly("b").send().await.unwrap();
    let described = local.describe().await;
    assert_eq!(described.last_rotated_date(), None, "it has only begun");
    assert_eq!(described.next_rotation_date().unwrap().secs(), 1_700_000_000 + 3_600);

    local.clock.advance(Duration::from_secs(60));
    local.put("b", "2", &["AWSPENDING"]).await.unwrap();
    local.shift("AWSCURRENT", Some("a"), Some("b")).await.unwrap();
    let described = local.describe().await;
    assert_eq!(described.last_rotated_date().unwrap().secs(), 1_700_000_000 + 60);
    assert_eq!(described.next_rotation_date().unwrap().secs(), 1_700_000_000 + 3_660);
}

#[tokio::test]
async fn a_cancelled_rotation_is_off_until_it_is_asked_for_again() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let cancel = local.client.cancel_rotate_secret().secret_id("keys");
    assert_eq!(code(cancel.clone().send().await), refused("InvalidRequestException"), "none is configured");
    local.rotate_hourly("b").send().await.unwrap();

    let cancelled = cancel.send().await.unwrap();
    assert_eq!(cancelled.version_id(), Some(token("b").as_str()), "the caller may have to clean it up");
    let described = local.describe().await;
    assert_eq!((described.rotation_enabled(), described.next_rotation_date()), (Some(false), None));
    assert_eq!(described.rotation_lambda_arn(), Some(FUNCTION), "the configuration stays visible");

    local.shift("AWSPENDING", Some("b"), None).await.unwrap();
    local.client.rotate_secret().secret_id("keys").send().await.unwrap();
    let described = local.describe().await;
    assert_eq!(described.rotation_enabled(), Some(true));
    assert!(described.next_rotation_date().is_some(), "the former schedule holds again");
}

#[tokio::test]
async fn a_schedule_that_would_not_be_followed_is_refused() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let rules = RotationRulesType::builder().schedule_expression("cron(0 8 1 * ? *)").build();
    let rotate = local.client.rotate_secret().secret_id("keys").rotation_lambda_arn(FUNCTION);
    assert_eq!(code(rotate.rotation_rules(rules).send().await), refused("InvalidParameterException"));
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

#[tokio::test]
async fn a_random_password_is_made_through_the_sdk() {
    let local = start(None).await;
    let request = local.client.get_random_password().password_length(64).exclude_punctuation(true);
    let password = request.send().await.unwrap().random_password.unwrap();
    assert_eq!(password.len(), 64);
    assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[tokio::test]
async fn secrets_outlive_the_process_and_are_the_owners_alone() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    let local = start(Some(path.clone())).await;
    let arn = local.create("keys", "1", "a").await;
    local.put("b", "2", &[]).await.unwrap();
    let before = local.stages().await;
    drop(local);

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let local = start(Some(path.clone())).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(local.stages().await, before);
    assert_eq!(local.get(&arn).await.unwrap().secret_string(), Some("2"));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside");
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

    assert_eq!(local.put("b", "2", &[]).await, refused("InternalServiceError"));
    assert_eq!(local.stages().await, versions(&[("a", &["AWSCURRENT"])]));

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
    start(Some(path.clone())).await.create("keys", "1", "a").await;
    assert!(!torn.exists());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_torn_file_is_a_clear_error_that_quotes_nothing() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    start(Some(path.clone())).await.create("keys", "hunter2", "a").await;
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open(path.clone()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "cut to {length} bytes: {error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("secrets.json") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_file_of_a_later_format_is_refused() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    fs::write(&path, r#"{"format":2,"vaults":[]}"#).unwrap();
    assert!(matches!(open(path), Err(OpenError::UnknownFormat { found: 2, .. })));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let directory = TempDir::new();
    let path = directory.path("secrets.json");
    fs::create_dir(&path).unwrap();
    assert!(matches!(open(path), Err(OpenError::Unreadable { .. })));
}

fn open(path: PathBuf) -> Result<SecretsManager, OpenError> {
    SecretsManager::open(Some(path), testing::clock(), Arc::new(SeededEntropy::new(7)))
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
    assert_eq!(local.stages().await, expected);
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
    assert_eq!((won, local.stages().await.len()), (1, 2));
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_next_good_one_works() {
    let local = start(None).await;
    local.create("keys", "1", "a").await;
    let put = "secretsmanager.PutSecretValue";
    let long = format!(r#"{{"SecretId":"{}"}}"#, "x".repeat(MAX_BODY));
    for (target, body, code) in [
        ("secretsmanager.Explode", "{}", "UnknownOperationException"),
        ("DynamoDB_20120810.PutItem", "{}", "UnknownOperationException"),
        (put, "", "SerializationException"),
        (put, "[]", "SerializationException"),
        (put, r#"{"SecretString":5}"#, "SerializationException"),
        (put, r#"{"SecretId":"keys"}"#, "InvalidRequestException"),
        (put, r#"{"SecretString":"x"}"#, "ValidationException"),
        (put, r#"{"SecretId":"keys","SecretString":"x"}"#, "InvalidRequestException"),
        (put, r#"{"SecretId":"keys","SecretString":"x","ClientRequestToken":"short"}"#, "InvalidParameterException"),
        ("secretsmanager.CreateSecret", r#"{"Name":"a b","SecretString":"x"}"#, "ValidationException"),
        ("secretsmanager.GetSecretValue", &long, "RequestEntityTooLargeException"),
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
    let (_, answer) = local.raw("secretsmanager.PutSecretValue", r#""hunter2""#).await;
    let shown = format!("{:?} {answer}", local.server);
    let vault = local.server.0.vault.lock().unwrap();
    assert!(!format!("{shown} {vault:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_error_reaches_the_sdk_with_its_type_and_message() {
    let local = start(None).await;
    let get = local.client.get_secret_value().secret_id("nothing").send().await;
    let error = get.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception());
    assert_eq!(error.message(), Some("Secrets Manager can't find the specified secret."));
}
