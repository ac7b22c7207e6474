//! The mails, in plain words.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::words::{ASK_FOR_RESET, Words, words};
use crate::domain::Timestamp;
use crate::routes::MailKind;

/// A mail without its addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The subject.
    pub subject: &'static str,
    /// The text part.
    pub text: String,
    /// The HTML part; says the same.
    pub html: String,
}

/// The text may hold a token; the subject tells which mail it is.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&self.subject).finish()
    }
}

/// Who caused what a notice tells of, as its owner would call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// "Firefox on Windows".
    pub device: String,
    /// "Zurich, CH", if it is known.
    pub place: Option<String>,
    /// The client's address.
    pub ip_address: String,
    /// When.
    pub at: Timestamp,
}

impl Told {
    /// As text and as a table, one line each.
    fn shown(&self) -> (String, String) {
        let from = match &self.place {
            Some(place) => format!("{place} ({})", self.ip_address),
            None => self.ip_address.clone(),
        };
        let (mut text, mut rows) = (String::new(), String::new());
        for (label, value) in [
            ("Device", &self.device),
            ("Place", &from),
            ("Time", &in_utc(self.at)),
        ] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{label}: {value}");
            let _ = write!(
                rows,
                "<tr><th align=\"left\">{label}</th><td>{}</td></tr>",
                escape(value)
            );
        }
        (format!("{text}\n"), format!("<table>{rows}</table>"))
    }
}

/// What a mail holds besides its words.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The page that it links to, and how long the link works.
    pub link: Option<(String, Duration)>,
    /// Who caused what it tells of.
    pub told: Option<Told>,
    /// What a digest tells of, by kind.
    pub events: Vec<Events>,
}

/// The events of one kind in a digest.
#[derive(Debug, Clone)]
pub struct Events {
    /// What happened.
    pub kind: MailKind,
    /// How often.
    pub count: u64,
    /// Who caused the first of them.
    pub told: Vec<Told>,
}

impl Events {
    /// "Sign-in from a new device, 9 times; the first 5:".
    fn heading(&self) -> String {
        let subject = words(self.kind).subject;
        let listed = u64::try_from(self.told.len()).unwrap_or(u64::MAX);
        match (self.count, listed) {
            (0 | 1, _) => subject.to_owned(),
            (count, 1) => format!("{subject}, {count} times; the first:"),
            (count, listed) if 1 < listed && listed < count => {
                format!("{subject}, {count} times; the first {listed}:")
            }
            (count, _) => format!("{subject}, {count} times"),
        }
    }
}

/// The mail of `kind`.
#[must_use]
pub fn compose(kind: MailKind, content: &Content) -> Message {
    let Words {
        subject,
        opening,
        button,
        closing,
    } = words(kind);
    let (facts, table) = facts(content);
    let closing = match content.link {
        None if kind.is_notice() => ASK_FOR_RESET,
        _ => closing,
    };
    let Some((url, life)) = &content.link else {
        return Message {
            subject,
            text: format!("{opening}\n\n{facts}{closing}\n"),
            html: html(subject, opening, &table, closing),
        };
    };
    let life = format!("The link works for {}, once.", in_words(*life));
    let shown = escape(url);
    let anchor = format!(
        "<p><a href=\"{shown}\">{button}</a></p><p>Or open this address: {shown}</p><p>{life}</p>"
    );
    // A notice first says what it is about, then what to do; where the link is what is wanted, it comes first.
    let (text, middle) = if kind.is_notice() {
        (
            format!("{opening}\n\n{facts}{closing}\n\n{url}\n\n{life}\n"),
            format!("{table}<p>{closing}</p>{anchor}"),
        )
    } else {
        (
            format!("{opening}\n\n{url}\n\n{life}\n\n{facts}{closing}\n"),
            format!("{anchor}{table}<p>{closing}</p>"),
        )
    };
    Message {
        subject,
        text,
        html: html(subject, opening, &middle, ""),
    }
}

/// Who caused it, or the events of a digest.
fn facts(content: &Content) -> (String, String) {
    if content.events.is_empty() {
        return content.told.as_ref().map(Told::shown).unwrap_or_default();
    }
    let (mut text, mut table) = (String::new(), String::new());
    for events in &content.events {
        let heading = events.heading();
        let _ = writeln!(text, "{heading}");
        let _ = write!(table, "<p>{heading}</p>");
        for told in &events.told {
            let (facts, rows) = told.shown();
            text.push_str(&facts);
            table.push_str(&rows);
        }
        if events.told.is_empty() {
            text.push('\n');
        }
    }
    (text, table)
}

