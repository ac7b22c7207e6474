//! Dashboard and alarms ask for metrics that the code writes, and what must be noticed is watched.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use dashtam_local::cloudformation;
use serde_json::Value;
use shared::http::problem::Code;
use shared::routes;
use shared::telemetry::Metric;

use crate::guard_project::{assert_same, entries, path, read};

const TEMPLATE: &str = "infra/observability.yaml";

fn resources(file: &str, kind: &str) -> Vec<(String, Value)> {
    let template = cloudformation::parse(&read(file)).expect("a template");
    let resources = template["Resources"]
        .as_object()
        .expect("resources")
        .clone();
    resources
        .into_iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(id, r)| (id, r["Properties"].clone()))
        .collect()
}

/// An alarm's metric, statistic and dimension.
fn watched(alarm: &Value) -> (String, String, Option<(String, String)>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let statistic = alarm["Statistic"]
        .as_str()
        .or(alarm["ExtendedStatistic"].as_str())
        .unwrap_or_default()
        .to_owned();
    let dimension = alarm["Dimensions"]
        .get(0)
        .map(|one| (text(&one["Name"]), text(&one["Value"])));
    (text(&alarm["MetricName"]), statistic, dimension)
}

#[test]
fn every_alarm_watches_a_metric_of_the_code_with_a_dimension_that_it_has() {
    let alarms = resources(TEMPLATE, "AWS::CloudWatch::Alarm");
    assert!(alarms.len() > 10, "the guard does not find the alarms");
    for (id, alarm) in alarms {
        let (name, statistic, dimension) = watched(&alarm);
        let known = Metric::ALL
            .into_iter()
            .map(Metric::facts)
            .find(|(known, ..)| *known == name);
        let (_, unit, own) =
            known.unwrap_or_else(|| panic!("{id} watches {name}, which nothing writes"));
        assert_eq!(
            dimension.as_ref().map(|(name, _)| name.as_str()),
            own,
            "{id}"
        );
        assert_eq!(
            unit == "Count",
            statistic == "Sum",
            "{id} takes the {statistic} of {unit}"
        );
        let exists = match dimension {
            Some((name, value)) if name == "Code" => {
                Code::ALL.iter().any(|code| code.name() == value)
            }
            Some((_, value)) => routes::ALL.iter().any(|route| route.function == value),
            None => true,
        };
        assert!(exists, "{id} watches a value that the dimension never has");
    }
}

#[test]
fn the_dashboard_shows_every_metric_of_the_code_and_no_other() {
    let [(_, dashboard)] = resources(TEMPLATE, "AWS::CloudWatch::Dashboard")
        .try_into()
        .expect("one dashboard");
    let body = dashboard["DashboardBody"]["Fn::Sub"]
        .as_str()
        .expect("a text");
    let body: Value = serde_json::from_str(body).expect("the dashboard's JSON");
    let mut shown = BTreeSet::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        for metric in widget["properties"]["metrics"].as_array().expect("metrics") {
            if let Some(search) = metric[0]["expression"].as_str() {
                let name = search
                    .split("MetricName=\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next());
                shown.insert(name.expect("a metric's name").to_owned());
            } else if metric[0] == "${Namespace}" {
                shown.insert(metric[1].as_str().expect("a name").to_owned());
            }
        }
    }
    let known: BTreeSet<_> = Metric::ALL
        .into_iter()
        .map(|metric| metric.facts().0.to_owned())
        .collect();
    assert_eq!(shown, known);
}

