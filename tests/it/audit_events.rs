//! Looking into the trail: admins across users, owners at their own records.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use bundle_tests::{Actor, Answer, Item, PASSWORD, TestApp, text};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/admin/audit-events";
const ACTIVITY: &str = "/api/v1/auth/activity";
const WRONG: &str = "Wrong-Horse-7-Battery";
const DAY: u64 = 86_400;
const MEMBERS: [&str; 16] = [
    "action",
    "actor_id",
    "details",
    "endpoint",
    "event_id",
    "fingerprint",
    "ip_address",
    "method",
    "occurred_at",
    "outcome",
    "reason",
    "request_id",
    "session_id",
    "trace_id",
    "user_agent",
    "user_id",
];

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMIT_SCALE", "10000")]).await
}

fn events(answer: &Answer) -> Vec<Value> {
    answer.assert(200);
    answer.json()["events"].as_array().cloned().expect("events")
}

fn ids(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| event["event_id"].as_str().expect("an id").to_owned())
        .collect()
}

fn actions(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["action"].as_str().unwrap_or_default())
        .collect()
}

async fn id_of(actor: &Actor<'_>) -> String {
    actor.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// An admin whose password was proved just now.
async fn admin_again<'a>(app: &'a TestApp, email: &str) -> Actor<'a> {
    app.anonymous().log_in(email, PASSWORD).await
}

/// Follows the cursors; the ids of all records, in order. `between` happens before each further page.
async fn follow<F: AsyncFn()>(actor: &Actor<'_>, path: &str, between: F) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..2_000 {
        let answer = actor.get(&next).await;
        all.extend(ids(&events(&answer)));
        let Some(cursor) = answer.json()["next_cursor"].as_str().map(str::to_owned) else {
            return all;
        };
        between().await;
        next = format!(
            "{path}{}cursor={cursor}",
            if path.contains('?') { '&' } else { '?' }
        );
    }
    unreachable!("the pages have no end");
}

/// What stands in the table, newest first: ids of the records that are `wanted`.
async fn stored(app: &TestApp, wanted: impl Fn(&Item) -> bool) -> Vec<String> {
    let records = app.db_scan("audit").await;
    let ids = records
        .iter()
        .filter(|record| wanted(record))
        .filter_map(|record| text(record, "event_id"));
    ids.map(str::to_owned)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .rev()
        .collect()
}

#[tokio::test]
async fn an_owner_sees_their_own_records_newest_first_with_every_member() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    app.logged_in("bob@example.com").await;
    app.advance(1);
    app.anonymous()
        .at("203.0.113.9")
        .header("user-agent", "guesser/1")
        .try_log_in("ada@example.com", WRONG)
        .await
        .assert(401);
    let answer = ada.get(ACTIVITY).await;
    let events = events(&answer);
    assert_eq!(answer.json()["next_cursor"], Value::Null);
    // The clock of the tests stood still between the first three.
    let earlier: BTreeSet<_> = actions(&events[1..]).into_iter().collect();
    assert_eq!(
        earlier,
        BTreeSet::from(["auth.register", "auth.verify_email", "auth.login"])
    );
    assert_eq!((events.len(), actions(&events)[0]), (4, "auth.login"));
    assert!(ids(&events).is_sorted_by(|one, other| one > other));
    let refused = &events[0];
    for (name, value) in [
        ("outcome", "refused"),
        ("reason", "wrong_password"),
        ("ip_address", "203.0.113.9"),
        ("user_agent", "guesser/1"),
    ] {
        assert_eq!(refused[name], value, "{refused}");
    }
    let id = id_of(&ada).await;
    for event in &events {
        let members: Vec<_> = event
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(members, MEMBERS);
        assert_eq!(event["user_id"], *id, "{event}");
    }
}

