//! The first start: keys are made once, however many processes start at once.

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{TestApp, rights};
use dashtam_local::secrets::make_missing;
use futures::future::join_all;
use secrecy::ExposeSecret;
use shared::config::Settings;
use shared::keys::{SIGNING_RING, first_start};
use shared::secrets::Secrets;
use shared::store::AwsBase;
use shared::tokens::SigningRing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_first_starts_make_one_ring_and_publish_its_key() {
    let app = TestApp::start().await;
    for copy in 0..4 {
        let key = AttributeValue::S(format!("SECURITY#{copy}"));
        app.db().delete_item().table_name("dashtam-local-security").key("pk", key).send().await.expect("deleted");
    }
    let settings = app.aws.endpoints.variables().into_iter();
    let settings = settings.fold(Settings::default(), |all, (name, value)| all.with(&name, value));
    let secrets = Secrets::new(&AwsBase::new(settings), "fresh/");
    make_missing(&app.aws.secrets, "fresh/", &rights::template().secrets).await.expect("secrets without keys");
    let store = app.environment.store();
    let started = join_all((0..10).map(|_| first_start(&secrets, &store))).await;
    assert!(started.iter().any(Result::is_ok));
    first_start(&secrets, &store).await.expect("again is fine");
    let text = secrets.get(SIGNING_RING).await.expect("read").expect("made");
    let ring = SigningRing::from_secret(text.expose_secret()).expect("a ring");
    let record = store.security().await.expect("read").expect("published");
    assert_eq!(ring.keys().len(), 1);
    assert!(ring.key(&record.active_kid).is_some());
    assert_eq!(app.db_items("security", "SECURITY#").await.len(), 4);
}