fn in_utc(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
    moment.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn html(subject: &str, opening: &str, middle: &str, closing: &str) -> String {
    let closing = if closing.is_empty() {
        String::new()
    } else {
        format!("<p>{closing}</p>")
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\
         <body><p>{opening}</p>{middle}{closing}</body></html>"
    )
}

/// Rounded up: the link was mailed a moment after its life began, and no reader would believe in "6 days".
fn in_words(life: Duration) -> String {
    let minutes = life.as_secs().div_ceil(60);
    match minutes {
        0..=1 => "1 minute".to_owned(),
        2..120 => format!("{minutes} minutes"),
        120..=2_880 => format!("{} hours", minutes.div_ceil(60)),
        _ => format!("{} days", minutes.div_ceil(1_440)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://a.example/reset-password#token=drs_x";

    fn told() -> Told {
        Told {
            device: "Firefox on Windows".to_owned(),
            place: Some("Zurich, CH".to_owned()),
            ip_address: "192.0.2.7".to_owned(),
            at: Timestamp::from_millis(1_700_000_000_000),
        }
    }

    fn with_link(seconds: u64) -> Content {
        Content {
            link: Some((LINK.to_owned(), Duration::from_secs(seconds))),
            ..Content::default()
        }
    }

    #[test]
    fn both_parts_carry_the_link_and_its_life() {
        let message = compose(MailKind::PasswordReset, &with_link(900));
        for part in [&message.text, &message.html] {
            assert!(part.contains(LINK) && part.contains("15 minutes"), "{part}");
        }
    }

    #[test]
    fn a_notice_says_device_place_and_time_and_carries_its_link() {
        for kind in [
            MailKind::AddressChangeRequested,
            MailKind::AddressChanged,
            MailKind::PasswordChanged,
            MailKind::TheftDetected,
            MailKind::NewDevice,
            MailKind::NewCountry,
            MailKind::AllSessionsEnded,
            MailKind::AccountLocked,
        ] {
            let message = compose(
                kind,
                &Content {
                    told: Some(told()),
                    ..with_link(604_800)
                },
            );
            for part in [&message.text, &message.html] {
                for fact in [
                    "Firefox on Windows",
                    "Zurich, CH (192.0.2.7)",
                    "14 November 2023, 22:13 UTC",
                    LINK,
                    "7 days",
                ] {
                    assert!(part.contains(fact), "{kind:?} without {fact}: {part}");
                }
            }
            assert!(message.html.contains("This wasn't me"), "{kind:?}");
        }
    }

    #[test]
    fn a_digest_tells_of_each_event_and_counts_the_rest() {
        let events = |kind, count, told| Events { kind, count, told };
        let events = vec![
            events(MailKind::NewDevice, 4, vec![told(), told()]),
            events(MailKind::AccountLocked, 1, vec![told()]),
            events(MailKind::AlreadyRegistered, 21, vec![told()]),
        ];
        let message = compose(
            MailKind::Digest,
            &Content {
                events,
                ..with_link(604_800)
            },
        );
        for part in [&message.text, &message.html] {
            for fact in [
                "Sign-in from a new device, 4 times; the first 2:",
                "Sign-in is locked",
                "You already have an account, 21 times; the first:",
                "Firefox on Windows",
                LINK,
            ] {
                assert!(part.contains(fact), "without {fact}: {part}");
            }
        }
    }

    #[test]
    fn the_life_of_a_link_is_rounded_up() {
        for (seconds, words) in [
            (59, "1 minute,"),
            (899, "15 minutes,"),
            (7_200, "2 hours,"),
            (86_399, "24 hours,"),
            (172_801, "3 days,"),
            (604_799, "7 days,"),
            (604_800, "7 days,"),
        ] {
            let text = compose(MailKind::PasswordReset, &with_link(seconds)).text;
            assert!(text.contains(&format!(" {words}")), "{seconds}: {text}");
        }
    }

    #[test]
    fn what_leads_nowhere_carries_no_link() {
        let message = compose(MailKind::AlreadyRegistered, &Content::default());
        assert!(!message.text.contains("http") && !message.html.contains("href"));
    }

    #[test]
    fn neither_a_link_nor_a_device_can_leave_its_place() {
        let told = Told {
            device: "<script>".to_owned(),
            ..told()
        };
        let link = Some((
            "https://a.example/\"><script>".to_owned(),
            Duration::from_secs(60),
        ));
        let content = Content {
            link,
            told: Some(told.clone()),
            events: vec![Events {
                kind: MailKind::NewDevice,
                count: 1,
                told: vec![told],
            }],
        };
        let message = compose(MailKind::NewDevice, &content);
        assert!(!message.html.contains("<script>"));
    }
}