#[tokio::test]
async fn from_where_an_admin_or_the_operator_did_it_is_not_told_to_the_owner() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    let root = app.admin("root@example.com").await;
    let id = id_of(&ada).await;
    let reason = json!({ "reason": "the owner asked us on the phone" });
    app.advance(1);
    root.post(&format!("/api/v1/admin/users/{id}/unlock"), &reason)
        .await
        .assert(200);
    app.advance(1);
    root.get(&format!("{EVENTS}?user_id={id}"))
        .await
        .assert(200);
    let seen = events(&ada.get(ACTIVITY).await);
    assert_eq!(
        actions(&seen)[..2],
        ["admin.audit_events", "admin.unlock_user"]
    );
    for event in &seen[..2] {
        assert_eq!(event["actor_id"], *id_of(&root).await, "{event}");
        for name in ["ip_address", "user_agent", "fingerprint", "session_id"] {
            assert_eq!(event[name], Value::Null, "{name} in {event}");
        }
    }
    assert!(seen[2]["ip_address"].is_string(), "{}", seen[2]);
    // An admin is shown everything.
    let shown = events(
        &root
            .get(&format!("{EVENTS}?user_id={id}&action=admin.unlock_user"))
            .await,
    );
    assert!(
        shown[0]["ip_address"].is_string() && shown[0]["session_id"].is_string(),
        "{}",
        shown[0]
    );
}

#[tokio::test]
async fn an_owner_sees_looks_of_other_sessions_and_refused_tokens_of_ended_ones() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    let stolen = app.anonymous().log_in("ada@example.com", PASSWORD).await;
    app.advance(1);
    stolen.get(ACTIVITY).await.assert(200);
    ada.get(ACTIVITY).await.assert(200);
    app.advance(1);
    ada.delete("/api/v1/auth/sessions/others").await.assert(200);
    app.advance(1);
    for _ in 0..3 {
        stolen.me().await.assert_problem(401, "session_revoked");
    }
    let seen = events(&ada.get(ACTIVITY).await);
    assert_eq!(
        actions(&seen)[..3],
        ["auth.me", "sessions.revoke_others", "auth.activity"]
    );
    assert_eq!(seen[0]["reason"], "session_ended");
    let own = ada.session_id().await;
    assert_ne!(seen[2]["session_id"], *own);
    let looks = stored(&app, |record| {
        text(record, "action") == Some("auth.activity")
    })
    .await;
    assert_eq!(
        looks.len(),
        2,
        "a look is recorded once in ten minutes and session"
    );
}

#[tokio::test]
async fn pages_of_the_own_records_are_complete_and_repeat_nothing() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    for _ in 0..9 {
        app.anonymous()
            .try_log_in("ada@example.com", WRONG)
            .await
            .assert(401);
    }
    let expected = stored(&app, |record| {
        text(record, "pk").is_some_and(|pk| pk.starts_with("USER#"))
    })
    .await;
    for limit in [1, 5, 12, 200] {
        let followed = follow(&ada, &format!("{ACTIVITY}?limit={limit}"), async || ()).await;
        assert_eq!(followed, expected, "limit {limit}");
    }
}

/// Records of four days, some of which share a millisecond.
async fn four_days(app: &TestApp) {
    for day in 0..4 {
        for user in 0..4 {
            let email = format!("u{day}.{user}@example.com");
            app.anonymous().try_log_in(&email, WRONG).await.assert(401);
            app.registered(&email).await;
            app.advance(if user % 2 == 0 { 0 } else { 3_600 });
        }
        app.advance(DAY - 2 * 3_600);
    }
}

#[tokio::test]
async fn pages_across_users_are_complete_and_repeat_nothing_while_new_records_arrive() {
    let app = unlimited().await;
    app.admin("root@example.com").await;
    four_days(&app).await;
    let root = admin_again(&app, "root@example.com").await;
    let expected = stored(&app, |_| true).await;
    assert!(expected.len() > 30, "{}", expected.len());
    for limit in [7, 200] {
        app.advance(1);
        let followed = follow(&root, &format!("{EVENTS}?limit={limit}"), async || {
            app.anonymous()
                .try_log_in("nobody@example.com", WRONG)
                .await
                .assert(401);
        })
        .await;
        assert_eq!(
            followed.iter().collect::<BTreeSet<_>>().len(),
            followed.len(),
            "limit {limit}: a record came twice"
        );
        // What was read before this walk began has left records of its own, all of them newer.
        let end = followed
            .iter()
            .position(|id| *id == expected[0])
            .expect("the newest of the first ones");
        assert_eq!(followed[end..], expected, "limit {limit}");
        assert!(followed.is_sorted_by(|one, other| one > other));
    }
}

