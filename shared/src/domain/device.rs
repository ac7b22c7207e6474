//! The device behind a session, read from its `User-Agent`, for its owner to recognise.
//!
//! Nothing is decided by it: a client can send any text, and does. The text is bounded where it
//! enters ([`UserAgent`]) and read where sessions are listed or a notice is mailed. Every name is
//! from a closed list ([`super::user_agents`], [`super::programs`]), never a piece of the text: a
//! failed login is enough to have a notice mailed, so the text of a stranger would be read by the
//! owner as ours. What the lists do not have is an app on its system.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::UserId;
use super::email::is_invisible;
use super::programs;
use super::user_agents::TABLE;
use crate::ground::digest;

/// Longest kept text in bytes; browsers send 70 to 200.
const MAX_BYTES: usize = 256;
/// The name of a device of which nothing is known.
const UNKNOWN: &str = "Unknown device";
/// The name of a crawler that no list has.
const UNKNOWN_BOT: &str = "A bot";

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
        if kept
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Self(kept.trim_matches(' ').to_owned());
        }
        let line =
            |c: char| c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}');
        Self(kept.replace(line, " ").trim().to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A short name for the kind of device and program. An update of either does not change it: it is made of the text
    /// without versions and builds, and together with `owner`, so that the marks do not show that two accounts share a device.
    #[must_use]
    pub fn family(&self, owner: UserId) -> String {
        let mut kept = String::with_capacity(self.0.len());
        let mut is_build = false;
        for word in self
            .0
            .split([' ', ';', ',', '(', ')', '[', ']'])
            .filter(|word| !word.is_empty())
        {
            // "Version 14.1 (Build 23B74)": what follows the word is its value, whatever it looks like.
            if !std::mem::replace(&mut is_build, word.eq_ignore_ascii_case("build")) {
                kept.extend(
                    without_version(word)
                        .chars()
                        .filter(|c| c.is_alphabetic())
                        .flat_map(char::to_lowercase),
                );
            }
        }
        let hash = digest::sha256(format!("{owner} {kept}").as_bytes());
        digest::encode(hash.first_chunk::<6>().unwrap_or(&[0; 6]))
    }
}

/// A word of a `User-Agent` without its version: `Chrome` of `Chrome/140.0`, `Build` of `Build/AP3A.240905.015`, nothing of
/// `18_6`, `v2` and `AP3A.240905.015`. A model such as `SM-S918B` is kept.
fn without_version(word: &str) -> &str {
    let name = word.split(['/', ':', '=', '@']).next().unwrap_or_default();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = name.as_bytes();
    let begins = is_digit(bytes.first())
        || matches!(bytes, [b'v' | b'V', next, ..] if next.is_ascii_digit());
    let has_point = bytes
        .windows(2)
        .any(|pair| matches!(pair, [b'.', next] if next.is_ascii_digit()));
    if begins || has_point { "" } else { name }
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
        let kind = kind(text, os.as_deref());
        let name = match (&browser, &os) {
            (Some(browser), Some(os)) => format!("{browser} on {os}"),
            (Some(browser), None) => browser.clone(),
            (None, _) if kind == DeviceKind::Bot => UNKNOWN_BOT.to_owned(),
            (None, Some(os)) => format!("An app on {os}"),
            (None, None) => UNKNOWN.to_owned(),
        };
        Self {
            name,
            kind,
            os,
            browser,
        }
    }

    /// Reads the table now. Worth a call while a function starts: it has a whole core then, and a fraction of one while it
    /// answers.
    pub fn prepare() {
        std::sync::LazyLock::force(&TABLE);
    }
}

fn browser(text: &str) -> Option<String> {
    if let Some(program) = programs::listed(text) {
        return Some(program.to_owned());
    }
    let family = TABLE.as_ref()?.browser(text)?;
    // The patterns tell the builds of a browser for phones apart; its owner does not.
    let name = match &*family {
        // Any app that shows a page in the system's own web view; nothing in the text says which.
        "Android"
        | "Apple Mail"
        | "CFNetwork"
        | "Chrome Mobile WebView"
        | "Mobile Safari UI/WKWebView" => return None,
        "Mobile Safari" => "Safari",
        "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome",
        "Firefox Mobile" | "Firefox iOS" => "Firefox",
        "Edge Mobile" => "Edge",
        "Opera Mobile" => "Opera",
        "IE" | "IE Mobile" => "Internet Explorer",
        other => other,
    };
    shown(name)
}

