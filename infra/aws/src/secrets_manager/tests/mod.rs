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

use super::*;
use crate::testing::{self, MockClock, TempDir};

mod persistence;
mod rotation;
mod versions;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:rotate";

struct Local {
    client: Client,
    clock: MockClock,
    server: SecretsManager,
}

async fn start(path: Option<PathBuf>) -> Local {
    let clock = testing::clock();
    let server = SecretsManager::open(path, clock.reader(), testing::entropy()).unwrap();
    // Rotations do not run by themselves here: the tests play the function themselves.
    assert_eq!(
        server.register("rotate", Arc::new(|_| Box::pin(async { Ok(()) }))),
        FUNCTION
    );
    let config = Config::builder()
        .behavior_version(testing::behavior())
        .endpoint_url(testing::serve(server.router()).await)
        .credentials_provider(testing::credentials())
        .region(testing::region())
        .http_client(testing::http_client())
        .build();
    Local {
        client: Client::from_conf(config),
        clock,
        server,
    }
}

/// A token as long as tokens must be.
fn token(name: &str) -> String {
    format!("{name:-<36}")
}

impl Local {
    async fn create(&self, name: &str, value: &str, version: &str) -> String {
        let create = self.client.create_secret().name(name).secret_string(value);
        let made = create
            .client_request_token(token(version))
            .send()
            .await
            .unwrap();
        made.arn.unwrap()
    }

    async fn put(&self, version: &str, value: &str, stages: &[&str]) -> Result<(), String> {
        let mut put = self.client.put_secret_value().secret_id("keys");
        for stage in stages {
            put = put.version_stages(*stage);
        }
        let put = put
            .client_request_token(token(version))
            .secret_string(value);
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
        let get = self
            .client
            .get_secret_value()
            .secret_id("keys")
            .version_stage(stage);
        Ok(code_of(get.send().await)?.secret_string.unwrap())
    }

    async fn describe(&self) -> DescribeSecretOutput {
        self.client
            .describe_secret()
            .secret_id("keys")
            .send()
            .await
            .unwrap()
    }

    /// Asks for a rotation now, and for one each hour.
    fn rotate_hourly(&self, version: &str) -> RotateSecretFluentBuilder {
        let rules = RotationRulesType::builder()
            .schedule_expression("rate(1 hour)")
            .build();
        let rotate = self
            .client
            .rotate_secret()
            .secret_id("keys")
            .rotation_lambda_arn(FUNCTION);
        rotate
            .rotation_rules(rules)
            .client_request_token(token(version))
    }

    /// Every version with its labels, by the name that the test gave it.
    fn stages(&self) -> Vec<(String, Vec<String>)> {
        let name = |id: &str| id.trim_end_matches('-').to_owned();
        let vault = self.server.vault();
        let versions = vault.find("keys").unwrap().versions.iter();
        versions
            .map(|v| (name(&v.id), v.stages.iter().cloned().collect()))
            .collect()
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
    expected
        .iter()
        .map(|(id, stages)| ((*id).to_owned(), owned(stages)))
        .collect()
}
