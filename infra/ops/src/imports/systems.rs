//! What the systems that we import from write about an account.

mod keycloak;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use shared::accounts::import::Newcomer;
use shared::domain::{DisplayName, EmailAddress, Timestamp, UserId};
use shared::passwords::foreign_hash::ForeignHash;

pub(super) use keycloak::Keycloak;

/// What all sources come to.
#[derive(Default)]
pub(super) struct Parts {
    id: Option<String>,
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    password_hash: Option<String>,
    is_disabled: bool,
    created_at: Option<String>,
}

impl Parts {
    fn newcomer(self) -> Result<Newcomer, String> {
        let email = self
            .email
            .filter(|email| !email.is_empty())
            .ok_or("it has no email address")?;
        let email =
            EmailAddress::parse(&email).map_err(|error| format!("the email address: {error}"))?;
        let id = self
            .id
            .map(|id| id.parse::<UserId>().map_err(|_| "the id is no UUID"))
            .transpose()?;
        let local = email
            .address()
            .split('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        let name = self
            .name
            .filter(|name| !name.trim().is_empty())
            .unwrap_or(local);
        let name = DisplayName::parse(&name).map_err(|error| format!("the name: {error}"))?;
        let password = self.password_hash.filter(|hash| !hash.is_empty());
        let password = password
            .map(|hash| ForeignHash::parse(&hash))
            .transpose()
            .map_err(|error| error.to_string())?
            .flatten();
        let created_at = self.created_at.map(|at| moment(&at)).transpose()?;
        let email_verified = self.email_verified;
        Ok(Newcomer {
            id,
            email,
            email_verified,
            name,
            password,
            is_active: !self.is_disabled,
            created_at,
        })
    }
}

/// RFC 3339, also with a blank for the `T` and hours alone for an offset, as `PostgreSQL` writes it; without an offset it is UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let parsed = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| format!("{text}Z").parse());
    let moment = parsed.map_err(|_| "created_at is not a time of RFC 3339".to_owned())?;
    Ok(Timestamp::from_millis(moment.as_millisecond()))
}

/// The format of our own, in which nothing unknown stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    email: String,
    id: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
    password_hash: Option<String>,
    #[serde(default = "yes")]
    is_active: bool,
    created_at: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Plain {
    pub(super) fn newcomer(self) -> Result<Newcomer, String> {
        let Self {
            email,
            id,
            email_verified,
            name,
            password_hash,
            is_active,
            created_at,
        } = self;
        let email = Some(email);
        Parts {
            id,
            email,
            email_verified,
            name,
            password_hash,
            is_disabled: !is_active,
            created_at,
        }
        .newcomer()
    }
}

/// A row of the platform's users table; it has more columns than are taken.
#[derive(Deserialize)]
pub(super) struct Dashtam {
    id: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
    #[serde(alias = "hashed_password")]
    password_hash: Option<String>,
    #[serde(default = "yes")]
    is_active: bool,
    created_at: Option<String>,
    /// Rows of people who have left stay in some tables.
    deleted_at: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Columns in which other systems' tables keep what the platform's keeps elsewhere. Passed over, they would make accounts
/// without a password, unproved, or open again.
const NOT_OF_THE_PLATFORM: [&str; 14] = [
    "banned_until",
    "blocked",
    "confirmed_at",
    "disabled",
    "email_confirmed_at",
    "email_verified_at",
    "emailVerified",
    "enabled",
    "encrypted_password",
    "hashedPassword",
    "is_disabled",
    "password",
    "passwordHash",
    "password_digest",
];

impl Dashtam {
    pub(super) fn newcomer(self) -> Result<Newcomer, String> {
        if self.deleted_at.is_some() {
            return Err("the platform has deleted this account (deleted_at)".to_owned());
        }
        if let Some(column) = NOT_OF_THE_PLATFORM
            .iter()
            .find(|column| self.others.contains_key(**column))
        {
            return Err(format!(
                "the platform's table has no column {column}: name the system that the file is from, or write our own lines"
            ));
        }
        let Self {
            id,
            email,
            email_verified,
            name,
            password_hash,
            is_active,
            created_at,
            ..
        } = self;
        Parts {
            id,
            email,
            email_verified,
            name,
            password_hash,
            is_disabled: !is_active,
            created_at,
        }
        .newcomer()
    }
}

/// A line of Auth0's user export, of its password export, or of its import schema.
#[derive(Deserialize)]
pub(super) struct Auth0 {
    #[serde(alias = "Email")]
    email: Option<String>,
    #[serde(default, alias = "Email Verified")]
    email_verified: bool,
    #[serde(alias = "Name")]
    name: Option<String>,
    #[serde(rename = "passwordHash", alias = "password_hash")]
    password_hash: Option<String>,
    custom_password_hash: Option<CustomHash>,
    #[serde(default)]
    blocked: bool,
    #[serde(alias = "Created At")]
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct CustomHash {
    hash: Value,
}

impl Auth0 {
    pub(super) fn newcomer(self) -> Result<Newcomer, String> {
        let custom = self
            .custom_password_hash
            .map(|custom| match custom.hash.get("value") {
                Some(Value::String(hash)) => Ok(hash.clone()),
                _ => Err("custom_password_hash has no hash.value".to_owned()),
            });
        let Self {
            email,
            email_verified,
            name,
            blocked,
            created_at,
            ..
        } = self;
        let password_hash = self.password_hash.or(custom.transpose()?);
        Parts {
            id: None,
            email,
            email_verified,
            name,
            password_hash,
            is_disabled: blocked,
            created_at,
        }
        .newcomer()
    }
}

/// A user pool's columns, of which a few are taken.
#[derive(Deserialize)]
pub(super) struct Cognito {
    email: Option<String>,
    email_verified: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

impl Cognito {
    pub(super) fn newcomer(self) -> Result<Newcomer, String> {
        let full = [self.given_name, self.family_name]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        let name = self.name.filter(|name| !name.is_empty()).or(Some(full));
        let email_verified = self
            .email_verified
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Parts {
            email: self.email,
            email_verified,
            name,
            ..Parts::default()
        }
        .newcomer()
    }
}

/// A row of Supabase's `auth.users`.
#[derive(Deserialize)]
pub(super) struct Supabase {
    id: Option<String>,
    email: Option<String>,
    encrypted_password: Option<String>,
    email_confirmed_at: Option<String>,
    banned_until: Option<String>,
    deleted_at: Option<String>,
    created_at: Option<String>,
    raw_user_meta_data: Option<Value>,
}

impl Supabase {
    pub(super) fn newcomer(self) -> Result<Newcomer, String> {
        if self.deleted_at.is_some() {
            return Err("Supabase has deleted this account (deleted_at)".to_owned());
        }
        let meta = self.raw_user_meta_data.unwrap_or_default();
        let name = ["full_name", "name"]
            .iter()
            .find_map(|key| meta.get(key)?.as_str())
            .map(str::to_owned);
        // Whether the ban is over is not asked: an account is better opened by the operator than by a clock.
        let is_disabled = self.banned_until.is_some_and(|until| !until.is_empty());
        let email_verified = self.email_confirmed_at.is_some_and(|at| !at.is_empty());
        let (id, email, password_hash, created_at) = (
            self.id,
            self.email,
            self.encrypted_password,
            self.created_at,
        );
        Parts {
            id,
            email,
            email_verified,
            name,
            password_hash,
            is_disabled,
            created_at,
        }
        .newcomer()
    }
}