fn operating_system(text: &str) -> Option<String> {
    let system = TABLE.as_ref()?.system(text)?;
    let name = match &*system {
        "Mac OS X" | "Mac OS" => "macOS",
        "iOS" if text.contains("iPad") => "iPadOS",
        "Windows" if text.contains("; Xbox") => "Xbox",
        "Linux" | "Android" if text.contains("OculusBrowser/") || text.contains("; Quest") => {
            "Meta Quest"
        }
        // Samsung's browser asks for a desktop's pages on tablets.
        "Linux" if text.contains("SamsungBrowser/") => "Android",
        other => other,
    };
    shown(name)
}

/// A listed name, if a mail program would not make a link of it, as of `Mail.RU_Bot`.
fn shown(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && !name.contains(['.', '/', '@', ':'])).then(|| name.to_owned())
}

fn kind(text: &str, os: Option<&str>) -> DeviceKind {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    if is_bot(text) {
        return DeviceKind::Bot;
    }
    match os {
        Some("iPadOS") => DeviceKind::Tablet,
        Some("Android" | "HarmonyOS") if has(&["TV", "AFT", "BRAVIA"]) => DeviceKind::Other,
        Some("Android" | "HarmonyOS") if has(&["Tablet"]) => DeviceKind::Tablet,
        // A browser on a phone says `Mobile`, on a tablet it does not; an app says neither.
        Some("Android" | "HarmonyOS") if has(&["Mozilla/"]) && !has(&["Mobile"]) => {
            DeviceKind::Tablet
        }
        Some("Android" | "HarmonyOS" | "iOS" | "Windows Phone" | "KaiOS") => DeviceKind::Mobile,
        Some("Windows" | "macOS" | "Chrome OS") => DeviceKind::Desktop,
        // Televisions, cars, consoles and readers say `X11` too.
        Some("Meta Quest") => DeviceKind::Other,
        Some(_) if has(&["CrKey", "Tesla", "Kindle", "TV", "PlayStation", "Nintendo"]) => {
            DeviceKind::Other
        }
        Some(_) if has(&["X11;"]) => DeviceKind::Desktop,
        _ => DeviceKind::Other,
    }
}

