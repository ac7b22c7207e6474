//! The device behind a session, read from its `User-Agent`, for its owner to recognise.
//!
//! Nothing is decided by it: a client can send any text, and does. The text is bounded where it
//! enters ([`UserAgent`]) and read where sessions are listed or a notice is mailed. Since it then
//! stands in a mail of ours, a name that the client made up is shown only if it is plain words:
//! no link can be built from letters, digits, spaces and hyphens.
//!
//! What is looked for stands in [`super::user_agents`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::UserId;
use super::email::is_invisible;
use super::user_agents::TABLE;
use crate::digest;

/// Longest kept text in bytes; browsers send 70 to 200.
const MAX_BYTES: usize = 256;
/// Longest name of a program that is shown, in code points.
const MAX_NAME: usize = 40;
/// The name of a device of which nothing is known.
const UNKNOWN: &str = "Unknown device";

/// A client's `User-Agent`: at most 256 bytes, one line, no control or invisible characters.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UserAgent(String);

impl UserAgent {
    /// Cuts a text at 256 bytes, between characters, and replaces control and invisible
    /// characters by spaces.
    #[must_use]
    pub fn bounded(text: &str) -> Self {
        let end = text.floor_char_boundary(MAX_BYTES);
        let kept = text.get(..end).unwrap_or_default();
        // Nearly every text is this plain, and every request has one.
        if kept.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Self(kept.trim_matches(' ').to_owned());
        }
        let line = |c: char| c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}');
        Self(kept.replace(line, " ").trim().to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A short name for the kind of device and program, which an update does not change: of the text without numbers, and
    /// together with `owner`, so that two accounts cannot be told to share a device.
    #[must_use]
    pub fn family(&self, owner: UserId) -> String {
        let kept: String = self.0.chars().filter(|c| c.is_alphabetic()).collect();
        let hash = digest::sha256(format!("{owner} {kept}").as_bytes());
        digest::encode(hash.first_chunk::<6>().unwrap_or(&[0; 6]))
    }
}

/// The text fingerprints a person; its length is shown.
impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserAgent({} bytes)", self.0.len())
    }
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A desktop or laptop computer.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A crawler that says so.
    Bot,
    /// A library, a command-line client, a television, or nothing known.
    Other,
}

/// A device as its owner would call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// "Firefox on Windows", or as much of it as is known.
    #[schemars(example = &"Firefox on Windows")]
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// The operating system without its version.
    #[schemars(example = &"Windows")]
    pub os: Option<String>,
    /// The browser or program without its version.
    #[schemars(example = &"Firefox")]
    pub browser: Option<String>,
}