#[test]
fn what_must_be_noticed_raises_an_alarm() {
    // AU-09
    let own: BTreeSet<_> = resources(TEMPLATE, "AWS::CloudWatch::Alarm")
        .iter()
        .map(|(_, alarm)| watched(alarm).0)
        .collect();
    for metric in [
        Metric::Lockouts,
        Metric::Theft,
        Metric::GlobalRotations,
        Metric::KeysDropped,
        Metric::LimitSkipped,
        Metric::KeysStale,
        Metric::StartFailures,
        Metric::ServerErrors,
    ] {
        assert!(own.contains(metric.facts().0), "no alarm for {metric:?}");
    }
    let alarms = resources("template.yaml", "AWS::CloudWatch::Alarm");
    let queues = resources("template.yaml", "AWS::SQS::Queue")
        .into_iter()
        .map(|(id, _)| id);
    let dead: Vec<_> = queues.filter(|id| id.ends_with("DeadLetters")).collect();
    assert!(dead.len() >= 3, "the guard does not find the dead letters");
    for queue in dead {
        let watches = |alarm: &Value| {
            alarm.to_string().contains(&format!("{queue}.QueueName"))
                || alarm["Dimensions"].to_string().contains(&queue)
        };
        assert!(
            alarms.iter().any(|(_, alarm)| watches(alarm)),
            "no alarm for {queue}"
        );
    }
}

#[test]
fn every_alarm_reaches_the_topic_and_stays_silent_without_data() {
    for (id, alarm) in resources(TEMPLATE, "AWS::CloudWatch::Alarm")
        .into_iter()
        .chain(resources("template.yaml", "AWS::CloudWatch::Alarm"))
    {
        assert!(
            alarm["AlarmActions"].to_string().contains("AlarmTopicArn"),
            "{id}"
        );
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
    }
}

#[test]
fn every_stack_inside_is_given_every_parameter_that_it_takes() {
    let stacks = resources("template.yaml", "AWS::CloudFormation::Stack");
    let names = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    let mut files = BTreeSet::new();
    for (id, stack) in stacks {
        let file = stack["TemplateURL"].as_str().expect("a file").to_owned();
        let template = cloudformation::parse(&read(&file)).expect("a template");
        assert_eq!(
            names(&stack["Parameters"]),
            names(&template["Parameters"]),
            "{id}"
        );
        files.insert(file);
    }
    let is_stack = |name: &String| {
        path(name)
            .extension()
            .is_some_and(|extension| extension == "yaml")
    };
    let nested = entries("infra").into_iter().filter(is_stack);
    assert_same(
        ("template.yaml", &files),
        (
            "infra",
            &nested.map(|name| format!("infra/{name}")).collect(),
        ),
    );
}

#[test]
fn mail_that_does_not_arrive_and_secrets_that_strangers_read_raise_an_alarm() {
    const FILE: &str = "infra/notifications.yaml";
    let alarms = resources(FILE, "AWS::CloudWatch::Alarm");
    let names: BTreeSet<_> = alarms.iter().map(|(_, alarm)| watched(alarm).0).collect();
    for name in [
        "Reputation.BounceRate",
        "Reputation.ComplaintRate",
        "SecretReads",
    ] {
        assert!(names.contains(name), "no alarm for {name}");
    }
    for (id, alarm) in alarms {
        assert!(
            alarm["AlarmActions"].to_string().contains("AlarmTopicArn"),
            "{id}"
        );
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
    }
    // Every rule ends in a log group of the stack, and EventBridge may write there.
    let policy = resources(FILE, "AWS::Logs::ResourcePolicy")[0]
        .1
        .to_string();
    for (id, rule) in resources(FILE, "AWS::Events::Rule") {
        let group = rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]
            .as_str()
            .expect("a log group");
        assert!(
            policy.contains(&format!("${{{group}.Arn}}"))
                && policy.contains(&format!("${{{id}.Arn}}")),
            "{id}"
        );
    }
    // Reads are left out by EventBridge unless a rule asks for them.
    let [(_, reads)] = resources(FILE, "AWS::Events::Rule")
        .into_iter()
        .filter(|(id, _)| id == "SecretReadsRule")
        .collect::<Vec<_>>()
        .try_into()
        .expect("one rule");
    assert_eq!(
        reads["State"],
        "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    );
}