#[tokio::test]
async fn every_filter_keeps_what_fits_and_all_together_as_well() {
    let app = unlimited().await;
    app.admin("root@example.com").await;
    four_days(&app).await;
    let ada = app.logged_in("ada@example.com").await;
    app.advance(1);
    let refused = app.anonymous().try_log_in("ada@example.com", WRONG).await;
    let root = admin_again(&app, "root@example.com").await;
    let (user, session) = (id_of(&ada).await, ada.session_id().await);
    let request = refused.header("x-request-id").expect("an id").to_owned();
    let now = app.environment.store().now();
    let from = now.minus(std::time::Duration::from_secs(DAY)).to_string();
    let to = now.minus(std::time::Duration::from_secs(1)).to_string();
    let within = |record: &Item| {
        let at = record["occurred_at"]
            .as_n()
            .expect("a number")
            .parse::<i64>()
            .expect("a number");
        now.as_millis() - 86_400_000 <= at && at <= now.as_millis() - 1_000
    };
    let is = |name: &'static str, value: &str| {
        let value = value.to_owned();
        move |record: &Item| text(record, name) == Some(value.as_str())
    };
    let before: BTreeSet<_> = stored(&app, |_| true).await.into_iter().collect();
    let check = async |query: String, wanted: Box<dyn Fn(&Item) -> bool + '_>| {
        let mut expected = stored(&app, wanted).await;
        expected.retain(|id| before.contains(id));
        let mut found = follow(&root, &format!("{EVENTS}?{query}"), async || ()).await;
        found.retain(|id| before.contains(id));
        assert_eq!(found, expected, "{query}");
        assert!(!found.is_empty(), "{query} finds nothing");
    };
    check(format!("user_id={user}"), Box::new(is("user_id", &user))).await;
    check(
        format!("session_id={session}"),
        Box::new(is("session_id", &session)),
    )
    .await;
    check(
        format!("request_id={request}"),
        Box::new(is("request_id", &request)),
    )
    .await;
    check(
        "action=auth.register".to_owned(),
        Box::new(is("action", "auth.register")),
    )
    .await;
    check(format!("from={from}&to={to}&limit=4"), Box::new(within)).await;
    let (of_user, of_action) = (is("user_id", &user), is("action", "auth.login"));
    check(
        format!("user_id={user}&action=auth.login&from={from}&limit=1"),
        Box::new(|record| of_user(record) && of_action(record)),
    )
    .await;
    let other = format!("{EVENTS}?request_id={request}&session_id={session}");
    assert_eq!(
        events(&root.get(&other).await),
        Vec::<Value>::new(),
        "the refused login has no session"
    );
}

#[tokio::test]
async fn a_filter_that_matches_rarely_costs_a_bounded_number_of_reads_a_page() {
    let app = unlimited().await;
    app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    ada.patch("/api/v1/auth/me", &json!({ "name": "Ada King" }))
        .await
        .assert(200);
    app.advance(340 * DAY);
    let root = admin_again(&app, "root@example.com").await;
    app.proxy.take_calls();
    let first = root.get(&format!("{EVENTS}?action=auth.update_me")).await;
    assert!(app.proxy.take_calls().len() <= 180);
    assert_eq!(
        (
            events(&first).len(),
            first.json()["next_cursor"].is_string()
        ),
        (0, true)
    );
    assert_eq!(
        follow(
            &root,
            &format!("{EVENTS}?action=auth.update_me"),
            async || ()
        )
        .await
        .len(),
        1
    );
    // What is older than records are kept is over, though the table may still have it.
    app.advance(61 * DAY);
    let root = admin_again(&app, "root@example.com").await;
    assert!(
        follow(
            &root,
            &format!("{EVENTS}?action=auth.update_me"),
            async || ()
        )
        .await
        .is_empty()
    );
    assert!(
        !stored(&app, |record| text(record, "action")
            == Some("auth.update_me"))
        .await
        .is_empty()
    );
}

