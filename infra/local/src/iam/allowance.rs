//! All policies of the template, and which of their parts have been of use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::ask::Ask;
use super::condition::Condition;
use super::intrinsic::{Names, Stack, role_arn};
use super::policy::{self, Effect, Statement};
use super::requests::Facts;
use super::sources;
use super::{ACCOUNT, OPERATOR};
use crate::template::{TemplateError, crate_name, missing, text};

/// One action on one resource that a policy gives to a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance {
    /// Who has it: a function's crate, or the logical id of another role.
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
struct Grant {
    allowance: Allowance,
    conditions: Vec<Condition>,
    used: AtomicBool,
}

/// What a caller is given and denied by its own policy, and given by name in the policy of a resource.
#[derive(Default)]
struct Role {
    arn: String,
    own: Vec<Grant>,
    by_name: Vec<Grant>,
    denied: Vec<Statement>,
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

/// The policies of a template.
pub struct Policies {
    roles: BTreeMap<String, Role>,
    resources: Vec<ResourcePolicy>,
    observer: Option<Observer>,
    pub(super) facts: Facts,
    /// What services ask for in the name of roles, without a call of theirs.
    pub(super) sources: Vec<(String, Ask)>,
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
    /// Reads the policies of all functions, and of the roles, keys and buckets that calls meet.
    ///
    /// # Errors
    /// [`TemplateError`] for a policy with a part that is not evaluated here.
    pub fn read(document: &Value, names: Names<'_>) -> Result<Self, TemplateError> {
        let stack = Stack::new(document, names);
        policy::refuse_globals(document)?;
        let mut roles = BTreeMap::new();
        for (id, function) in stack.of_type("AWS::Serverless::Function") {
            let caller = crate_name(id)?;
            let role = own_policy(stack, id, function, &caller, role_arn(&format!("{id}Role")))?;
            roles.insert(caller, role);
        }
        for id in sources::pipe_roles(stack)? {
            let place = format!("/Resources/{id}");
            let resource = document
                .pointer(&place)
                .ok_or_else(|| missing("Resources", &id))?;
            roles.insert(
                id.clone(),
                own_policy(stack, &id, resource, &id, role_arn(&id))?,
            );
        }
        let mut resources = Vec::new();
        for (id, key) in stack.of_type("AWS::KMS::Key") {
            let policy = key
                .pointer("/Properties/KeyPolicy")
                .ok_or_else(|| missing(id, "Properties/KeyPolicy"))?;
            let arn = stack.text(&serde_json::json!({ "Fn::GetAtt": [id, "Arn"] }))?;
            let statements = policy::statements(stack, id, policy)?;
            resources.push(ResourcePolicy {
                statements: name_roles(&mut roles, &arn, statements),
                is_key: true,
                arn,
            });
        }
        for (id, policy) in stack.of_type("AWS::S3::BucketPolicy") {
            let bucket = text(policy, id, "/Properties/Bucket/Ref")?;
            let arn = stack.text(&serde_json::json!({ "Fn::GetAtt": [bucket, "Arn"] }))?;
            let document = policy.pointer("/Properties/PolicyDocument");
            let document = document.ok_or_else(|| missing(id, "Properties/PolicyDocument"))?;
            let statements = policy::statements(stack, id, document)?;
            resources.push(ResourcePolicy {
                statements: name_roles(&mut roles, &arn, statements),
                is_key: false,
                arn,
            });
        }
        Ok(Self {
            roles,
            resources,
            observer: None,
            facts: Facts::read(stack)?,
            sources: sources::asked(stack)?,
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

impl Statement {
    /// Whether the statement of a resource is about everybody or this role.
    fn concerns(&self, arn: &str) -> bool {
        self.principals
            .iter()
            .any(|principal| principal == "*" || principal == arn)
    }

    /// Whether it is about the account: then it only lets the callers' own policies decide.
    fn concerns_the_account(&self) -> bool {
        self.principals
            .iter()
            .any(|principal| *principal == format!("arn:aws:iam::{ACCOUNT}:root"))
    }
}

fn grant<'a>(grants: &'a [Grant], ask: &Ask) -> Option<&'a Grant> {
    grants.iter().find(|grant| {
        policy::action_matches(&grant.allowance.action, &ask.action)
            && policy::matches(&grant.allowance.resource, &ask.resource)
            && grant
                .conditions
                .iter()
                .all(|condition| condition.is_met(&ask.context))
    })
}

/// The policies that stand in a function or role, which must be inline: others cannot be read here.
fn own_policy(
    stack: Stack<'_>,
    id: &str,
    resource: &Value,
    caller: &str,
    arn: String,
) -> Result<Role, TemplateError> {
    let properties = &resource["Properties"];
    for part in ["ManagedPolicyArns", "PermissionsBoundary", "Role"] {
        if properties.get(part).is_some() {
            return Err(TemplateError::Unsupported {
                place: id.to_owned(),
                part: part.to_owned(),
            });
        }
    }
    let policies = match properties.get("Policies") {
        None => Vec::new(),
        Some(Value::Array(policies)) => policies.clone(),
        Some(one) => vec![one.clone()],
    };
    let mut role = Role {
        arn,
        ..Role::default()
    };
    for policy in &policies {
        let document = policy.get("PolicyDocument").unwrap_or(policy);
        for statement in policy::statements(stack, id, document)? {
            match statement.effect {
                Effect::Allow => role
                    .own
                    .extend(grants(caller, &statement, &statement.resources)),
                Effect::Deny => role.denied.push(statement),
            }
        }
    }
    Ok(role)
}

/// Gives roles what statements of a resource give them by name; the statements that are left.
fn name_roles(
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
