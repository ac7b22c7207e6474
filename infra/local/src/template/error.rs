//! A template that cannot be used.

use local_aws::iam::PolicyError;
use thiserror::Error;

use crate::cloudformation::YamlError;

/// Why the template cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// The text cannot be read.
    #[error("template.yaml cannot be read: {0}")]
    Yaml(#[from] YamlError),
    /// A part is missing, or not of the kind it must be.
    #[error("template.yaml: {place} has no usable {part}")]
    Missing {
        /// The logical id of the resource, or the section.
        place: String,
        /// The path of the part inside it.
        part: String,
    },
    /// A part that the local run does not know how to follow.
    #[error("template.yaml: {place}: the local run does not support {part}")]
    Unsupported {
        /// The logical id of the resource.
        place: String,
        /// What stands there.
        part: String,
    },
}

impl From<PolicyError> for TemplateError {
    fn from(PolicyError { place, part }: PolicyError) -> Self {
        Self::Unsupported { place, part }
    }
}
