//! Each function may do what its route says and nothing more: the policies in `template.yaml` against `routes/`. That it
//! needs all of it, and nothing else, is seen by running: `rights.rs` and the test program `rights`.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use dashtam_local::cloudformation;
use serde_json::Value;
use shared::routes::{self, Index, RingRight, Secret};

use crate::guard_project::{assert_same, functions, read};

/// What may be done with what: `Users` and `dynamodb:GetItem`.
pub type Right = (String, String);

/// One statement of a policy.
struct Statement {
    actions: Vec<String>,
    resources: Vec<Value>,
    whole: Value,
}

pub fn template() -> Value {
    cloudformation::parse(&read("template.yaml")).expect("a template")
}

pub fn resources_of(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().expect("resources");
    let wanted = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind);
    wanted
        .map(|(id, resource)| (id.clone(), resource.clone()))
        .collect()
}

/// A value that stands alone or in a list.
fn list(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![value.clone()])
}

/// `AuthLoginFunction` for `auth-login`.
pub fn logical_id(function: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    function.split('-').map(word).collect::<String>() + "Function"
}

/// The statements of a function or role, which must be inline and allow.
fn statements(id: &str, resource: &Value) -> Vec<Statement> {
    for policies in ["ManagedPolicyArns", "Role", "PermissionsBoundary"] {
        let no_other = resource["Properties"].get(policies).is_none()
            || resource["Type"] == "AWS::IAM::Role" && id == "ApiLogRole";
        assert!(
            no_other,
            "{id}: rights by {policies} are not read by this guard"
        );
    }
    let policies = resource["Properties"]
        .get("Policies")
        .map(list)
        .unwrap_or_default();
    let documents = policies
        .iter()
        .map(|policy| policy.get("PolicyDocument").unwrap_or(policy));
    let statements = documents.flat_map(|document| {
        assert!(
            document["Statement"].is_array(),
            "{id}: only inline policies are allowed, not {document}"
        );
        list(&document["Statement"])
    });
    let read = statements.map(|whole| {
        assert_eq!(whole["Effect"], "Allow", "{id}");
        for member in whole.as_object().expect("a statement").keys() {
            assert!(
                ["Effect", "Action", "Resource", "Condition"].contains(&member.as_str()),
                "{id}: {member}"
            );
        }
        let actions = list(&whole["Action"])
            .iter()
            .map(|action| action.as_str().expect("an action").to_owned())
            .collect();
        Statement {
            actions,
            resources: list(&whole["Resource"]),
            whole,
        }
    });
    read.collect()
}

/// The resource that a statement is about: a logical id, or the text itself where it has none.
fn subject(resource: &Value) -> String {
    let id = resource["Ref"]
        .as_str()
        .or_else(|| resource["Fn::GetAtt"][0].as_str())
        .map(str::to_owned);
    let index = resource["Fn::Sub"]
        .as_str()
        .and_then(|text| text.strip_prefix("${")?.split_once(".Arn}/index/"));
    id.or_else(|| index.map(|(table, name)| format!("{table}/index/{name}")))
        .unwrap_or_else(|| resource.to_string())
}

pub fn rights(id: &str, function: &Value) -> BTreeSet<Right> {
    let all = statements(id, function).into_iter().flat_map(|statement| {
        let subjects: Vec<_> = statement.resources.iter().map(subject).collect();
        subjects.into_iter().flat_map(move |subject| {
            statement
                .actions
                .clone()
                .into_iter()
                .map(move |action| (subject.clone(), action))
        })
    });
    all.collect()
}

fn right(subject: &str, action: &str) -> Right {
    (subject.to_owned(), action.to_owned())
}

