//! What the route table is made of.

use http::Method;

use crate::routes::{Index, Rule, Table};

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// An access token (RFC 6750 section 2.1).
    Bearer,
    /// An access token, a refresh token in the body, or both.
    BearerOrToken,
    /// An access token of an admin whose password was proved in the last 15 minutes.
    Admin,
}

/// A secret in Secrets Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// The private halves of the signing keys.
    SigningRing,
    /// The key under which mailed tokens are made.
    MailKey,
    /// The key under which cursors are made.
    CursorKey,
}

/// What a function may do with the signing ring besides reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingRight {
    /// Nothing.
    None,
    /// Replace it, and have it rotated.
    Replace,
}

/// What a function may do with a table, as IAM actions without the service's prefix.
pub type Grant = (Table, &'static [&'static str]);

/// One endpoint.
#[derive(Debug)]
pub struct Route {
    /// The endpoint's name, and the name of its function unless `shared_function` names another one.
    pub function: &'static str,
    /// The function that serves this endpoint along with others that need no rights either.
    pub shared_function: Option<&'static str>,
    /// The HTTP method. GET answers HEAD as well.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Whether it takes a body. Where it takes none, one with members is refused.
    pub body: bool,
    /// What a caller must show.
    pub access: Access,
    /// The buckets that are charged before any work, in their order.
    pub limits: &'static [Rule],
    /// The buckets of the client that a refused token is charged to, before the refusal is recorded.
    pub refusal_limits: &'static [Rule],
    /// The action in the audit trail, where the endpoint leaves records.
    pub action: Option<&'static str>,
    /// Whether a success leaves exactly one audit record: it changes state, or shows somebody's account to an admin, or
    /// records.
    pub recorded: bool,
    /// What it does with the tables.
    pub grants: &'static [Grant],
    /// How many calls of the tables one request makes at once: so many connections are open when the first one comes.
    pub calls_at_once: usize,
    /// The indexes that it queries.
    pub indexes: &'static [Index],
    /// The secrets it reads.
    pub secrets: &'static [Secret],
    /// What else it does with the signing ring.
    pub ring: RingRight,
}

impl Route {
    /// The function's crate; in Pascal case with `Function` behind it the logical id in the template.
    #[must_use]
    pub fn program(&self) -> &'static str {
        self.shared_function.unwrap_or(self.function)
    }

    /// Whether `method` is one that this route answers.
    #[must_use]
    pub fn answers(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }

    /// Whether `path` is one of this route's.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut wanted = self.path.split('/');
        let mut given = path.split('/');
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(parameter), Some(value))
                    if parameter.starts_with('{') && !value.is_empty() => {}
                (Some(wanted), Some(given)) if wanted == given => {}
                _ => return false,
            }
        }
    }
}
