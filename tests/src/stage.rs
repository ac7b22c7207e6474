//! The events in `events/`, and a service in the state that they expect.

use serde_json::{Value, json};

use crate::project::{entries, folders, read};
use crate::{PASSWORD, TestApp, text};

/// The account that the events are about.
pub const EMAIL: &str = "ada@example.com";

/// A service in the state that the events expect, and what it fills into them.
pub struct Stage {
    /// The service.
    pub app: TestApp,
    /// What stands in double braces in the events, and what it is here.
    pub values: Vec<(&'static str, String)>,
}

impl Stage {
    /// A new service in that state.
    pub async fn set() -> Self {
        Self::set_in(TestApp::start().await).await
    }

    /// Brings a new service into that state.
    pub async fn set_in(app: TestApp) -> Self {
        app.verified(EMAIL).await;
        let ada = app
            .anonymous()
            .at("198.51.100.1")
            .log_in(EMAIL, PASSWORD)
            .await;
        app.advance(1);
        // A device that the account has not seen: its owner gets a notice with a link.
        let other = app
            .anonymous()
            .at("198.51.100.2")
            .header("user-agent", "curl/8")
            .log_in(EMAIL, PASSWORD)
            .await;
        let admin = app.admin("admin@example.com").await;
        app.registered("pending@example.com").await;
        app.anonymous()
            .post(
                "/api/v1/auth/request-password-reset",
                &json!({ "email": EMAIL }),
            )
            .await
            .assert(202);
        let body = json!({ "email": "invited@example.com", "reason": "Asked for by an event of the tests" });
        let invitation = admin.post("/api/v1/admin/invitations", &body).await;
        let some = |token: &Option<String>| token.clone().expect("a token");
        let values = vec![
            ("{{access_token}}", some(&ada.access)),
            ("{{refresh_token}}", some(&ada.refresh)),
            ("{{session_id}}", ada.session_id().await),
            ("{{other_session_id}}", other.session_id().await),
            ("{{admin_token}}", some(&admin.access)),
            (
                "{{user_id}}",
                ada.me().await.json()["id"]
                    .as_str()
                    .expect("an id")
                    .to_owned(),
            ),
            ("{{notice_token}}", app.mailed(EMAIL, "dsa_").await),
            (
                "{{invitation_id}}",
                invitation.json()["id"].as_str().expect("an id").to_owned(),
            ),
            (
                "{{invitation_token}}",
                app.mailed("invited@example.com", "div_").await,
            ),
            (
                "{{verification_token}}",
                app.mailed("pending@example.com", "dvt_").await,
            ),
            ("{{reset_token}}", app.mailed(EMAIL, "drs_").await),
        ];
        Self { app, values }
    }

    /// Asks for a mail to the account, whose row the events of the outbox name from then on; no other waits.
    pub async fn ask_for_mail(&mut self) {
        self.app.drain().await;
        self.app.advance(1);
        let body = json!({ "email": EMAIL });
        self.app
            .anonymous()
            .post("/api/v1/auth/request-password-reset", &body)
            .await
            .assert(202);
        self.values
            .push(("{{outbox_row}}", outbox_row(&self.app, "mail").await));
    }

    /// An event with this service's values in it.
    #[must_use]
    pub fn event(&self, folder: &str, name: &str) -> String {
        let text = read(&format!("events/{folder}/{name}.json"));
        let filled = self
            .values
            .iter()
            .fold(text, |text, (place, value)| text.replace(place, value));
        assert!(
            !filled.contains("{{"),
            "events/{folder}/{name}.json has a place that nothing fills"
        );
        filled
    }
}

/// The folders of functions behind the API.
#[must_use]
pub fn http_folders() -> Vec<String> {
    let mut folders = folders("events");
    folders.retain(|folder| {
        entries(&format!("events/{folder}")).contains(&"expected.json".to_owned())
    });
    assert!(folders.len() > 20, "{folders:?}");
    folders
}

/// What was answered to an event, without what differs from service to service.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    status: u16,
    headers: Vec<String>,
    body: Value,
}

impl Told {
    /// An answer.
    pub fn new<'a>(
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: &[u8],
    ) -> Self {
        let same = headers
            .into_iter()
            .filter(|(name, _)| !["x-request-id", "content-length"].contains(name));
        let mut headers: Vec<_> = same
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        let body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)));
        Self {
            status,
            headers,
            body: comparable(body),
        }
    }

    /// Fails unless it is what `events/<folder>/expected.json` says of the event `name`.
    #[track_caller]
    pub fn assert_expected(&self, folder: &str, name: &str) {
        let expected: Value =
            serde_json::from_str(&read(&format!("events/{folder}/expected.json"))).expect("JSON");
        let (kind, _) = name.split_once('.').expect("a kind and a version");
        assert_eq!(
            json!(self.status),
            expected[kind],
            "events/{folder}/{name}.json: {}",
            self.body
        );
        if kind == "refusal" {
            assert_eq!(
                self.body["code"], expected["refusal_code"],
                "events/{folder}/{name}.json: {}",
                self.body
            );
        }
    }
}

/// A body without what differs from service to service.
fn comparable(mut body: Value) -> Value {
    match &mut body {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                let names = [
                    "access_token",
                    "refresh_token",
                    "id",
                    "user_id",
                    "request_id",
                    "kid",
                    "x",
                    "y",
                    "events",
                ];
                // Processes go by the system's clock.
                let differs = names.contains(&name.as_str())
                    || name == "known_devices"
                    || name == "invited_by"
                    || name.ends_with("_at");
                *value = if differs {
                    Value::from("*")
                } else {
                    comparable(value.take())
                };
            }
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| *value = comparable(value.take())),
        _ => {}
    }
    body
}

/// The newest row of the outbox that asks for `what`.
pub async fn outbox_row(app: &TestApp, what: &str) -> String {
    let rows = app.db_scan("outbox").await;
    let row = rows
        .iter()
        .find(|row| row.contains_key(what) && !row.contains_key("settled_at"));
    row.and_then(|row| text(row, "pk"))
        .expect("a row")
        .to_owned()
}