#[tokio::test]
async fn a_page_across_users_reads_little_more_than_it_shows() {
    let app = unlimited().await;
    let root = app.admin("root@example.com").await;
    for n in 0..150 {
        app.anonymous()
            .try_log_in(&format!("u{n}@example.com"), WRONG)
            .await
            .assert(401);
    }
    app.proxy.watch();
    assert_eq!(events(&root.get(EVENTS).await).len(), 50);
    let queries = app
        .proxy
        .take_watched()
        .into_iter()
        .filter(|(operation, _)| operation == "Query");
    let asked: Vec<_> = queries
        .filter_map(|(_, asked)| asked["Limit"].as_u64())
        .collect();
    assert!(
        asked.len() >= 16 && asked.iter().sum::<u64>() < 256,
        "{asked:?}"
    );
}

#[tokio::test]
async fn all_faults_of_a_search_are_told_at_once_with_their_places() {
    let app = unlimited().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let long = "9".repeat(40);
    for limit in ["0", "-1", "1000000000", "201", "1.5", "", "ten", &long] {
        for (actor, path) in [(&root, EVENTS), (&ada, ACTIVITY)] {
            let answer = actor.get(&format!("{path}?limit={limit}")).await;
            answer.assert_problem(422, "validation_failed");
            assert!(
                answer
                    .rules()
                    .iter()
                    .all(|rule| rule.starts_with("/limit ")),
                "{limit}: {:?}",
                answer.rules()
            );
        }
    }
    let id = "00000000000040008000000000000000";
    let answer = root
        .get(&format!("{EVENTS}?user_id={id}&session_id=x&request_id=&action=auth.nothing&from=2026-01-01&to=yesterday&limit=0&cursor=x&colour=red"))
        .await;
    answer.assert_problem(422, "validation_failed");
    let expected = [
        "/user_id invalid_format",
        "/action unknown_action",
        "/request_id invalid_format",
        "/session_id invalid_format",
        "/from invalid_format",
        "/to invalid_format",
        "/limit out_of_range",
        "/cursor invalid_cursor",
        "/colour unknown_member",
    ];
    assert_eq!(
        answer.rules().into_iter().collect::<BTreeSet<_>>(),
        expected.map(str::to_owned).into()
    );
    let answer = root
        .get(&format!(
            "{EVENTS}?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&limit=0"
        ))
        .await;
    assert_eq!(
        answer.rules(),
        ["/from out_of_range", "/limit out_of_range"]
    );
    for query in [
        "from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z",
        "to=9999-01-01T00:00:00Z",
        "from=0001-01-01T00:00:00Z",
    ] {
        root.get(&format!("{EVENTS}?{query}")).await.assert(200);
    }
    let twice = root
        .get(&format!("{EVENTS}?limit=1&limit=2&x=1&x=1&cursor=x"))
        .await;
    twice.assert_problem(422, "validation_failed");
    assert_eq!(
        twice.rules(),
        [
            "/limit duplicate",
            "/x duplicate",
            "/cursor invalid_cursor",
            "/x unknown_member"
        ]
    );
}

