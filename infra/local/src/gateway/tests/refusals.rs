//! What the gateway refuses by itself, before an application sees it.

use super::*;

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_refused_before_it_is_sent() {
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        BODY_LIMIT + 1
    );
    let answer = send(serve(app()).await, head).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("payload_too_large"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused() {
    let address = serve(app()).await;
    let chunk = vec![b'x'; BODY_LIMIT / 2];
    let mut request =
        b"POST /auth/login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..3 {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(&chunk);
        request.extend(b"\r\n");
    }
    let connection = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = connection.into_split();
    let sending = tokio::spawn(async move { drop(writer.write_all(&request).await) });
    let mut answer = vec![0; 12];
    reader.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    drop(reader);
    sending.await.unwrap();
}

#[tokio::test]
async fn the_largest_body_is_taken() {
    let mut request = format!(
        "POST /auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: {BODY_LIMIT}\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + BODY_LIMIT, b'x');
    let answer = send(serve(app()).await, request).await;
    assert!(
        answer.contains(&format!("\"body\":{BODY_LIMIT}")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let head = format!(
        "GET /me HTTP/1.1\r\nhost: localhost\r\nx: {}\r\nconnection: close\r\n\r\n",
        "x".repeat(HEAD_LIMIT)
    );
    let answer = send(serve(app()).await, head).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn what_is_no_request_harms_nobody() {
    let address = serve(app()).await;
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET /me HTTP/9.9\r\n\r\n",
        "GET /a b HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /me HTTP/1.1\r\nhost localhost\r\n\r\n",
        "POST /me HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST /me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "GET /me HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n",
        "GET /me HTTP/1.1\r\nhost: localhost\r\nx-forwarded-proto: gopher://\r\nconnection: close\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /%00%ff%zz?%=%&& HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    ] {
        let answer = send(address, garbage).await;
        let status = answer.get(9..12).unwrap_or("none");
        assert!(
            status == "none" || status < "500",
            "{garbage:?} was answered {answer:?}"
        );
    }
    assert!(send(address, GET_ME).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_without_a_usable_host_gets_a_problem() {
    let address = serve(app()).await;
    let answer = send(
        address,
        GET_ME.replace("host: localhost", "host: 1.2.3.999"),
    )
    .await;
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(
        send(address, GET_ME.replace("host: localhost\r\n", ""))
            .await
            .starts_with("HTTP/1.1 200"),
        "HTTP/1.0 style"
    );
}

#[tokio::test]
async fn a_method_that_no_route_takes_is_answered_by_the_gateway() {
    let answer = send(
        serve(app()).await,
        GET_ME.replace("/me", "/auth/sessions/others"),
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("problem+json"),
        "{answer}"
    );
}

#[tokio::test]
async fn captured_mail_is_not_shown_under_a_foreign_name() {
    let address = serve(app()).await;
    let local = GET_ME.replace("/me", "/_local");
    for host in [
        "evil.example",
        "localhost.evil.example",
        "192.168.0.1",
        "localhost@evil.example",
    ] {
        let answer = send(
            address,
            local.replace("host: localhost", &format!("host: {host}")),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
    }
    for host in [
        "localhost:9000",
        "127.0.0.1:9000",
        "[::1]:9000",
        "LOCALHOST",
    ] {
        assert!(
            send(
                address,
                local.replace("host: localhost", &format!("host: {host}"))
            )
            .await
            .ends_with("mail"),
            "{host}"
        );
    }
}