/// Whether a text names a crawler. A contact address, as in `(+https://…)`, does not make a crawler of a tool.
fn is_bot(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = lower
        .split([' ', ';', ',', '(', ')'])
        .filter(|word| !word.contains("://"));
    let mut names = words.flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric()));
    names.any(|name| {
        let is_phone = name.ends_with("cubot");
        !is_phone
            && ["bot", "crawler", "spider", "externalhit"]
                .iter()
                .any(|mark| name.ends_with(mark))
    })
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
        let (win, mac) = (
            "(Windows NT 10.0; Win64; x64)",
            "(Macintosh; Intel Mac OS X 10_15_7)",
        );
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
            ("An app on Android", Mobile, "Dalvik/2.1.0 (Linux; U; Android 15; Pixel 9 Build/AP4A)".into()),
            ("An app on iOS", Mobile, "Ledger/1.0 CFNetwork/3826.500.131 Darwin/24.6.0".into()),
        ];
        for (name, kind, text) in cases {
            let device = Device::from_user_agent(text);
            assert_eq!((&*device.name, device.kind), (*name, *kind), "{text}");
        }
    }

    #[test]
    fn nothing_known_is_an_unknown_device() {
        for text in [
            "",
            "-",
            " ",
            "garbage",
            "\0\r\n",
            "Mozilla/5.0",
            "💥",
            "\u{202E}",
        ] {
            let device = Device::from_user_agent(text);
            assert_eq!(
                (&*device.name, device.kind),
                (UNKNOWN, DeviceKind::Other),
                "{text:?}"
            );
            assert_eq!((device.os, device.browser), (None, None));
        }
    }

    #[test]
    fn a_name_of_the_senders_choosing_is_not_shown() {
        for name in [
            "Call 0800 123456 to unlock your money",
            "Ledger",
            "https://phish.example",
            "phish.example",
            "<b>Bank</b>",
            "x".repeat(50).as_str(),
        ] {
            for (agent, expected) in [
                (format!("{name}/1 CFNetwork/1 Darwin/1"), "An app on iOS"),
                (
                    format!("{name}-iPhone/1.0 CFNetwork/1.0 Darwin/24.6.0"),
                    "An app on iOS",
                ),
                (
                    format!("Mozilla/5.0 (compatible; {name} bot/1.0)"),
                    UNKNOWN_BOT,
                ),
                (format!("{name} Spider/1.0"), UNKNOWN_BOT),
            ] {
                let device = Device::from_user_agent(&agent);
                let word = name.split(' ').next().unwrap();
                assert!(
                    !device.name.contains(word) && !format!("{device:?}").contains(word),
                    "{agent}: {device:?}"
                );
                if name.len() < 50 && !name.contains(['/', '<']) {
                    assert_eq!(device.name, expected, "{agent}");
                }
            }
        }
    }

    #[test]
    fn an_app_is_not_called_by_the_end_of_its_name() {
        let phone = "Mozilla/5.0 (Linux; Android 15; Mobile)";
        for app in [
            "our-android/1.2.3",
            "MyViewer/1.2.3",
            "Web-Agency/1.2.3",
            "OurConfig/2.0.0",
        ] {
            assert_eq!(
                Device::from_user_agent(&format!("{phone} {app}")).name,
                "An app on Android",
                "{app}"
            );
        }
        assert_eq!(Device::from_user_agent("shop-android/1.2.3").name, UNKNOWN);
    }

    #[test]
    fn an_app_that_shows_web_pages_is_an_app() {
        let webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (agent, name, kind) in [
            (format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit}"), "An app on macOS", DeviceKind::Desktop),
            (
                format!("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {webkit} Mobile/15E148"),
                "An app on iOS",
                DeviceKind::Mobile,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP4A.250105.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36"
                    .to_owned(),
                "An app on Android",
                DeviceKind::Mobile,
            ),
            ("OurApp/1.0 (iPhone; iOS 18.6; Scale/3.00)".to_owned(), "An app on iOS", DeviceKind::Mobile),
        ] {
            let device = Device::from_user_agent(&agent);
            assert_eq!((&*device.name, device.kind, device.browser), (name, kind, None), "{agent}");
        }
    }

    #[test]
    fn a_runtime_or_library_is_called_by_its_listed_name() {
        for (agent, name) in [
            ("Dart/3.9 (dart:io)", "Dart"),
            ("python-httpx/0.28.1", "HTTPX"),
            ("undici", "undici"),
            ("node", "Node.js"),
            ("Bun/1.2.21", "Bun"),
            ("Deno/2.4.5", "Deno"),
            ("ktor-client", "Ktor"),
            ("Ktor http-client", "Ktor"),
            ("Java-http-client/21.0.8", "Java"),
            ("Java/1.8.0_462", "Java"),
            ("Go-http-client/2.0", "Go"),
            ("axios/1.11.0", "axios"),
            ("PostmanRuntime/7.45.0", "Postman"),
            ("Python/3.13 aiohttp/3.12.15", "Python aiohttp"),
            ("python-urllib3/2.5.0", "urllib3"),
            ("Wget/1.25.0", "Wget"),
        ] {
            let device = Device::from_user_agent(agent);
            assert_eq!(
                (&*device.name, device.kind),
                (name, DeviceKind::Other),
                "{agent}"
            );
        }
    }

    #[test]
    fn a_tablet_headset_console_or_television_is_no_desktop() {
        let (win, webkit) = (
            "Windows NT 10.0; Win64; x64",
            "AppleWebKit/537.36 (KHTML, like Gecko)",
        );
        let x11 = format!("Mozilla/5.0 (X11; Linux x86_64) {webkit}");
        for (agent, name, kind) in [
            (
                format!("{x11} SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36"),
                "Samsung Internet on Android",
                DeviceKind::Tablet,
            ),
            (
                format!(
                    "Mozilla/5.0 (X11; Linux x86_64; Quest 3) {webkit} OculusBrowser/39.0 Chrome/136.0.0.0 VR Safari/537.36"
                ),
                "Oculus Browser on Meta Quest",
                DeviceKind::Other,
            ),
            (
                format!(
                    "Mozilla/5.0 (Linux; Android 12; Quest 2) {webkit} OculusBrowser/39.0 Chrome/136.0.0.0 VR Safari/537.36"
                ),
                "Oculus Browser on Meta Quest",
                DeviceKind::Other,
            ),
            (
                format!(
                    "Mozilla/5.0 ({win}; Xbox; Xbox Series X) {webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
                ),
                "Edge on Xbox",
                DeviceKind::Other,
            ),
            (
                format!("{x11} Chrome/140.0.0.0 Safari/537.36 CrKey/1.56.500000"),
                "Chrome on Chromecast Linux",
                DeviceKind::Other,
            ),
        ] {
            let device = Device::from_user_agent(&agent);
            assert_eq!((&*device.name, device.kind), (name, kind), "{agent}");
        }
    }

    #[test]
    fn the_address_of_its_owner_makes_no_bot_of_a_tool() {
        for agent in [
            "our-sync/1.0 (+https://example.com)",
            "our-sync/1.0 (+https://bot.example.com/robot)",
            "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36",
        ] {
            assert_ne!(
                Device::from_user_agent(agent).kind,
                DeviceKind::Bot,
                "{agent}"
            );
        }
        for agent in [
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
            "Some-Crawler/2.0",
        ] {
            assert_eq!(
                Device::from_user_agent(agent).kind,
                DeviceKind::Bot,
                "{agent}"
            );
        }
    }

    #[test]
    fn a_new_version_or_build_is_the_same_device() {
        let owner = UserId::new(uuid::Uuid::from_u128(1));
        let family = |text: &str| UserAgent::bounded(text).family(owner);
        let pixel = "Mozilla/5.0 (Linux; Android 15; Pixel 9";
        for (old, new) in [
            (
                format!("{pixel} Build/AP3A.240905.015; wv) Chrome/140.0"),
                format!("{pixel} Build/BP2A.250605.031; wv) Chrome/141.0"),
            ),
            (
                "Dalvik/2.1.0 (Linux; U; Android 15; SM-S918B Build/AP3A.240905.015.A2)".into(),
                "Dalvik/2.1.0 (Linux; U; Android 16; SM-S918B Build/BP2A.250605.031.A3)".into(),
            ),
            (
                "Shop/4.1 (Android 15; Pixel 9; AP3A.240905.015)".into(),
                "Shop/4.2 (Android 16; Pixel 9; BP2A.250605.031)".into(),
            ),
            (
                "Shop/4.1.0-beta.2 (build:45a; iOS 18.5)".into(),
                "Shop/4.1.0 (build:46c; iOS 18.6)".into(),
            ),
            (
                "Shop v4.1 (macOS 15.5 Build 24F74)".into(),
                "Shop v5.0-rc1 (macOS 15.6 Build 24G84)".into(),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/15E148".into(),
                "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Mobile/23A341".into(),
            ),
            ("okhttp/5.0.0-alpha.14".into(), "okhttp/5.1.0".into()),
            (
                "Shop/1 CFNetwork/3826.500.131 Darwin/24.6.0".into(),
                "Shop/2 CFNetwork/3860.100.1 Darwin/25.0.0".into(),
            ),
        ] {
            assert_eq!(family(&old), family(&new), "{old}");
        }
        for (one, other) in [
            (
                format!("{pixel})"),
                "Mozilla/5.0 (Linux; Android 15; SM-S918B)".to_owned(),
            ),
            ("Shop/1 (iPhone)".into(), "Shop/1 (iPad)".into()),
            ("okhttp/5".into(), "curl/8".into()),
        ] {
            assert_ne!(family(&one), family(&other), "{one}");
        }
    }

    #[test]
    fn an_update_is_the_same_device_and_another_program_or_owner_is_not() {
        let (owner, other) = (
            UserId::new(uuid::Uuid::from_u128(1)),
            UserId::new(uuid::Uuid::from_u128(2)),
        );
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
        assert_eq!(
            UserAgent::bounded("a\r\nBcc: b\0\u{202E}c\u{2028}d").as_str(),
            "a  Bcc: b  c d"
        );
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(
            format!("{:?}", UserAgent::bounded("curl/8")),
            "UserAgent(6 bytes)"
        );
    }

    #[test]
    fn the_wire_form_is_that_of_the_contract() {
        let json = serde_json::to_value(Device::from_user_agent("curl/8.14.1")).unwrap();
        let expected =
            serde_json::json!({"name": "curl", "type": "other", "os": null, "browser": "curl"});
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
