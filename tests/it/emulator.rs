//! The engine is proved first (FT-00): unless it is linearizable, no other test means anything.

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::TestApp;
use futures::future::join_all;

const TABLE: &str = "dashtam-local-limits";

fn key(name: &str) -> AttributeValue {
    AttributeValue::S(name.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_parallel_conditional_puts_exactly_one_wins_every_time() {
    let app = TestApp::start().await;
    let db = app.db();
    for round in 0..20 {
        let pk = format!("FT-00#{round}");
        let puts = (0..50).map(|_| {
            db.put_item()
                .table_name(TABLE)
                .item("pk", key(&pk))
                .condition_expression("attribute_not_exists(pk)")
                .send()
        });
        let won = join_all(puts).await.into_iter().flatten().count();
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_increments_are_all_counted() {
    let app = TestApp::start().await;
    let db = app.db();
    let add = || {
        let update = db
            .update_item()
            .table_name(TABLE)
            .key("pk", key("counter"))
            .update_expression("ADD n :one");
        update
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .send()
    };
    assert!(
        join_all((0..50).map(|_| add()))
            .await
            .iter()
            .all(Result::is_ok)
    );
    let item = db
        .get_item()
        .table_name(TABLE)
        .key("pk", key("counter"))
        .consistent_read(true)
        .send()
        .await
        .expect("read");
    assert_eq!(
        item.item.expect("an item")["n"],
        AttributeValue::N("50".to_owned())
    );
}
