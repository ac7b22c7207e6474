//! The judge: what a call asks for against the policies, and a line for each call that is refused.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::ask::Ask;
use super::facts::Facts;
use super::policies::{Lack, Policies};
use crate::account::OPERATOR;

/// The file that says what a call needs.
const REQUESTS: &str = "infra/aws/src/iam/requests.rs";

/// A call that is not allowed. Its text is that of AWS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Nobody has this name.
    #[error("The security token included in the request is invalid.")]
    Unknown {
        /// The access key's id.
        caller: String,
    },
    /// It is not known what the call needs.
    #[error("User: {arn} is not authorized to perform: {operation}")]
    Unread {
        /// The access key's id.
        caller: String,
        /// The caller.
        arn: String,
        /// The operation.
        operation: String,
    },
    /// A policy lacks something, or denies it.
    #[error("User: {arn} is not authorized to perform: {} on resource: {} {}", .ask.action, .ask.resource, reason(*.lack, &.ask.action))]
    Lacks {
        /// The access key's id.
        caller: String,
        /// The caller.
        arn: String,
        /// What was asked for.
        ask: Ask,
        /// Why it is not allowed.
        lack: Lack,
    },
}

fn reason(lack: Lack, action: &str) -> String {
    match lack {
        Lack::NotInOwnPolicy => {
            format!("because no identity-based policy allows the {action} action")
        }
        Lack::NotInKeyPolicy => {
            format!("because no resource-based policy allows the {action} action")
        }
        Lack::Denied => "with an explicit deny".to_owned(),
    }
}

impl Denial {
    /// What a developer can do about it, with these policies.
    #[must_use]
    pub fn advice(&self, policies: &Policies) -> String {
        let (file, own_policy) = (policies.file, policies.own_policy);
        match self {
            Self::Unknown { caller } => {
                format!(
                    "{caller} is the access key of nobody: it has to be a function of {file}, or {OPERATOR}"
                )
            }
            Self::Unread {
                caller, operation, ..
            } => format!(
                "{caller} called {operation}, and {REQUESTS} does not know what that needs: add it there"
            ),
            Self::Lacks {
                caller,
                ask: Ask {
                    action, resource, ..
                },
                lack,
                ..
            } => match lack {
                Lack::NotInOwnPolicy => format!(
                    "{caller} may not do {action} on {resource}: allow it in {own_policy}, or do without it"
                ),
                Lack::NotInKeyPolicy => format!(
                    "{caller} may not do {action} on {resource}: the policy of the key in {file} names who may"
                ),
                Lack::Denied => {
                    format!(
                        "{caller} may not do {action} on {resource}: a statement in {file} denies it"
                    )
                }
            },
        }
    }
}

/// The policies in force, and what they have refused. All clones are one.
#[derive(Clone)]
pub struct Rights {
    policies: Arc<Policies>,
    refused: Arc<Mutex<Vec<String>>>,
}

/// Prints no policies.
impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights")
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

impl Rights {
    /// Judges by these policies.
    #[must_use]
    pub fn new(policies: Arc<Policies>) -> Self {
        Self {
            policies,
            refused: Arc::default(),
        }
    }

    /// The file in which the policies are written.
    #[must_use]
    pub fn file(&self) -> &'static str {
        self.policies.file
    }

    /// What a developer can do about a denial.
    #[must_use]
    pub fn advice(&self, denial: &Denial) -> String {
        denial.advice(&self.policies)
    }

    /// What is known of the resources that calls name.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.policies.facts
    }

    /// Whether a caller may do all that it asks for. With nothing known to ask for, only an operator may.
    ///
    /// # Errors
    /// The first that it may not; told in the log and kept in [`Self::take_refused`].
    pub fn judge(&self, caller: &str, operation: &str, asks: Option<&[Ask]>) -> Result<(), Denial> {
        let judged = self.evaluate(caller, operation, asks);
        if let Err(denial) = &judged {
            let advice = self.advice(denial);
            tracing::error!("a call to AWS was refused: {advice}");
            self.refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(advice);
        }
        judged
    }

    fn evaluate(&self, caller: &str, operation: &str, asks: Option<&[Ask]>) -> Result<(), Denial> {
        let arn = || self.policies.arn_of(caller).unwrap_or_default();
        if !self.policies.knows(caller) {
            return Err(Denial::Unknown {
                caller: caller.to_owned(),
            });
        }
        let Some(asks) = asks else {
            if caller == OPERATOR {
                return Ok(());
            }
            let (caller, operation) = (caller.to_owned(), operation.to_owned());
            return Err(Denial::Unread {
                arn: arn(),
                caller,
                operation,
            });
        };
        for ask in asks {
            self.policies
                .evaluate(caller, ask)
                .map_err(|lack| Denial::Lacks {
                    caller: caller.to_owned(),
                    arn: arn(),
                    ask: ask.clone(),
                    lack,
                })?;
        }
        Ok(())
    }

    /// Checks what Lambda and Pipes do in the name of roles: read streams, take messages from queues, and put them there.
    ///
    /// # Errors
    /// The first that a role may not: AWS would not make the mapping or the pipe.
    pub fn judge_sources(&self) -> Result<(), Denial> {
        let mut sources = self.policies.asked.iter();
        sources.try_for_each(|(role, ask)| {
            self.judge(role, &ask.action, Some(std::slice::from_ref(ask)))
        })
    }

    /// What was refused since the last time, each with what can be done about it.
    pub fn take_refused(&self) -> Vec<String> {
        std::mem::take(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
