//! There is one way to send a mail, and it charges the recipient (`shared/src/mail/postage.rs`).

use std::collections::BTreeSet;

use shared::mail::Price;
use shared::routes::{MailKind, Rule};

use crate::guard_project::{path, read};

/// The source files of the service in which `text` appears, outside comments.
fn files_with(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for root in ["shared/src", "functions"] {
        visit(&path(root), &mut |file, content| {
            let code = content
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            if code.into_iter().any(|line| line.contains(text)) {
                found.insert(file);
            }
        });
    }
    found
}

fn visit(folder: &std::path::Path, each: &mut impl FnMut(String, String)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry").path();
        if entry.is_dir() {
            visit(&entry, each);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let name = entry
                .strip_prefix(path(""))
                .expect("a file of the project")
                .display()
                .to_string();
            each(name, std::fs::read_to_string(&entry).expect("a text"));
        }
    }
}

#[test]
fn one_file_calls_ses_one_makes_postage_and_one_spends_it() {
    for (what, file) in [
        (".send_email()", "shared/src/mail/sender.rs"),
        ("Postage(())", "shared/src/mail/postage.rs"),
        (".send(postage", "shared/src/mail/mailer.rs"),
    ] {
        assert_eq!(
            files_with(what),
            BTreeSet::from([file.to_owned()]),
            "{what}"
        );
    }
    let sender = read("shared/src/mail/sender.rs");
    let sender: String = sender.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        sender.contains("pub async fn send( &self, _postage: Postage,"),
        "sending must take what charging returns"
    );
}

#[test]
fn the_page_says_of_every_bucket_of_recipients_who_pays() {
    let page = read("docs/rate-limits.md");
    let section = page
        .split("## Who pays for a mail")
        .nth(1)
        .expect("the section");
    for rule in Rule::ALL
        .into_iter()
        .filter(|rule| rule.name().starts_with("mail-"))
    {
        assert!(
            section.contains(&format!("`{}`", rule.name())),
            "{}",
            rule.name()
        );
    }
}

#[test]
fn the_page_says_of_every_mail_who_pays() {
    let page = read("docs/rate-limits.md");
    for kind in MailKind::ALL {
        let name = serde_json::to_string(&kind).expect("a name");
        let start = format!("| `{}` |", name.trim_matches('"'));
        let row = page
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("no row of {start}"));
        let (payer, over) = match kind.price() {
            Price::Charged(rule) => (format!("| `{}`", rule.name()), "sent"),
            Price::ChargedByAccount { own, shared } => (
                format!("| `{}`, then `{}`", own.name(), shared.name()),
                "not sent",
            ),
            Price::Gathered(rule) => (format!("| `{}`", rule.name()), "gathered into one mail"),
            Price::Free => ("| none".to_owned(), "always sent"),
        };
        assert!(row.contains(&payer) && row.contains(over), "{row}");
    }
}

#[test]
fn what_a_request_can_cause_again_and_again_is_charged() {
    use MailKind as Kind;
    let charged = [
        (Kind::Verification, Rule::MailRegistration),
        (Kind::RegistrationRepeated, Rule::MailRegistration),
        (Kind::RegistrationContested, Rule::MailRegistration),
        (Kind::PasswordWanted, Rule::MailRegistration),
        (Kind::PasswordReset, Rule::MailReset),
        (Kind::Invitation, Rule::MailInvitation),
    ];
    for (kind, rule) in charged {
        assert_eq!(kind.price(), Price::Charged(rule), "{kind:?}");
    }
    let by_account = Price::ChargedByAccount {
        own: Rule::MailAddressChange,
        shared: Rule::MailNewAddress,
    };
    for kind in [Kind::AddressChange, Kind::AddressChangeWithPassword] {
        assert_eq!(kind.price(), by_account, "{kind:?}");
    }
    for kind in [
        Kind::AlreadyRegistered,
        Kind::AddressReserved,
        Kind::NewDevice,
        Kind::NewCountry,
        Kind::AllSessionsEnded,
        Kind::AccountLocked,
    ] {
        assert_eq!(kind.price(), Price::Gathered(Rule::MailNotice), "{kind:?}");
        assert!(Kind::GATHERED.contains(&kind), "{kind:?}");
    }
}
