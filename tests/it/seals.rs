//! The seals of the audit trail, over the real stream of the engine: what is sealed, and which tampering is named.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Fault, Item, TestApp, text};
use futures::future::join_all;
use serde_json::{Value, json};
use shared::audit::seals::verification::{Fault as Found, Finding, Report, Scope};
use shared::audit::seals::{Checkpoint, Entry, Kind, LANES, Sealable, Segment};
use shared::domain::Timestamp;
use shared::store::{Chain, Image, Seal};

const EMAIL: &str = "a@example.com";

/// A service in which a few things have happened, sealed and signed.
async fn sealed() -> TestApp {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    ada.me().await.assert(200);
    app.anonymous()
        .try_log_in(EMAIL, "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    app.anonymous()
        .try_log_in("nobody@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    app.logged_in("b@example.com").await;
    assert!(app.seal().await);
    sign(&app).await;
    app
}

async fn sign(app: &TestApp) -> Option<u64> {
    app.function("audit-checkpoint")
        .notary()
        .sign()
        .await
        .expect("signed or nothing to sign")
}

async fn verify_in(app: &TestApp, scope: Scope) -> Report {
    let key = app
        .environment
        .audit_key()
        .public()
        .await
        .expect("the public key");
    app.environment
        .auditor()
        .verify(scope, &[key], &mut |_| {})
        .await
        .expect("read")
}

async fn verify(app: &TestApp) -> Report {
    verify_in(app, Scope::default()).await
}

/// The findings of one kind, by what they are about.
fn named(report: &Report, fault: Found) -> Vec<&str> {
    let of_kind = report
        .findings
        .iter()
        .filter(|finding| finding.fault == fault);
    of_kind.map(|Finding { what, .. }| what.as_str()).collect()
}

fn name(item: &Item) -> String {
    format!(
        "{} {}",
        text(item, "pk").expect("a key"),
        text(item, "sk").expect("a key")
    )
}

/// All segments of the lanes, in order.
async fn segments(app: &TestApp) -> Vec<Segment> {
    let mut all = Vec::new();
    for lane in 0..LANES {
        let mut page = app
            .environment
            .store()
            .seals(Chain::Lane(lane), false, 1_000, None)
            .await
            .expect("a page");
        all.extend(
            std::mem::take(&mut page.items)
                .into_iter()
                .map(|seal| Segment::parse(seal.body).expect("one")),
        );
    }
    all
}

async fn entries(app: &TestApp) -> Vec<Entry> {
    segments(app)
        .await
        .into_iter()
        .flat_map(|segment| segment.body.entries)
        .collect()
}

/// The first record of Ada's.
async fn record(app: &TestApp) -> Item {
    app.db_items("audit", "USER#").await.remove(0)
}

async fn remove(app: &TestApp, table: &str, item: &Item) {
    let request = app
        .db()
        .delete_item()
        .table_name(format!("dashtam-local-{table}"));
    let key = |name: &str| item[name].clone();
    request
        .key("pk", key("pk"))
        .key("sk", key("sk"))
        .send()
        .await
        .expect("deleted");
}

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// The stored segment that names the record, and its item.
async fn segment_of(app: &TestApp, record: &Item) -> (Item, Segment) {
    let sk = text(record, "sk").expect("a key").to_owned();
    let items = app.db_items("seals", "LANE#").await;
    let item = items
        .into_iter()
        .find(|item| text(item, "body").is_some_and(|body| body.contains(&sk)));
    let item = item.expect("a segment");
    let segment =
        Segment::parse(text(&item, "body").expect("a body").to_owned()).expect("a segment");
    (item, segment)
}

/// Stores other entries in the place of a segment's, with a hash that fits.
async fn rewrite(
    app: &TestApp,
    (item, segment): (Item, Segment),
    change: impl FnOnce(&mut Vec<Entry>),
) {
    let mut body = segment.body;
    change(&mut body.entries);
    let body = serde_json::to_string(&body).expect("JSON");
    let hash = Segment::parse(body.clone()).expect("a segment").hash;
    app.db_set("seals", &item, "body", s(body)).await;
    app.db_set("seals", &item, "hash", s(hash)).await;
}

#[tokio::test]
async fn every_record_is_sealed_once_in_an_unbroken_chain_and_nothing_is_found() {
    let app = sealed().await;
    let records = app.db_scan("audit").await;
    let mut expected: Vec<_> = records.iter().map(name).collect();
    let mut found: Vec<_> = entries(&app)
        .await
        .iter()
        .map(|entry| format!("{} {}", entry.pk, entry.sk))
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    app.logged_in("c@example.com").await;
    assert!(app.seal().await);
    sign(&app).await;
    for lane in 0..LANES {
        let chain: Vec<_> = segments(&app)
            .await
            .into_iter()
            .filter(|segment| segment.body.lane == lane)
            .collect();
        for (number, pair) in (1..).zip(chain.windows(2)) {
            assert_eq!(
                (pair[0].body.seq, &pair[1].body.prev),
                (number, &pair[0].hash)
            );
        }
    }
    let report = verify(&app).await;
    assert_eq!(report.findings, []);
    assert_eq!(
        usize::try_from(report.records),
        Ok(app.db_scan("audit").await.len())
    );
    assert_eq!(
        (report.checkpoints, report.unsealed, report.late),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn writers_make_no_call_more_and_never_wait_for_the_sealer() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    app.drain().await;
    app.proxy.take_calls();
    drop(app.anonymous().log_in(EMAIL, bundle_tests::PASSWORD).await);
    assert!(app.db_scan("seals").await.is_empty());
    let tables = app.proxy.take_calls();
    assert_eq!(tables.len(), 7, "{tables:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sealers_at_once_make_one_chain() {
    let app = TestApp::start().await;
    let record = |number: u32| {
        let sk = format!("{}#{number:04}", app.environment.store().now());
        let item =
            json!({ "pk": { "S": "USER#1" }, "sk": { "S": sk }, "n": { "N": number.to_string() } });
        Sealable::added(Image::from_json(item.as_object().expect("an object")).expect("an image"))
            .expect("a record")
    };
    let sealer = app.function("audit-sealer").sealer();
    let work =
        (0..8).map(|part| sealer.seal((part * 10..part * 10 + 10).map(record).collect(), false));
    // A shard whose sealer gave up comes again, as the stream does it.
    for (part, done) in (0..8).zip(join_all(work).await) {
        if done.is_err() {
            sealer
                .seal((part * 10..part * 10 + 10).map(record).collect(), false)
                .await
                .expect("alone now");
        }
    }
    let chain = segments(&app).await;
    let mut numbers: Vec<_> = chain
        .iter()
        .flat_map(|segment| &segment.body.entries)
        .map(|entry| &entry.sk)
        .collect();
    assert_eq!((chain.len(), numbers.len()), (8, 80));
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 80);
    for pair in chain.windows(2) {
        assert_eq!(
            (pair[0].body.seq + 1, &pair[0].hash),
            (pair[1].body.seq, &pair[1].body.prev)
        );
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_whole_or_in_parts_is_sealed_once() {
    let app = TestApp::start().await;
    app.logged_in(EMAIL).await;
    let images: Vec<_> = app.db_scan("audit").await;
    let store = app.environment.store();
    let page = store.records_in_share(0, 1, None).await.expect("a page");
    let found: Vec<_> = page.items.into_iter().filter_map(Sealable::added).collect();
    assert_eq!(found.len(), images.len());
    let sealer = app.function("audit-sealer").sealer();
    assert_eq!(
        sealer.seal(found.clone(), false).await.expect("sealed"),
        found.len()
    );
    app.advance(3_600);
    for part in [&found[..], &found[..1], &found[1..]] {
        assert_eq!(
            sealer
                .seal(part.to_vec(), false)
                .await
                .expect("nothing new"),
            0
        );
    }
    // The stream brings them, too.
    assert!(app.seal().await);
    assert_eq!(entries(&app).await.len(), found.len());
}

#[tokio::test]
async fn whichever_call_of_the_sealer_fails_or_loses_its_answer_nothing_is_lost_or_sealed_twice() {
    for fault in [Fault::LostAnswer, Fault::InternalError, Fault::Throttled] {
        for operation in ["PutItem", "Query"] {
            for times in [1, 3, 4] {
                let app = TestApp::start().await;
                app.logged_in(EMAIL).await;
                app.proxy.plan(operation, fault, times);
                let mut tries = 0;
                while !app.seal().await {
                    tries += 1;
                    assert!(tries < 10, "{operation} {fault:?}");
                }
                let context = format!("{operation} {fault:?} {times}");
                assert_eq!(
                    entries(&app).await.len(),
                    app.db_scan("audit").await.len(),
                    "{context}"
                );
                app.proxy.heal();
                sign(&app).await;
                assert_eq!(verify(&app).await.findings, [], "{context}");
            }
        }
    }
}

#[tokio::test]
async fn the_archive_has_every_record_before_the_chain_names_it() {
    let app = TestApp::start().await;
    app.logged_in(EMAIL).await;
    // The sealer dies between the archive and the chain.
    app.proxy.plan("PutItem", Fault::InternalError, 1_000);
    assert!(!app.seal().await);
    app.proxy.heal();
    app.advance(60);
    let orphans = app.aws.archive.names("segments/").expect("names").len();
    assert!(orphans > 0);
    assert!(app.seal().await);
    for segment in segments(&app).await {
        let name =
            shared::audit::seals::archived_name(segment.body.lane, segment.body.seq, &segment.hash);
        let object = app
            .environment
            .archive()
            .get(&name)
            .await
            .expect("read")
            .expect("an object");
        let mut lines = object.lines();
        assert_eq!(lines.next(), Some(segment.text.as_str()));
        for entry in &segment.body.entries {
            let line: Value = serde_json::from_str(lines.next().expect("a line")).expect("JSON");
            let image =
                Image::from_json(line["record"].as_object().expect("a record")).expect("an image");
            assert_eq!(shared::ground::digest::encode(&image.hash()), entry.hash);
        }
    }
    sign(&app).await;
    assert_eq!(verify(&app).await.findings, []);
}

#[tokio::test]
async fn a_changed_record_is_named_and_its_alarm_is_sealed() {
    let app = sealed().await;
    let record = record(&app).await;
    app.db_set("audit", &record, "outcome", s("success!")).await;
    assert_eq!(
        named(&verify(&app).await, Found::Changed),
        [name(&record)],
        "without the stream"
    );
    assert!(app.seal().await);
    sign(&app).await;
    assert_eq!(named(&verify(&app).await, Found::Changed), [name(&record)]);
    // Changed back, it looks whole; the segment says that it was not.
    app.db_set("audit", &record, "outcome", record["outcome"].clone())
        .await;
    assert!(app.seal().await);
    sign(&app).await;
    let report = verify(&app).await;
    assert_eq!(
        (
            named(&report, Found::Changed).len(),
            named(&report, Found::Alarm)
        ),
        (0, vec![name(&record).as_str()])
    );
    assert_eq!(
        entries(&app)
            .await
            .iter()
            .filter(|entry| entry.kind == Kind::Changed)
            .count(),
        2
    );
}

#[tokio::test]
async fn a_removed_record_is_named_and_its_alarm_is_sealed() {
    let app = sealed().await;
    let record = record(&app).await;
    remove(&app, "audit", &record).await;
    assert_eq!(
        named(&verify(&app).await, Found::Removed),
        [name(&record)],
        "without the stream"
    );
    assert!(app.seal().await);
    sign(&app).await;
    let report = verify(&app).await;
    assert_eq!(
        (report.findings.len(), named(&report, Found::Removed)),
        (1, vec![name(&record).as_str()])
    );
    assert!(report.findings[0].detail.contains("event"), "{report:?}");
    // Put back, the segment still says so.
    app.db_put("audit", record.clone()).await;
    assert!(app.seal().await);
    sign(&app).await;
    assert_eq!(named(&verify(&app).await, Found::Alarm), [name(&record)]);
}

#[tokio::test]
async fn what_expires_and_is_cleaned_up_is_no_finding() {
    let app = sealed().await;
    let count = app.db_scan("audit").await.len();
    let mut old = record(&app).await;
    // The engine goes by the real time.
    old.insert(
        "sk".to_owned(),
        s(format!("{}#old", app.environment.store().now())),
    );
    old.insert("ttl".to_owned(), AttributeValue::N("1".to_owned()));
    app.db_put("audit", old).await;
    assert!(app.seal().await);
    assert_eq!(app.aws.database.sweep_ttl().expect("swept"), 1);
    assert!(app.seal().await);
    sign(&app).await;
    let report = verify(&app).await;
    assert_eq!(
        (report.findings.as_slice(), report.expired),
        ([].as_slice(), 1)
    );
    assert_eq!(usize::try_from(report.records), Ok(count));
    assert!(
        entries(&app)
            .await
            .iter()
            .all(|entry| entry.kind == Kind::Added)
    );
}

#[tokio::test]
async fn a_record_that_no_segment_holds_is_named_when_it_is_old_enough() {
    let app = sealed().await;
    let mut foreign = record(&app).await;
    foreign.insert(
        "sk".to_owned(),
        s(format!("{}#foreign", app.environment.store().now())),
    );
    app.db_put("audit", foreign.clone()).await;
    let report = verify(&app).await;
    assert_eq!((report.findings.len(), report.unsealed), (0, 1));
    app.advance(16 * 60);
    assert_eq!(named(&verify(&app).await, Found::Added), [name(&foreign)]);
}

#[tokio::test]
async fn entries_in_another_order_are_named_by_the_archive() {
    let app = sealed().await;
    let user = app.db_user(EMAIL).await;
    let mine = app
        .db_items("audit", text(&user, "pk").expect("a key"))
        .await;
    rewrite(&app, segment_of(&app, &mine[0]).await, |entries| {
        entries.swap(0, 1);
    })
    .await;
    let report = verify(&app).await;
    assert_eq!(named(&report, Found::Rewritten).len(), 1);
    assert_eq!(named(&report, Found::Reordered).len(), 2, "{report:?}");
    assert_eq!(report.findings.len(), 3, "the records themselves are whole");
}

#[tokio::test]
async fn a_record_that_is_changed_together_with_its_segment_is_named_by_the_archive() {
    let app = sealed().await;
    let record = record(&app).await;
    app.db_set("audit", &record, "outcome", s("success!")).await;
    let sk = text(&record, "sk").expect("a key").to_owned();
    let page = app
        .environment
        .store()
        .records_in_share(0, 1, None)
        .await
        .expect("a page");
    let image = page
        .items
        .into_iter()
        .find(|image| image.text("sk") == Some(sk.as_str()))
        .expect("the record");
    rewrite(&app, segment_of(&app, &record).await, |entries| {
        let entry = entries
            .iter_mut()
            .find(|entry| entry.sk == sk)
            .expect("an entry");
        entry.hash = shared::ground::digest::encode(&image.hash());
    })
    .await;
    let report = verify(&app).await;
    assert_eq!(named(&report, Found::Changed), [name(&record)]);
    assert_eq!(named(&report, Found::Rewritten).len(), 1);
}

#[tokio::test]
async fn a_record_that_is_removed_together_with_the_end_of_its_lane_is_named_by_the_archive() {
    let app = sealed().await;
    let record = record(&app).await;
    let (item, segment) = segment_of(&app, &record).await;
    remove(&app, "audit", &record).await;
    remove(&app, "seals", &item).await;
    let report = verify(&app).await;
    assert_eq!(named(&report, Found::Removed), [name(&record)]);
    let what = format!("lane {} segment {}", segment.body.lane, segment.body.seq);
    assert_eq!(named(&report, Found::Missing), [what]);
    // Nobody signs over it either.
    assert!(
        app.function("audit-checkpoint")
            .notary()
            .sign()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_lane_and_its_checkpoints_that_are_cut_together_are_found_by_the_archive() {
    let app = sealed().await;
    drop(app.anonymous().log_in(EMAIL, bundle_tests::PASSWORD).await);
    assert!(app.seal().await);
    sign(&app).await;
    let cut = segments(&app)
        .await
        .into_iter()
        .filter(|segment| segment.body.seq == 2)
        .count();
    assert!(cut > 0);
    for item in app.db_scan("seals").await {
        if text(&item, "sk").is_some_and(|sk| sk.ends_with("02")) {
            remove(&app, "seals", &item).await;
        }
    }
    let report = verify(&app).await;
    assert_eq!(named(&report, Found::Missing).len(), cut, "{report:?}");
}

#[tokio::test]
async fn a_checkpoint_is_signed_only_when_something_has_moved() {
    let app = TestApp::start().await;
    assert_eq!(sign(&app).await, None, "nothing is sealed yet");
    app.registered(EMAIL).await;
    assert!(app.seal().await);
    assert_eq!(sign(&app).await, Some(1));
    app.advance(3_600);
    assert_eq!(sign(&app).await, None);
    app.registered("b@example.com").await;
    assert!(app.seal().await);
    assert_eq!(sign(&app).await, Some(2));
    let last = app
        .environment
        .store()
        .last_seal(Chain::Checkpoints)
        .await
        .expect("read")
        .expect("one");
    let checkpoint = Checkpoint::parse(&last.body).expect("a checkpoint");
    for head in checkpoint.lanes.iter().filter(|head| head.seq > 0) {
        let segments = segments(&app).await;
        let segment = segments
            .iter()
            .find(|segment| (segment.body.lane, segment.body.seq) == (head.lane, head.seq));
        assert_eq!(segment.map(|segment| &segment.hash), Some(&head.hash));
    }
    assert_eq!(
        app.aws.archive.names("checkpoints/").expect("names").len(),
        2
    );
}

#[tokio::test]
async fn a_lost_answer_to_a_checkpoint_makes_no_second_one() {
    let app = TestApp::start().await;
    app.registered(EMAIL).await;
    assert!(app.seal().await);
    app.proxy.plan("PutItem", Fault::LostAnswer, 3);
    drop(app.function("audit-checkpoint").notary().sign().await);
    app.proxy.heal();
    assert_eq!(sign(&app).await, None);
    assert_eq!(app.db_items("seals", "CHECKPOINT").await.len(), 1);
    assert_eq!(verify(&app).await.findings, []);
}

#[tokio::test]
async fn forged_checkpoints_are_named() {
    let app = sealed().await;
    let stored = app.db_items("seals", "CHECKPOINT").await.remove(0);
    let body = text(&stored, "body")
        .expect("a body")
        .replace("2027", "2026");
    app.db_set("seals", &stored, "body", s(body.clone())).await;
    assert_eq!(
        named(&verify(&app).await, Found::Forged),
        ["checkpoint 1"],
        "its hash is another"
    );
    let last = app
        .environment
        .store()
        .last_seal(Chain::Checkpoints)
        .await
        .expect("read")
        .expect("one");
    let signature = last.signature.clone().expect("a signature");
    for signature in [Some(signature), Some("AAAA".to_owned()), None] {
        remove(&app, "seals", &stored).await;
        let hash = shared::ground::digest::fingerprint(
            format!("dashtam audit checkpoint 1\n{body}").as_bytes(),
        );
        let seal = Seal {
            number: 1,
            body: body.clone(),
            hash,
            signature,
            key_id: last.key_id.clone(),
        };
        assert!(
            app.environment
                .store()
                .put_seal(Chain::Checkpoints, &seal)
                .await
                .expect("put")
        );
        let report = verify(&app).await;
        assert_eq!(named(&report, Found::Forged), ["checkpoint 1"]);
    }
    // The true text under another key.
    let foreign = local_aws::kms::Kms::open(
        dashtam_local::names::KEY_ALIAS,
        None,
        &dashtam_local::aws_side::entropy(std::sync::Arc::new(shared::ground::entropy::OsEntropy)),
    )
    .expect("a key");
    let app = sealed().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, foreign.router()).await });
    let other = app.environment_with(&[("AWS_ENDPOINT_URL_KMS", &url)]);
    let key = other
        .audit_key()
        .public()
        .await
        .expect("the other public key");
    let report = app
        .environment
        .auditor()
        .verify(Scope::default(), &[key], &mut |_| {})
        .await
        .expect("read");
    assert_eq!(named(&report, Found::Forged), ["checkpoint 1"]);
}

#[tokio::test]
async fn a_segment_that_nobody_signs_is_named_when_it_is_old_enough() {
    let app = sealed().await;
    app.logged_in("c@example.com").await;
    assert!(app.seal().await);
    assert_eq!(verify(&app).await.findings, []);
    app.advance(16 * 60);
    assert!(!named(&verify(&app).await, Found::Unsigned).is_empty());
    sign(&app).await;
    assert_eq!(verify(&app).await.findings, []);
}

#[tokio::test]
async fn what_a_stream_has_lost_is_sealed_late_and_once() {
    let app = sealed().await;
    app.logged_in("c@example.com").await;
    let lost = app.db_scan("audit").await.len() - entries(&app).await.len();
    let reconciler = app.function("audit-reconciler").reconciler();
    let span = Duration::from_secs(3 * 86_400);
    assert_eq!(
        reconciler.reconcile(span).await.expect("nothing yet"),
        0,
        "it is too young"
    );
    app.advance(26 * 3_600);
    assert_eq!(verify(&app).await.findings.len(), lost);
    assert_eq!(reconciler.reconcile(span).await.expect("sealed"), lost);
    assert_eq!(reconciler.reconcile(span).await.expect("nothing more"), 0);
    let late: Vec<_> = segments(&app)
        .await
        .into_iter()
        .filter(|segment| segment.body.late)
        .collect();
    assert_eq!(
        late.iter()
            .map(|segment| segment.body.entries.len())
            .sum::<usize>(),
        lost
    );
    // The stream comes back.
    let before = entries(&app).await.len();
    assert!(app.seal().await);
    assert_eq!(entries(&app).await.len(), before);
    sign(&app).await;
    let report = verify(&app).await;
    assert_eq!(
        (report.findings.as_slice(), usize::try_from(report.late)),
        ([].as_slice(), Ok(lost))
    );
}

#[tokio::test]
async fn a_look_at_one_user_or_one_time_judges_their_records_only() {
    let app = sealed().await;
    let user = app.db_user(EMAIL).await;
    let id = text(&user, "id").expect("an id").parse().expect("an id");
    let other = app.db_user("b@example.com").await;
    let foreign = app
        .db_items("audit", text(&other, "pk").expect("a key"))
        .await
        .remove(0);
    remove(&app, "audit", &foreign).await;
    let of_ada = verify_in(
        &app,
        Scope {
            user: Some(id),
            ..Scope::default()
        },
    )
    .await;
    let mine = app
        .db_items("audit", text(&user, "pk").expect("a key"))
        .await;
    assert_eq!(
        (of_ada.findings.as_slice(), usize::try_from(of_ada.records)),
        ([].as_slice(), Ok(mine.len()))
    );
    remove(&app, "audit", &mine[0]).await;
    let of_ada = verify_in(
        &app,
        Scope {
            user: Some(id),
            ..Scope::default()
        },
    )
    .await;
    assert_eq!(named(&of_ada, Found::Removed), [name(&mine[0])]);
    let later = Timestamp::from_millis(app.environment.store().now().as_millis() + 1);
    assert_eq!(
        verify_in(
            &app,
            Scope {
                from: Some(later),
                ..Scope::default()
            }
        )
        .await
        .findings,
        []
    );
}