/// The rights of a route, in the template's words.
fn rights_of_route(route: &routes::Route) -> BTreeSet<Right> {
    let tables = route.grants.iter().flat_map(|(table, actions)| {
        let name = table.name();
        let id = name[..1].to_uppercase() + &name[1..] + "Table";
        actions
            .iter()
            .map(move |action| right(&id, &format!("dynamodb:{action}")))
    });
    let secrets = route.secrets.iter().map(|secret| match secret {
        Secret::SigningRing => right("SigningRing", "secretsmanager:GetSecretValue"),
        Secret::MailKey => right("MailKey", "secretsmanager:GetSecretValue"),
        Secret::CursorKey => right("CursorKey", "secretsmanager:GetSecretValue"),
    });
    let key = (!route.secrets.is_empty()).then(|| right("DataKey", "kms:Decrypt"));
    let replace = [
        right("SigningRing", "secretsmanager:PutSecretValue"),
        right("SigningRing", "secretsmanager:DescribeSecret"),
        right("SigningRing", "secretsmanager:UpdateSecretVersionStage"),
        right("SigningRing", "secretsmanager:RotateSecret"),
        right("KeysRotateSigningFunction", "lambda:InvokeFunction"),
        right("DataKey", "kms:GenerateDataKey"),
    ];
    let replace = replace
        .into_iter()
        .filter(|_| route.ring == RingRight::Replace);
    let index = |index: &Index| {
        let name = index.table().name();
        let table = name[..1].to_uppercase() + &name[1..];
        right(
            &format!("{table}Table/index/{}", index.name()),
            "dynamodb:Query",
        )
    };
    let indexes = route.indexes.iter().map(index);
    tables
        .chain(indexes)
        .chain(secrets)
        .chain(key)
        .chain(replace)
        .collect()
}

/// SC-01, KR-18: one role for each function, which reads a secret only if the route says so.
#[test]
fn every_function_has_the_rights_of_its_route_and_no_others() {
    let functions = resources_of(&template(), "AWS::Serverless::Function");
    for route in routes::ALL {
        let id = logical_id(route.program());
        let function = functions
            .get(&id)
            .unwrap_or_else(|| panic!("template.yaml has no {id}"));
        assert_same(
            (
                &format!("the route of {}", route.function),
                &rights_of_route(route),
            ),
            (&format!("{id} in template.yaml"), &rights(&id, function)),
        );
    }
}

/// SC-01, SC-03: no wildcards, and no policy that stands elsewhere: a policy template of SAM, a managed one.
#[test]
fn no_right_covers_more_than_it_names() {
    let template = template();
    let holders =
        ["AWS::Serverless::Function", "AWS::IAM::Role"].map(|kind| resources_of(&template, kind));
    for (id, holder) in holders.iter().flatten() {
        for statement in statements(id, holder) {
            for action in &statement.actions {
                assert!(
                    !action.contains(['*', '?']),
                    "{id}: the action {action} is a wildcard"
                );
            }
            for resource in &statement.resources {
                // Objects have no names before they are made.
                let text = resource.to_string();
                let text = ["segments", "checkpoints"].iter().fold(text, |text, part| {
                    text.replace(&format!("${{AuditArchive.Arn}}/{part}/*"), "")
                });
                assert!(
                    !text.contains(['*', '?']),
                    "{id}: the resource {resource} is a wildcard"
                );
            }
        }
    }
    let kinds: BTreeSet<_> = template["Resources"]
        .as_object()
        .expect("resources")
        .values()
        .filter_map(|resource| resource["Type"].as_str())
        .collect();
    for kind in [
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::RolePolicy",
        "AWS::IAM::User",
        "AWS::DynamoDB::ResourcePolicy",
    ] {
        assert!(
            !kinds.contains(kind),
            "rights by {kind} are not read by this guard"
        );
    }
    let globals = &template["Globals"]["Function"];
    assert!(
        globals.get("Policies").is_none() && globals.get("Role").is_none(),
        "rights for all functions at once"
    );
}

