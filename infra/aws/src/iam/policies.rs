//! All policies, and which of their parts have been of use.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::ask::Ask;
use super::error::PolicyError;
use super::facts::Facts;
use super::role::{Allowance, Grant, Role, grant, name_roles};
use super::statement::{self, Effect, Statement};
use crate::account::{ACCOUNT, OPERATOR};

/// A role, and the policy documents that are written in it, without references.
#[derive(Debug)]
pub struct RoleSource {
    /// The access key's id that calls in its name have.
    pub caller: String,
    /// Its ARN.
    pub arn: String,
    /// Where the documents are written, for errors.
    pub place: String,
    /// The documents.
    pub documents: Vec<Value>,
}

/// The policy document of a key or a bucket, without references.
#[derive(Debug)]
pub struct ResourceSource {
    /// The ARN of the key or the bucket.
    pub arn: String,
    /// A key's policy decides alone, unless it hands the decision over to the callers' own policies.
    pub is_key: bool,
    /// Where the document is written, for errors.
    pub place: String,
    /// The document.
    pub document: Value,
}

/// What policies are read from.
#[derive(Debug, Default)]
pub struct PolicySources {
    /// The roles.
    pub roles: Vec<RoleSource>,
    /// The resources that have a policy of their own.
    pub resources: Vec<ResourceSource>,
    /// What is known of resources.
    pub facts: Facts,
    /// What services ask for in the name of roles, without a call of theirs.
    pub asked: Vec<(String, Ask)>,
    /// The file in which all of it is written, for advice.
    pub file: &'static str,
    /// Where a developer gives a right to a caller, for advice.
    pub own_policy: &'static str,
}

/// The policy of a resource, without what it gives to roles by name.
struct ResourcePolicy {
    arn: String,
    /// A key's policy decides alone, unless it hands the decision over to the callers' own policies.
    is_key: bool,
    statements: Vec<Statement>,
}

/// Told of each allowance that is used, the first time.
type Observer = Box<dyn Fn(&Allowance) + Send + Sync>;

/// The policies in force.
pub struct Policies {
    roles: BTreeMap<String, Role>,
    resources: Vec<ResourcePolicy>,
    observer: Option<Observer>,
    pub(super) facts: Facts,
    pub(super) asked: Vec<(String, Ask)>,
    pub(super) file: &'static str,
    pub(super) own_policy: &'static str,
}

/// Why a call is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Nothing allows it.
    NotInOwnPolicy,
    /// The key's policy neither allows it nor leaves it to the caller's own policy.
    NotInKeyPolicy,
    /// A statement denies it.
    Denied,
}

impl Policies {
    /// Reads the policies.
    ///
    /// # Errors
    /// [`PolicyError`] for one with a part that is not evaluated here.
    pub fn read(sources: PolicySources) -> Result<Self, PolicyError> {
        let mut roles = BTreeMap::new();
        for source in sources.roles {
            let role = Role::read(&source.caller, source.arn, &source.place, &source.documents)?;
            roles.insert(source.caller, role);
        }
        let mut resources = Vec::new();
        for source in sources.resources {
            let statements = statement::statements(&source.place, &source.document)?;
            resources.push(ResourcePolicy {
                statements: name_roles(&mut roles, &source.arn, statements),
                is_key: source.is_key,
                arn: source.arn,
            });
        }
        Ok(Self {
            roles,
            resources,
            observer: None,
            facts: sources.facts,
            asked: sources.asked,
            file: sources.file,
            own_policy: sources.own_policy,
        })
    }

    /// The same policies, which tell `observer` of each allowance when it is used for the first time.
    #[must_use]
    pub fn observed_by(mut self, observer: impl Fn(&Allowance) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Everything that is allowed.
    pub fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        self.roles
            .values()
            .flat_map(|role| role.own.iter().chain(&role.by_name))
            .map(|grant| &grant.allowance)
    }

    /// The caller's ARN; none for a name that nobody has.
    #[must_use]
    pub fn arn_of(&self, caller: &str) -> Option<String> {
        if caller == OPERATOR {
            return Some(format!("arn:aws:iam::{ACCOUNT}:user/{OPERATOR}"));
        }
        let role = self.roles.get(caller)?;
        let name = role.arn.rsplit('/').next().unwrap_or_default();
        Some(format!(
            "arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{caller}"
        ))
    }

    /// Whether there is a caller of this name.
    #[must_use]
    pub fn knows(&self, caller: &str) -> bool {
        caller == OPERATOR || self.roles.contains_key(caller)
    }

    /// Whether a caller may do what it asks for.
    ///
    /// # Errors
    /// What it lacks.
    pub fn evaluate(&self, caller: &str, ask: &Ask) -> Result<(), Lack> {
        let role = self.roles.get(caller);
        let arn = role.map(|role| role.arn.as_str()).unwrap_or_default();
        let of_resource = || {
            self.resources
                .iter()
                .filter(|policy| policy.is_about(&ask.resource))
        };
        let covers =
            |statement: &&Statement| statement.covers(&ask.action, &ask.resource, &ask.context);
        let stated = || {
            of_resource()
                .flat_map(|policy| &policy.statements)
                .filter(covers)
        };
        let denied_here = stated().any(|found| found.effect == Effect::Deny && found.concerns(arn));
        if denied_here || role.is_some_and(|role| role.denied.iter().any(|denied| covers(&denied)))
        {
            return Err(Lack::Denied);
        }
        let by_name = role.and_then(|role| grant(&role.by_name, ask));
        if let Some(grant) = by_name {
            self.note(grant);
            return Ok(());
        }
        if stated().any(|found| found.effect == Effect::Allow && found.concerns(arn)) {
            return Ok(());
        }
        let leaves_it_to_us =
            stated().any(|found| found.effect == Effect::Allow && found.concerns_the_account());
        if of_resource().any(|policy| policy.is_key) && !leaves_it_to_us {
            return Err(Lack::NotInKeyPolicy);
        }
        if caller == OPERATOR {
            return Ok(());
        }
        let own = role
            .and_then(|role| grant(&role.own, ask))
            .ok_or(Lack::NotInOwnPolicy)?;
        self.note(own);
        Ok(())
    }

    fn note(&self, grant: &Grant) {
        if !grant.used.swap(true, Ordering::Relaxed)
            && let Some(observer) = &self.observer
        {
            observer(&grant.allowance);
        }
    }
}

impl ResourcePolicy {
    fn is_about(&self, resource: &str) -> bool {
        let rest = resource.strip_prefix(self.arn.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
