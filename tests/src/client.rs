//! Clients and what they are answered.

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use lambda_http::request::RequestContext;
use serde_json::{Value, json};

use crate::app::{TestApp, fresh_address};
use crate::description::assert_asked_for;

/// The password of test accounts.
pub const PASSWORD: &str = "Correct-Horse-7-Battery";

/// A client at an address of its own, with or without tokens.
#[derive(Clone)]
pub struct Actor<'a> {
    app: &'a TestApp,
    address: String,
    headers: Vec<(String, String)>,
    /// The access token, if it has one.
    pub access: Option<String>,
    /// The refresh token, if it has one.
    pub refresh: Option<String>,
}

impl<'a> Actor<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        Self {
            app,
            address: fresh_address(),
            headers: Vec::new(),
            access: None,
            refresh: None,
        }
    }

    /// The service that it is a client of.
    #[must_use]
    pub const fn app(&self) -> &'a TestApp {
        self.app
    }

    /// The same client at another address.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// The same client with another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same client with another access token.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.access = Some(token.to_owned());
        self
    }

    /// Logs in and keeps the tokens.
    #[must_use]
    pub async fn log_in(mut self, email: &str, password: &str) -> Self {
        let answer = self.try_log_in(email, password).await;
        answer.assert(200);
        self.keep(&answer);
        self
    }

    /// Tries to log in.
    pub async fn try_log_in(&self, email: &str, password: &str) -> Answer {
        self.post(
            "/api/v1/auth/login",
            &json!({ "email": email, "password": password }),
        )
        .await
    }

    /// Refreshes and keeps the tokens.
    pub async fn refresh(&mut self) -> Answer {
        let token = self.refresh.clone().unwrap_or_default();
        let answer = self.try_refresh(&token).await;
        answer.assert(200);
        self.keep(&answer);
        answer
    }

    /// Tries to refresh with `token`.
    pub async fn try_refresh(&self, token: &str) -> Answer {
        self.post("/api/v1/auth/refresh", &json!({ "refresh_token": token }))
            .await
    }

    /// The caller's account.
    pub async fn me(&self) -> Answer {
        self.get("/api/v1/auth/me").await
    }

    /// The caller's sessions.
    pub async fn sessions(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/auth/sessions").await;
        answer.assert(200);
        answer.json()["sessions"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// The identifier of the caller's current session.
    pub async fn session_id(&self) -> String {
        let sessions = self.sessions().await;
        let current = sessions
            .iter()
            .find(|session| session["is_current"] == true);
        current
            .and_then(|session| session["id"].as_str())
            .expect("a current session")
            .to_owned()
    }

    fn keep(&mut self, answer: &Answer) {
        let text = |name: &str| answer.json()[name].as_str().map(str::to_owned);
        self.access = text("access_token");
        self.refresh = text("refresh_token");
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PATCH, path, Some(body)).await
    }

    /// Any method, with a JSON body or none.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let kind = body.map(|_| "application/json");
        let text = body.map(Value::to_string).unwrap_or_default();
        let answer = self.raw(method.clone(), path, kind, Body::from(text)).await;
        if let Some(body) = body {
            assert_asked_for(&method, path, body, &answer);
        }
        answer
    }

    /// Any method, content type and body.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Answer {
        self.app
            .send(self.build(&method, path, content_type, body))
            .await
    }

    /// Any method, with a JSON body or none, to another composition of the service.
    pub async fn request_to(
        &self,
        router: axum::Router,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let kind = body.map(|_| "application/json");
        let body = Body::from(body.map(Value::to_string).unwrap_or_default());
        TestApp::send_to(router, self.build(&method, path, kind, body)).await
    }

    fn build(
        &self,
        method: &Method,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = &self.access {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(kind) = content_type {
            request = request.header("content-type", kind);
        }
        let context = json!({ "stage": "test", "httpMethod": "POST", "identity": { "sourceIp": self.address } });
        let context = serde_json::from_value(context).expect("a request context");
        request
            .extension(RequestContext::ApiGatewayV1(context))
            .body(body)
            .expect("a request")
    }
}

/// An answer with its body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The text of a member of the JSON body, if it has one.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<String> {
        Some(self.json().get(name)?.as_str()?.to_owned())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The unmet rules, as `pointer code`.
    #[must_use]
    pub fn rules(&self) -> Vec<String> {
        let errors = self.json()["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let rule = |error: &Value| {
            format!(
                "{} {}",
                error["pointer"].as_str().unwrap_or("?"),
                error["code"].as_str().unwrap_or("?")
            )
        };
        errors.iter().map(rule).collect()
    }

    /// Fails the test with the body unless the status is this one.
    #[track_caller]
    pub fn assert(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
    }

    /// Fails the test unless the answer is this problem.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        self.assert(status);
        assert_eq!(self.code(), code, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
    }
}