#[tokio::test]
async fn a_cursor_is_of_its_caller_its_endpoint_and_its_search_and_of_one_day() {
    // KR-14
    let app = unlimited().await;
    let root = app.admin("root@example.com").await;
    let other = app.admin("other@example.com").await;
    let (me, them) = (id_of(&root).await, id_of(&other).await);
    let cursor = |answer: &Answer| {
        answer.json()["next_cursor"]
            .as_str()
            .expect("a cursor")
            .to_owned()
    };
    let of_search = cursor(&root.get(&format!("{EVENTS}?limit=1&user_id={me}")).await);
    let of_activity = cursor(&root.get(&format!("{ACTIVITY}?limit=1")).await);
    let refused = async |actor: &Actor<'_>, path: &str| {
        let answer = actor.get(path).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.rules(), ["/cursor invalid_cursor"], "{path}");
    };
    let good = format!("{EVENTS}?user_id={me}&cursor={of_search}");
    root.get(&good).await.assert(200);
    root.get(&format!("{good}&limit=5")).await.assert(200);
    root.get(&format!("{ACTIVITY}?cursor={of_activity}"))
        .await
        .assert(200);
    refused(&other, &good).await;
    refused(&other, &format!("{ACTIVITY}?cursor={of_activity}")).await;
    for path in [
        format!("{EVENTS}?cursor={of_search}"),
        format!("{EVENTS}?user_id={them}&cursor={of_search}"),
        format!("{good}&action=auth.login"),
        format!("{good}&from=2026-01-01T00:00:00Z"),
        format!("{EVENTS}?user_id={me}&cursor={of_activity}"),
        format!("{ACTIVITY}?cursor={of_search}"),
        format!("{EVENTS}?user_id={me}&cursor={}", of_search.to_lowercase()),
        format!("{EVENTS}?user_id={me}&cursor={}", &of_search[1..]),
        format!("{EVENTS}?user_id={me}&cursor="),
    ] {
        refused(&root, &path).await;
    }
    app.advance(DAY - 1);
    admin_again(&app, "root@example.com")
        .await
        .get(&good)
        .await
        .assert(200);
    app.advance(1);
    refused(&admin_again(&app, "root@example.com").await, &good).await;
}

#[tokio::test]
async fn a_look_is_recorded_once_with_what_was_asked_for_and_nothing_that_was_typed_freely() {
    // AU-10
    let app = unlimited().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let (user, session) = (id_of(&ada).await, ada.session_id().await);
    let looks = async || {
        let records = app.db_scan("audit").await;
        records
            .into_iter()
            .filter(|record| text(record, "action") == Some("admin.audit_events"))
            .collect::<Vec<_>>()
    };
    let path = format!(
        "{EVENTS}?user_id={user}&session_id={session}&action=auth.login&from=2026-01-01T01:00:00%2B01:00"
    );
    root.get(&path).await.assert(200);
    let records = looks().await;
    assert_eq!(records.len(), 1, "{records:#?}");
    let details: BTreeMap<_, _> = records[0]["details"]
        .as_m()
        .expect("details")
        .iter()
        .collect();
    let details: Vec<_> = details
        .into_iter()
        .map(|(name, value)| format!("{name}={}", value.as_s().expect("a text")))
        .collect();
    let expected = [
        "action=auth.login".to_owned(),
        "found=1".to_owned(),
        "from=1767225600000".to_owned(),
        format!("session={}", session.replace('-', "")),
    ];
    assert_eq!(details, expected);
    assert_eq!(text(&records[0], "user_id"), Some(user.as_str()));
    assert_eq!(
        text(&records[0], "actor_id"),
        Some(id_of(&root).await.as_str())
    );
    root.get(&format!(
        "{EVENTS}?action=m4rk3d&m4rk3d=m4rk3d&cursor=m4rk3d"
    ))
    .await
    .assert(422);
    ada.get(EVENTS).await.assert_problem(403, "forbidden");
    let records = looks().await;
    let outcomes: BTreeSet<_> = records
        .iter()
        .filter_map(|record| text(record, "reason"))
        .collect();
    assert_eq!(
        (records.len(), outcomes),
        (3, BTreeSet::from(["validation_failed", "not_an_admin"]))
    );
    assert!(!format!("{records:?}").contains("m4rk3d"));
}

#[tokio::test]
async fn a_look_that_cannot_be_recorded_is_not_answered() {
    let app = unlimited().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    app.proxy.plan(
        "TransactWriteItems",
        bundle_tests::Fault::InternalError,
        100,
    );
    app.proxy
        .plan("PutItem", bundle_tests::Fault::InternalError, 100);
    for (actor, path) in [(&root, EVENTS), (&ada, ACTIVITY)] {
        let answer = actor.get(path).await;
        answer.assert_problem(503, "service_unavailable");
        assert!(answer.json().get("events").is_none());
    }
}