/// SC-22: whoever may invoke a function is named with the resource that it invokes it for, and no function has an address.
#[test]
fn functions_are_invoked_for_named_resources_alone() {
    let template = template();
    let permissions = resources_of(&template, "AWS::Lambda::Permission");
    assert!(!permissions.is_empty(), "nobody may rotate the keys");
    for (id, permission) in &permissions {
        let properties = &permission["Properties"];
        assert!(
            properties["SourceArn"].is_object() && properties["SourceAccount"].is_object(),
            "{id}: {permission}"
        );
        assert_eq!(properties["Action"], "lambda:InvokeFunction", "{id}");
        assert!(
            properties["Principal"]
                .as_str()
                .is_some_and(|who| who.ends_with(".amazonaws.com")),
            "{id}"
        );
    }
    assert!(resources_of(&template, "AWS::Lambda::Url").is_empty());
    let globals = &template["Globals"]["Function"];
    for (id, function) in resources_of(&template, "AWS::Serverless::Function") {
        let address = function["Properties"]
            .get("FunctionUrlConfig")
            .or_else(|| globals.get("FunctionUrlConfig"));
        assert!(
            address.is_none(),
            "{id} has an address of its own, past the gateway"
        );
    }
}

/// `cargo lambda watch` gives each function its own access key, by which the local AWS side knows it.
#[test]
fn every_function_has_an_access_key_of_its_own_as_a_process() {
    for (name, folder) in functions() {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        let wanted = format!("[package.metadata.lambda.env]\nAWS_ACCESS_KEY_ID = \"{name}\"\n");
        assert!(
            manifest.contains(&wanted),
            "{folder}/Cargo.toml lacks\n{wanted}"
        );
    }
}

#[test]
fn audit_records_can_only_be_put_and_read_by_those_that_show_them() {
    // AU-05: no function changes, removes or overwrites a record; every put is conditional on absence (`store/audit.rs`).
    let stream = [
        "DescribeStream",
        "GetRecords",
        "GetShardIterator",
        "ListStreams",
    ];
    let reads: [(&str, &[&str]); 5] = [
        ("AuthActivityFunction", &["Query"]),
        ("AdminAuditEventsFunction", &["Query"]),
        ("AuthExportMeFunction", &["Query"]),
        ("AuditSealerFunction", &stream),
        ("AuditReconcilerFunction", &["Scan"]),
    ];
    let template = template();
    let holders =
        ["AWS::Serverless::Function", "AWS::IAM::Role"].map(|kind| resources_of(&template, kind));
    for (id, holder) in holders.iter().flatten() {
        for statement in statements(id, holder) {
            let about_audit = statement
                .resources
                .iter()
                .any(|resource| resource.to_string().contains("AuditTable"));
            if !about_audit {
                continue;
            }
            for action in &statement.actions {
                let verb = action.strip_prefix("dynamodb:").unwrap_or_default();
                let is_read = reads
                    .iter()
                    .any(|(reader, verbs)| reader == id && verbs.contains(&verb));
                assert!(
                    action == "dynamodb:PutItem" || is_read,
                    "{id}: {}",
                    statement.whole
                );
            }
            let on_index = statement
                .resources
                .iter()
                .any(|resource| resource.to_string().contains("/index/"));
            assert!(
                !on_index || statement.actions == ["dynamodb:Query"],
                "{id}: {}",
                statement.whole
            );
        }
    }
}

