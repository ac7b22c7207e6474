//! A role, and what is given to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::ask::Ask;
use super::condition::Condition;
use super::error::PolicyError;
use super::statement::{self, Effect, Statement};

/// One action on one resource that a policy gives to a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance {
    /// Who has it.
    pub caller: String,
    /// The action.
    pub action: String,
    /// The resource's ARN; may end in a wildcard.
    pub resource: String,
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.caller, self.action, self.resource)
    }
}

/// An allowance, with what has to be met and whether a call has ever needed it.
pub(super) struct Grant {
    pub(super) allowance: Allowance,
    pub(super) conditions: Vec<Condition>,
    pub(super) used: AtomicBool,
}

/// What a caller is given and denied by its own policy, and given by name in the policy of a resource.
#[derive(Default)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) own: Vec<Grant>,
    pub(super) by_name: Vec<Grant>,
    pub(super) denied: Vec<Statement>,
}

impl Role {
    /// A role with these policies of its own, which belong to `place`.
    pub(super) fn read(
        caller: &str,
        arn: String,
        place: &str,
        policies: &[Value],
    ) -> Result<Self, PolicyError> {
        let mut role = Self {
            arn,
            ..Self::default()
        };
        for policy in policies {
            for statement in statement::statements(place, policy)? {
                match statement.effect {
                    Effect::Allow => {
                        role.own
                            .extend(grants(caller, &statement, &statement.resources));
                    }
                    Effect::Deny => role.denied.push(statement),
                }
            }
        }
        Ok(role)
    }
}

/// The first of `grants` that allows what is asked for.
pub(super) fn grant<'a>(grants: &'a [Grant], ask: &Ask) -> Option<&'a Grant> {
    grants.iter().find(|grant| {
        statement::action_matches(&grant.allowance.action, &ask.action)
            && statement::matches(&grant.allowance.resource, &ask.resource)
            && grant
                .conditions
                .iter()
                .all(|condition| condition.is_met(&ask.context))
    })
}

/// Gives roles what statements of a resource give them by name; the statements that are left.
pub(super) fn name_roles(
    roles: &mut BTreeMap<String, Role>,
    arn: &str,
    statements: Vec<Statement>,
) -> Vec<Statement> {
    let mut left = Vec::new();
    for statement in statements {
        let named = roles
            .iter_mut()
            .find(|(_, role)| statement.principals == [role.arn.as_str()]);
        match named.filter(|_| statement.effect == Effect::Allow) {
            Some((caller, role)) => {
                role.by_name
                    .extend(grants(caller, &statement, &[arn.to_owned()]));
            }
            None => left.push(statement),
        }
    }
    left
}

fn grants(caller: &str, statement: &Statement, resources: &[String]) -> Vec<Grant> {
    let pairs = resources.iter().flat_map(|resource| {
        statement
            .actions
            .iter()
            .map(move |action| (action, resource))
    });
    let grant = |(action, resource): (&String, &String)| Grant {
        allowance: Allowance {
            caller: caller.to_owned(),
            action: action.clone(),
            resource: resource.clone(),
        },
        conditions: statement.conditions.clone(),
        used: AtomicBool::new(false),
    };
    pairs.map(grant).collect()
}