impl Device {
    /// Reads a `User-Agent`, bounded once more. A text unlike those before it compiles the few patterns that it needs.
    #[must_use]
    pub fn from_user_agent(text: &str) -> Self {
        let agent = UserAgent::bounded(text);
        let text = agent.as_str();
        let browser = browser(text);
        let os = operating_system(text);
        let name = match (&browser, &os) {
            (Some(browser), Some(os)) => format!("{browser} on {os}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => UNKNOWN.to_owned(),
        };
        Self { name, kind: kind(text, os.as_deref()), os, browser }
    }

    /// Reads the table now. Worth a call while a function starts: it has a whole core then, and a fraction of one while it
    /// answers.
    pub fn prepare() {
        std::sync::LazyLock::force(&TABLE);
    }
}

fn browser(text: &str) -> Option<String> {
    let family = TABLE.as_ref()?.browser(text)?;
    // The patterns tell the builds of a browser for phones apart; its owner does not.
    let name = match &*family {
        "Mobile Safari" | "Mobile Safari UI/WKWebView" => "Safari",
        "Chrome Mobile" | "Chrome Mobile iOS" | "Chrome Mobile WebView" => "Chrome",
        "Firefox Mobile" | "Firefox iOS" => "Firefox",
        "Edge Mobile" => "Edge",
        "Opera Mobile" => "Opera",
        "IE" | "IE Mobile" => "Internet Explorer",
        "Android" => "Android app",
        other => other,
    };
    shown(name)
}

fn operating_system(text: &str) -> Option<String> {
    let system = TABLE.as_ref()?.system(text)?;
    let name = match &*system {
        "Mac OS X" | "Mac OS" => "macOS",
        "iOS" if text.contains("iPad") => "iPadOS",
        other => other,
    };
    shown(name)
}

/// A name, if it is short and plain enough to stand in a mail.
fn shown(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().nth(MAX_NAME).is_none();
    (fits && name.chars().all(plain)).then(|| name.to_owned())
}

fn kind(text: &str, os: Option<&str>) -> DeviceKind {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    let lower = text.to_ascii_lowercase();
    let bot_marks = ["bot/", "bot;", "bot)", "crawler", "spider", "(+http", "; +http"];
    if lower.ends_with("bot") || bot_marks.iter().any(|mark| lower.contains(mark)) {
        return DeviceKind::Bot;
    }
    match os {
        Some("iPadOS") => DeviceKind::Tablet,
        Some("Android") if has(&["TV", "AFT"]) => DeviceKind::Other,
        Some("Android") if has(&["Tablet"]) => DeviceKind::Tablet,
        // A browser on a phone says `Mobile`, on a tablet it does not; an app says neither.
        Some("Android") if has(&["Mozilla/"]) && !has(&["Mobile"]) => DeviceKind::Tablet,
        Some("Android" | "iOS" | "Windows Phone" | "KaiOS") => DeviceKind::Mobile,
        Some("Windows" | "macOS" | "Chrome OS") => DeviceKind::Desktop,
        Some(_) if has(&["X11;"]) => DeviceKind::Desktop,
        _ => DeviceKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn real_user_agents_are_recognised() {
        use DeviceKind::{Bot, Desktop, Mobile, Other, Tablet};
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let chrome = format!("{webkit} Chrome/140.0.0.0 Safari/537.36");
        let phone = format!("{webkit} Chrome/140.0.0.0 Mobile Safari/537.36");
        let ios = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let iphone = format!("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {ios}");
        let ipad = format!("Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {ios}");
        let (win, mac) = ("(Windows NT 10.0; Win64; x64)", "(Macintosh; Intel Mac OS X 10_15_7)");
        let cases: &[(&str, DeviceKind, String)] = &[
            ("Chrome on Windows", Desktop, format!("Mozilla/5.0 {win} {chrome}")),
            ("Chrome on macOS", Desktop, format!("Mozilla/5.0 {mac} {chrome}")),
            ("Chrome on Linux", Desktop, format!("Mozilla/5.0 (X11; Linux x86_64) {chrome}")),
            ("Chrome on Chrome OS", Desktop, format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {chrome}")),
            ("Chrome on Android", Mobile, format!("Mozilla/5.0 (Linux; Android 10; K) {phone}")),
            ("Chrome on Android", Tablet, format!("Mozilla/5.0 (Linux; Android 10; K) {chrome}")),
            ("Chrome on iOS", Mobile, format!("{iphone} CriOS/140.0.7339.101 Mobile/15E148 Safari/604.1")),
            (
                "Firefox on Windows",
                Desktop,
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0".into(),
            ),
            (
                "Firefox on macOS",
                Desktop,
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0".into(),
            ),
            (
                "Firefox on Linux",
                Desktop,
                "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".into(),
            ),
            (
                "Firefox on Ubuntu",
                Desktop,
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".into(),
            ),
            (
                "Firefox on Android",
                Mobile,
                "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0".into(),
            ),
            (
                "Firefox on Android",
                Tablet,
                "Mozilla/5.0 (Android 15; Tablet; rv:143.0) Gecko/143.0 Firefox/143.0".into(),
            ),
            ("Firefox on iOS", Mobile, format!("{iphone} FxiOS/143.0 Mobile/15E148 Safari/605.1.15")),
            ("Safari on macOS", Desktop, format!("Mozilla/5.0 {mac} {ios} Version/18.6 Safari/605.1.15")),
            ("Safari on iOS", Mobile, format!("{iphone} Version/18.6 Mobile/15E148 Safari/604.1")),
            ("Safari on iPadOS", Tablet, format!("{ipad} Version/18.6 Mobile/15E148 Safari/604.1")),
            ("Edge on Windows", Desktop, format!("Mozilla/5.0 {win} {chrome} Edg/140.0.0.0")),
            ("Edge on macOS", Desktop, format!("Mozilla/5.0 {mac} {chrome} Edg/140.0.0.0")),
            ("Edge on Android", Mobile, format!("Mozilla/5.0 (Linux; Android 10; HD1913) {phone} EdgA/140.0.3485.54")),
            ("Edge on iOS", Mobile, format!("{iphone} Version/18.0 EdgiOS/140.3485.53 Mobile/15E148 Safari/605.1.15")),
            (
                "Samsung Internet on Android",
                Mobile,
                format!(
                    "Mozilla/5.0 (Linux; Android 14; SM-S918B) {webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
                ),
            ),
            ("Opera on Windows", Desktop, format!("Mozilla/5.0 {win} {chrome} OPR/122.0.0.0")),
            (
                "Internet Explorer on Windows",
                Desktop,
                "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko".into(),
            ),
            ("Googlebot", Bot, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".into()),
            ("curl", Other, "curl/8.14.1".into()),
            ("Python Requests", Other, "python-requests/2.32.5".into()),
            ("okhttp", Other, "okhttp/5.1.0".into()),
            ("Android app on Android", Mobile, "Dalvik/2.1.0 (Linux; U; Android 15; Pixel 9 Build/AP4A)".into()),
            ("Ledger on iOS", Mobile, "Ledger/1.0 CFNetwork/3826.500.131 Darwin/24.6.0".into()),
        ];
        for (name, kind, text) in cases {
            let device = Device::from_user_agent(text);
            assert_eq!((&*device.name, device.kind), (*name, *kind), "{text}");
        }
    }

    #[test]
    fn nothing_known_is_an_unknown_device() {
        for text in ["", "-", " ", "garbage", "\0\r\n", "Mozilla/5.0", "💥", "\u{202E}"] {
            let device = Device::from_user_agent(text);
            assert_eq!((&*device.name, device.kind), (UNKNOWN, DeviceKind::Other), "{text:?}");
            assert_eq!((device.os, device.browser), (None, None));
        }
    }

    #[test]
    fn a_made_up_name_cannot_be_a_link() {
        for name in ["https://phish.example", "phish.example", "<b>Bank</b>", "call@phish", &"x".repeat(50)] {
            assert_eq!(
                Device::from_user_agent(&format!("{name}/1.0 CFNetwork/1.0 Darwin/24.6.0")).name,
                "iOS",
                "{name}"
            );
        }
    }

    #[test]
    fn an_update_is_the_same_device_and_another_program_or_owner_is_not() {
        let (owner, other) = (UserId::new(uuid::Uuid::from_u128(1)), UserId::new(uuid::Uuid::from_u128(2)));
        let family = |text: &str, owner| UserAgent::bounded(text).family(owner);
        let old = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let new = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
        assert_eq!(family(old, owner), family(new, owner));
        assert_ne!(family(old, owner), family("curl/8", owner));
        assert_ne!(family(old, owner), family(old, other));
        assert_eq!(family("", owner).len(), 8);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(UserAgent::bounded(&"a".repeat(10_240)).as_str().len(), 256);
        assert_eq!(UserAgent::bounded(&"€".repeat(3_000)).as_str().len(), 255);
        let _ = Device::from_user_agent(&"Mozilla/5.0 (".repeat(800));
    }

    #[test]
    fn a_text_stays_on_one_line() {
        assert_eq!(UserAgent::bounded("a\r\nBcc: b\0\u{202E}c\u{2028}d").as_str(), "a  Bcc: b  c d");
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(format!("{:?}", UserAgent::bounded("curl/8")), "UserAgent(6 bytes)");
    }

    #[test]
    fn the_wire_form_is_that_of_the_contract() {
        let json = serde_json::to_value(Device::from_user_agent("curl/8.14.1")).unwrap();
        let expected = serde_json::json!({"name": "curl", "type": "other", "os": null, "browser": "curl"});
        assert_eq!(json, expected);
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_bounding_is_idempotent(text in any::<String>()) {
            let agent = UserAgent::bounded(&text);
            prop_assert!(agent.as_str().len() <= MAX_BYTES);
            prop_assert_eq!(&UserAgent::bounded(agent.as_str()), &agent);
            prop_assert!(!Device::from_user_agent(agent.as_str()).name.is_empty());
        }
    }
}
