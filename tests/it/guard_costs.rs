//! What a million requests cost: the table of `docs/costs.md`, from the calls that each endpoint makes and published prices.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking; numbers are small"
)]

use std::fmt::Write as _;

use bundle_tests::TestApp;
use dashtam_local::cloudformation;
use serde_json::Value;
use shared::routes;

use crate::guard_project::{path, read};
use crate::guard_requests::granted;
use crate::guard_rights::logical_id;

const PAGE: &str = "docs/costs.md";
const BEGIN: &str = "<!-- counted -->\n";
const END: &str = "<!-- end -->\n";

/// Dollars for a million, us-east-1, November 2026: strongly consistent reads up to 4 KB, writes up to 1 KB.
const READ_UNITS: f64 = 0.125;
const WRITE_UNITS: f64 = 0.625;
const INVOCATIONS: f64 = 0.20;
const REST_CALLS: f64 = 3.50;
const HTTP_CALLS: f64 = 1.00;
/// Dollars for a gigabyte of memory during a million seconds, on arm64.
const GIGABYTE_SECONDS: f64 = 13.333_4;

/// What a function is taken to need by itself, for each call of the store, and for a hash at 1,024 MB, in milliseconds.
const OWN_MS: f64 = 2.0;
const CALL_MS: f64 = 5.0;
const HASH_MS: f64 = 40.0;

/// The attributes that put a record into an index; each costs a write of its own.
const INDEXED: [&str; 3] = ["month", "indexed_session", "once_user"];

/// What a request asks of the store.
#[derive(Default)]
struct Use {
    calls: usize,
    reads: usize,
    writes: usize,
}

impl Use {
    fn add(&mut self, operation: &str, body: &Value) {
        self.calls += 1;
        match operation {
            "GetItem" | "Query" => self.reads += 1,
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().expect("tables").values();
                self.reads += tables
                    .filter_map(|table| table["Keys"].as_array())
                    .map(Vec::len)
                    .sum::<usize>();
            }
            "TransactWriteItems" => {
                for item in body["TransactItems"].as_array().expect("items") {
                    // A transaction writes twice: it prepares, and it commits.
                    self.writes += 2 + indexes(&item["Put"]);
                }
            }
            "PutItem" => self.writes += 1 + indexes(body),
            "UpdateItem" | "DeleteItem" => self.writes += 1,
            other => panic!("nothing is known of the price of {other}"),
        }
    }

    fn store(&self) -> f64 {
        self.reads as f64 * READ_UNITS + self.writes as f64 * WRITE_UNITS
    }
}

/// How many index entries a put makes.
fn indexes(put: &Value) -> usize {
    let is_record = put["TableName"]
        .as_str()
        .is_some_and(|name| name.ends_with("audit"));
    let item = &put["Item"];
    if is_record {
        INDEXED
            .iter()
            .filter(|name| item.get(**name).is_some())
            .count()
    } else {
        0
    }
}

fn memory(template: &Value, function: &str) -> f64 {
    let own = template["Resources"][logical_id(function)]["Properties"]["MemorySize"].as_f64();
    own.or(template["Globals"]["Function"]["MemorySize"].as_f64())
        .expect("a size")
}

fn function(template: &Value, name: &str, used: &Use, hashes: u64) -> f64 {
    let milliseconds = OWN_MS + used.calls as f64 * CALL_MS + hashes as f64 * HASH_MS;
    INVOCATIONS + milliseconds / 1_000.0 * memory(template, name) / 1_024.0 * GIGABYTE_SECONDS
}

async fn table() -> String {
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let app = TestApp::start().await;
    app.proxy.watch();
    let mut text = String::from(
        "| Endpoint | Calls | Reads | Writes | DynamoDB $ | Lambda $ | in all, REST API $ | in all, HTTP API $ |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for route in routes::ALL {
        let request = granted(&app, route, "a").await;
        app.drain().await;
        // A bucket that is in use costs a call more; a minute later each is idle.
        app.advance(60);
        let _made_ready = app.proxy.take_watched();
        let hashed = app.hashes();
        let answer = request.send().await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
        let mut used = Use::default();
        for (operation, body) in app.proxy.take_watched() {
            used.add(&operation, &body);
        }
        let function = function(&template, route.program(), &used, app.hashes() - hashed);
        let sum = used.store() + function;
        let Use {
            calls,
            reads,
            writes,
        } = used;
        let _ = writeln!(
            text,
            "| `{} {}` | {calls} | {reads} | {writes} | {:.2} | {function:.2} | {:.2} | {:.2} |",
            route.method,
            route.path,
            used.store(),
            sum + REST_CALLS,
            sum + HTTP_CALLS,
        );
    }
    text
}

#[tokio::test]
async fn the_table_of_costs_is_what_the_endpoints_ask_for() {
    let written = read(PAGE);
    let (before, rest) = written.split_once(BEGIN).expect("the table's beginning");
    let (_, after) = rest.split_once(END).expect("the table's end");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table().await);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(PAGE), &expected).expect("the page is written");
        return;
    }
    assert!(
        written == expected,
        "{PAGE} is outdated; write it anew: UPDATE_DOCS=1 cargo test -p bundle-tests guard_costs"
    );
}

#[test]
fn the_page_counts_what_is_paid_for_while_nobody_comes() {
    let page = read(PAGE);
    let count = |file: &str, kind: &str| {
        let template = cloudformation::parse(&read(file)).expect("a template");
        template["Resources"]
            .as_object()
            .expect("resources")
            .values()
            .filter(|one| one["Type"] == kind)
            .count()
    };
    let alarms = [
        "template.yaml",
        "infra/observability.yaml",
        "infra/notifications.yaml",
    ]
    .map(|file| count(file, "AWS::CloudWatch::Alarm"));
    for (what, number) in [
        ("customer keys", count("template.yaml", "AWS::KMS::Key")),
        (
            "secrets",
            count("template.yaml", "AWS::SecretsManager::Secret"),
        ),
        ("alarms", alarms.iter().sum()),
    ] {
        assert!(
            page.contains(&format!("| {number} {what} |")),
            "{PAGE} does not say that there are {number} {what}"
        );
    }
}
