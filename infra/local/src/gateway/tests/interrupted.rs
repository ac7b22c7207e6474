//! Functions that panic, hang, or are still at work when their client or the server goes.

use super::*;

#[tokio::test]
async fn a_panic_in_a_function_is_one_answer_and_no_more() {
    let app = Router::new()
        .route(
            "/me",
            get(|| async { assert!(std::hint::black_box(false), "out of the function") }),
        )
        .fallback(echo);
    let address = serve(app).await;
    let answer = send(address, GET_ME).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("service_unavailable"),
        "{answer}"
    );
    assert!(
        send(address, GET_ME.replace("/me", "/you"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn a_function_finishes_when_its_client_has_gone() {
    let (entered, go, finished) = (
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
    );
    let handler = {
        let (entered, go, finished) =
            (Arc::clone(&entered), Arc::clone(&go), Arc::clone(&finished));
        move || async move {
            entered.notify_one();
            go.notified().await;
            finished.notify_one();
        }
    };
    let address = serve(Router::new().route("/me", get(handler))).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(GET_ME.as_bytes()).await.unwrap();
    entered.notified().await;
    drop(connection);
    send(address, GET_ME.replace("/me", "/")).await;
    go.notify_one();
    finished.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_hangs_is_answered_after_the_gateways_time() {
    let app = Router::new().fallback(std::future::pending::<()>);
    let start = tokio::time::Instant::now();
    let response = gateway(app)
        .handle(
            Request::get("/me").body(Body::empty()).unwrap(),
            ([127, 0, 0, 1], 1).into(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(start.elapsed().as_secs(), INTEGRATION_TIMEOUT.as_secs());
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, go) = (Arc::clone(&entered), Arc::clone(&go));
        move || async move {
            entered.notify_one();
            go.notified().await;
            "done"
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let gateway = gateway(Router::new().route("/me", get(handler)));
    let server = tokio::spawn(gateway.serve(listener, async { drop(stopped.await) }));
    let request = tokio::spawn(send(address, GET_ME));
    entered.notified().await;
    stop.send(()).unwrap();
    go.notify_one();
    assert!(request.await.unwrap().ends_with("done"));
    server.await.unwrap().unwrap();
}
