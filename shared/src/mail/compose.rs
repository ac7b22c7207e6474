//! The mails, in plain words.

use std::fmt;
use std::time::Duration;

use crate::store::MailKind;

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

struct Words {
    subject: &'static str,
    opening: &'static str,
    button: &'static str,
    closing: &'static str,
}

const fn words(kind: MailKind) -> Words {
    match kind {
        MailKind::Verification => Words {
            subject: "Confirm your address",
            opening: "Somebody, hopefully you, registered with this address. Open this page and confirm it:",
            button: "Confirm address",
            closing: "If it was not you, do nothing: without this confirmation the account cannot be used.",
        },
        MailKind::AlreadyRegistered => Words {
            subject: "You already have an account",
            opening: "Somebody, perhaps you, tried to register with this address, which has an account already. Nothing was changed.",
            button: "",
            closing: "If it was you, sign in, or reset your password if you have forgotten it. If not, you need do nothing.",
        },
        MailKind::PasswordReset => Words {
            subject: "Set a new password",
            opening: "Somebody, hopefully you, asked for a new password. Open this page to set it:",
            button: "Set a new password",
            closing: "If it was not you, do nothing: your password stays as it is.",
        },
        MailKind::AddressChange => Words {
            subject: "Confirm your new address",
            opening: "An account is to use this address from now on. Open this page and confirm it:",
            button: "Confirm address",
            closing: "Afterwards you have to sign in again. If you know nothing of this, do nothing.",
        },
        MailKind::AddressChangeRequested => Words {
            subject: "Your address is about to change",
            opening: "Your account was told to use another mail address. It will, once that address has been confirmed.",
            button: "",
            closing: "If it was not you, change your password now: that also stops the change.",
        },
        MailKind::PasswordChanged => Words {
            subject: "Your password was changed",
            opening: "The password of your account was changed, and every other session was ended.",
            button: "",
            closing: "If it was not you, reset your password now.",
        },
        MailKind::TheftDetected => Words {
            subject: "A session was ended for your safety",
            opening: "A sign-in token of your account was used twice, as happens when somebody has copied it. The session was ended.",
            button: "",
            closing: "Sign in again. If you do not know why this happened, change your password as well.",
        },
    }
}

/// The mail of `kind`, with the page it links to and how long that link works.
#[must_use]
pub fn compose(kind: MailKind, link: Option<(&str, Duration)>) -> Message {
    let Words { subject, opening, button, closing } = words(kind);
    let Some((url, life)) = link else {
        return Message {
            subject,
            text: format!("{opening}\n\n{closing}\n"),
            html: html(subject, opening, "", closing),
        };
    };
    let life = format!("The link works for {}, once.", in_words(life));
    let shown = escape(url);
    let anchor = format!("<p><a href=\"{shown}\">{button}</a></p><p>Or open this address: {shown}</p><p>{life}</p>");
    Message {
        subject,
        text: format!("{opening}\n\n{url}\n\n{life}\n{closing}\n"),
        html: html(subject, opening, &anchor, closing),
    }
}

fn html(subject: &str, opening: &str, middle: &str, closing: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\
         <body><p>{opening}</p>{middle}<p>{closing}</p></body></html>"
    )
}

fn in_words(life: Duration) -> String {
    let minutes = life.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes / 60),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_carry_the_link_and_its_life() {
        let link = "https://a.example/reset-password#token=drs_x";
        let message = compose(MailKind::PasswordReset, Some((link, Duration::from_secs(900))));
        for part in [&message.text, &message.html] {
            assert!(part.contains(link) && part.contains("15 minutes"), "{part}");
        }
    }

    #[test]
    fn a_notice_carries_no_link() {
        for kind in [
            MailKind::AlreadyRegistered,
            MailKind::PasswordChanged,
            MailKind::AddressChangeRequested,
            MailKind::TheftDetected,
        ] {
            let message = compose(kind, None);
            assert!(!message.text.contains("http") && !message.html.contains("href"));
        }
    }

    #[test]
    fn a_link_cannot_leave_its_attribute() {
        let message = compose(MailKind::Verification, Some(("https://a.example/\"><script>", Duration::from_secs(60))));
        assert!(!message.html.contains("<script>"));
    }
}