/// AU-05: whoever may write a record may not write its seal, and the other way round; one role may sign.
#[test]
fn nobody_who_writes_records_writes_seals_and_one_role_signs() {
    let template = template();
    for (id, function) in resources_of(&template, "AWS::Serverless::Function") {
        let rights = rights(&id, &function);
        let writes = |table: &str| {
            let reads = [
                "Query",
                "Scan",
                "GetItem",
                "BatchGetItem",
                "DescribeStream",
                "GetRecords",
                "GetShardIterator",
                "ListStreams",
            ];
            rights.iter().any(|(subject, action)| {
                subject == table && !reads.iter().any(|read| action.ends_with(read))
            })
        };
        assert!(!(writes("AuditTable") && writes("SealsTable")), "{id}");
        let seals = rights.iter().filter(|(subject, _)| subject == "SealsTable");
        let changes =
            seals.filter(|(_, action)| action.contains("Update") || action.contains("Delete"));
        assert_eq!(changes.count(), 0, "{id} may change a seal");
    }
    let statements =
        template["Resources"]["AuditKey"]["Properties"]["KeyPolicy"]["Statement"].clone();
    let signs = |statement: &&Value| {
        list(&statement["Action"])
            .iter()
            .any(|action| action == "kms:Sign" || action == "kms:*")
    };
    let statements = list(&statements);
    let signers: Vec<_> = statements
        .iter()
        .filter(signs)
        .map(|statement| &statement["Principal"]["AWS"])
        .collect();
    assert_eq!(
        signers,
        [&serde_json::json!({ "Fn::GetAtt": ["AuditCheckpointFunctionRole", "Arn"] })]
    );
}

#[test]
fn records_and_log_lines_are_kept_for_a_bounded_time() {
    // AU-11
    let template = template();
    let groups = resources_of(&template, "AWS::Logs::LogGroup");
    assert!(
        groups.contains_key("FunctionLogs") && groups.contains_key("AccessLogs"),
        "{:?}",
        groups.keys()
    );
    for (id, group) in &groups {
        assert_eq!(
            group["Properties"]["RetentionInDays"]["Ref"], "LogRetentionDays",
            "{id} keeps its lines for ever"
        );
    }
    let globals = &template["Globals"]["Function"];
    assert_eq!(
        globals["LoggingConfig"]["LogGroup"]["Ref"], "FunctionLogs",
        "functions log into groups of their own"
    );
    assert_eq!(
        globals["Environment"]["Variables"]["DASHTAM_AUDIT_RETENTION_DAYS"]["Ref"],
        "AuditRetentionDays"
    );
    for (id, function) in resources_of(&template, "AWS::Serverless::Function") {
        assert!(
            function["Properties"].get("LoggingConfig").is_none(),
            "{id} logs into a group of its own"
        );
    }
    let ttl = &template["Resources"]["AuditTable"]["Properties"]["TimeToLiveSpecification"];
    assert_eq!(
        (&ttl["AttributeName"], &ttl["Enabled"]),
        (&Value::from("ttl"), &Value::from(true))
    );
    let refused = &template["Rules"]["ProductionKeepsTheTrailForAYear"]["Assertions"][0]["Assert"]
        ["Fn::Not"][0];
    let too_short = list(&refused["Fn::Contains"][0])
        .into_iter()
        .map(|days| days.as_str().map(str::to_owned));
    let allowed = list(&template["Parameters"]["AuditRetentionDays"]["AllowedValues"]).into_iter();
    let allowed = allowed.filter_map(|days| days.as_u64());
    let short: Vec<_> = allowed
        .filter(|days| *days < 365)
        .map(|days| Some(days.to_string()))
        .collect();
    assert_eq!(
        too_short.collect::<Vec<_>>(),
        short,
        "production may keep records for less than a year"
    );
}

#[test]
fn the_key_serves_functions_by_way_of_the_secrets_alone_and_mail_has_one_sender() {
    for (id, function) in resources_of(&template(), "AWS::Serverless::Function") {
        for statement in statements(&id, &function) {
            let condition = &statement.whole["Condition"]["StringEquals"];
            for action in &statement.actions {
                if action.starts_with("kms:") {
                    assert_eq!(
                        condition["kms:ViaService"]["Fn::Sub"],
                        "secretsmanager.${AWS::Region}.amazonaws.com",
                        "{id}"
                    );
                } else if action.starts_with("ses:") {
                    assert_eq!(condition["ses:FromAddress"]["Ref"], "MailFrom", "{id}");
                } else {
                    assert!(
                        statement.whole.get("Condition").is_none(),
                        "{id}: {}",
                        statement.whole
                    );
                }
            }
        }
    }
}
