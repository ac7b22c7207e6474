//! What the systems that we import from write about an account.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use shared::domain::{DisplayName, EmailAddress, Timestamp, UserId};
use shared::foreign_hash::ForeignHash;
use shared::newcomer::Newcomer;

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
        let email = self.email.filter(|email| !email.is_empty()).ok_or("it has no email address")?;
        let email = EmailAddress::parse(&email).map_err(|error| format!("the email address: {error}"))?;
        let id = self.id.map(|id| id.parse::<UserId>().map_err(|_| "the id is no UUID")).transpose()?;
        let local = email.address().split('@').next().unwrap_or_default().to_owned();
        let name = self.name.filter(|name| !name.trim().is_empty()).unwrap_or(local);
        let name = DisplayName::parse(&name).map_err(|error| format!("the name: {error}"))?;
        let password = self.password_hash.filter(|hash| !hash.is_empty());
        let password =
            password.map(|hash| ForeignHash::parse(&hash)).transpose().map_err(|error| error.to_string())?.flatten();
        let created_at = self.created_at.map(|at| moment(&at)).transpose()?;
        let email_verified = self.email_verified;
        Ok(Newcomer { id, email, email_verified, name, password, is_active: !self.is_disabled, created_at })
    }
}

/// RFC 3339, also with a blank for the `T` and hours alone for an offset, as `PostgreSQL` writes it; without an offset it is UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}Z").parse());
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
        let Self { email, id, email_verified, name, password_hash, is_active, created_at } = self;
        let email = Some(email);
        Parts { id, email, email_verified, name, password_hash, is_disabled: !is_active, created_at }.newcomer()
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
        if let Some(column) = NOT_OF_THE_PLATFORM.iter().find(|column| self.others.contains_key(**column)) {
            return Err(format!(
                "the platform's table has no column {column}: name the system that the file is from, or write our own lines"
            ));
        }
        let Self { id, email, email_verified, name, password_hash, is_active, created_at, .. } = self;
        Parts { id, email, email_verified, name, password_hash, is_disabled: !is_active, created_at }.newcomer()
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
        let custom = self.custom_password_hash.map(|custom| match custom.hash.get("value") {
            Some(Value::String(hash)) => Ok(hash.clone()),
            _ => Err("custom_password_hash has no hash.value".to_owned()),
        });
        let Self { email, email_verified, name, blocked, created_at, .. } = self;
        let password_hash = self.password_hash.or(custom.transpose()?);
        Parts { id: None, email, email_verified, name, password_hash, is_disabled: blocked, created_at }.newcomer()
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
        let full = [self.given_name, self.family_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = self.name.filter(|name| !name.is_empty()).or(Some(full));
        let email_verified = self.email_verified.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Parts { email: self.email, email_verified, name, ..Parts::default() }.newcomer()
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
        let name = ["full_name", "name"].iter().find_map(|key| meta.get(key)?.as_str()).map(str::to_owned);
        // Whether the ban is over is not asked: an account is better opened by the operator than by a clock.
        let is_disabled = self.banned_until.is_some_and(|until| !until.is_empty());
        let email_verified = self.email_confirmed_at.is_some_and(|at| !at.is_empty());
        let (id, email, password_hash, created_at) = (self.id, self.email, self.encrypted_password, self.created_at);
        Parts { id, email, email_verified, name, password_hash, is_disabled, created_at }.newcomer()
    }
}

/// An element of `users` in a realm that Keycloak has exported.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keycloak {
    id: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default = "yes")]
    enabled: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    created_timestamp: Option<i64>,
    #[serde(default)]
    credentials: Vec<Credential>,
}

/// A password or a second factor; its members are JSON in a string.
#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "secretData")]
    secret: String,
    #[serde(default, rename = "credentialData")]
    parameters: String,
}

impl Credential {
    /// The hash as a PHC string.
    fn hash(&self) -> Result<String, String> {
        let unknown = || "the credential has no secretData and credentialData of Keycloak's form".to_owned();
        let secret: Value = serde_json::from_str(&self.secret).map_err(|_| unknown())?;
        let data: Value = serde_json::from_str(&self.parameters).map_err(|_| unknown())?;
        let text =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(unknown);
        // Numbers are strings in lists of one.
        let more = |name: &str| {
            let value = data.pointer(&format!("/additionalParameters/{name}/0"));
            value.and_then(Value::as_str).ok_or_else(unknown)
        };
        let passes = data.get("hashIterations").and_then(Value::as_u64).ok_or_else(unknown)?;
        let (salt, hash) = (text(&secret, "salt")?, text(&secret, "value")?);
        Ok(match text(&data, "algorithm")?.as_str() {
            "argon2" => {
                let costs = format!("m={},t={passes},p={}", more("memory")?, more("parallelism")?);
                let (salt, hash) = (salt.trim_end_matches('='), hash.trim_end_matches('='));
                format!("$argon2{}$v=19${costs}${salt}${hash}", more("type")?)
            }
            "pbkdf2" => format!("$pbkdf2-sha1$i={passes}${salt}${hash}"),
            other => format!("${other}$i={passes}${salt}${hash}"),
        })
    }
}

impl Keycloak {
    pub(super) fn newcomer(self) -> Result<Newcomer, String> {
        let name = [self.first_name, self.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let password = self.credentials.iter().find(|credential| credential.kind == "password");
        let created_at = self.created_timestamp.map(|millis| {
            jiff::Timestamp::from_millisecond(millis)
                .map(|at| at.to_string())
                .map_err(|_| "createdTimestamp is not a time")
        });
        Parts {
            id: self.id,
            email: self.email,
            email_verified: self.email_verified,
            name: Some(name),
            password_hash: password.map(Credential::hash).transpose()?,
            is_disabled: !self.enabled,
            created_at: created_at.transpose()?,
        }
        .newcomer()
    }
}
