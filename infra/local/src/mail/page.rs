//! The page at `/_local`: one document without a framework and without anything from elsewhere.
//!
//! It is a constant. What a mail says gets into it as text by script, never as markup; the HTML part
//! goes into a frame without scripts and without an origin. The policy allows exactly this style
//! sheet and this script, by their hashes, so markup that got through would still do nothing.

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::ground::digest;

macro_rules! style {
    () => {
        include_str!("page.css")
    };
}
macro_rules! script {
    () => {
        include_str!("page.js")
    };
}

/// The document.
pub(super) const HTML: &str = concat!(
    r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Caught mail</title>
<link rel="icon" href="data:,">
<style>"#,
    style!(),
    r#"</style>
</head>
<body>
<header>
<h1>Caught mail</h1>
<p>Nothing here was sent. New mail appears by itself.</p>
<label>Sent to <input id="to" type="search" placeholder="any address" autocomplete="off" spellcheck="false"></label>
<p id="status" role="status">Loading…</p>
</header>
<main id="mail"></main>
<noscript><p>This page needs its script. The same mail as JSON: <a href="/_local/mail">/_local/mail</a></p></noscript>
<script>"#,
    script!(),
    r"</script>
</body>
</html>
"
);

/// The page's policy, worked out once.
#[derive(Debug)]
pub(super) struct Page {
    policy: HeaderValue,
}

impl Page {
    /// Works out the hashes of the style sheet and the script.
    pub(super) fn new() -> Self {
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(style!()),
            hash(script!()),
        );
        // Hashes are base64, so the text is always a valid header; the fallback allows nothing.
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
        Self { policy }
    }

    /// The `Content-Security-Policy` (CSP Level 3) to send with [`HTML`].
    pub(super) fn policy(&self) -> HeaderValue {
        self.policy.clone()
    }
}

fn hash(source: &str) -> String {
    STANDARD.encode(digest::sha256(source.as_bytes()))
}
