//! What the local run takes from `template.yaml`: routes, throttling, gateway responses, tables and rotations.
//!
//! The template is the deployment's truth. Reading it here, instead of keeping a second list, is what makes the
//! local run show a route that was forgotten there. The guard tests read it through the same types.
//!
//! The text is embedded when the program is built. Whatever a part of it needs and lacks is an error that names
//! the resource, so a broken template never becomes a service with a route less.

pub mod error;
pub mod reading;
pub mod responses;
pub mod rotations;
pub mod routes;
#[cfg(test)]
pub(crate) mod sample;
pub mod secrets;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod throttles;

use std::collections::BTreeMap;

use local_aws::dynamodb::TableDefinition;
use local_aws::secrets_manager::SecretDefinition;
use serde_json::Value;

pub use self::error::TemplateError;
use self::reading::{crate_name, missing, object};
pub use self::responses::{GatewayResponse, GatewayResponses};
pub use self::rotations::TemplateRotation;
pub use self::routes::{ANY, TemplateRoute};
pub use self::throttles::{Throttle, Throttles};
use crate::cloudformation;

/// The workspace's template, as it was when this program was built.
pub const SOURCE: &str = include_str!("../../../../template.yaml");

/// The parts of the template that the local run follows.
#[derive(Debug, Clone)]
pub struct Template {
    /// Every function's crate, consumers included, in alphabetical order.
    pub functions: Vec<String>,
    /// Every route of the API, ordered by function.
    pub routes: Vec<TemplateRoute>,
    /// The API's throttling.
    pub throttles: Throttles,
    /// What the gateway answers by itself.
    pub responses: GatewayResponses,
    /// Every table, ordered by name.
    pub tables: Vec<TableDefinition>,
    /// Every secret.
    pub secrets: Vec<SecretDefinition>,
    /// Every rotation, ordered by the secret's name.
    pub rotations: Vec<TemplateRotation>,
    /// The whole of it.
    pub document: Value,
}

impl Template {
    /// The embedded template.
    ///
    /// # Errors
    /// See [`Template::parse`].
    pub fn embedded() -> Result<Self, TemplateError> {
        Self::parse(SOURCE)
    }

    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] names the first part that is missing or that the local run cannot follow.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document = cloudformation::parse(text)?;
        let resources = object(&document, "the document", "Resources")?;
        let of_type = |wanted: &'static str| {
            resources.iter().filter(move |(_, resource)| {
                resource.pointer("/Type").and_then(Value::as_str) == Some(wanted)
            })
        };
        let mut functions = BTreeMap::new();
        for (id, resource) in of_type("AWS::Serverless::Function") {
            routes::no_events(id, resource)?;
            functions.insert(crate_name(id)?, resource);
        }
        let mut tables = of_type("AWS::DynamoDB::Table")
            .map(|(id, table)| tables::read(id, table))
            .collect::<Result<Vec<_>, _>>()?;
        tables.sort_by(|one, other| one.suffix.cmp(&other.suffix));
        let secrets = of_type("AWS::SecretsManager::Secret");
        let secrets = secrets
            .map(|(id, secret)| secrets::read(id, secret))
            .collect::<Result<_, _>>()?;
        let mut rotations = of_type("AWS::SecretsManager::RotationSchedule")
            .map(|(id, schedule)| rotations::read(id, schedule, &document))
            .collect::<Result<Vec<_>, _>>()?;
        rotations.sort_by(|one, other| one.secret.cmp(&other.secret));
        let (api_id, api) = of_type("AWS::Serverless::Api")
            .next()
            .ok_or_else(|| missing("Resources", "AWS::Serverless::Api"))?;
        let mut routes = routes::routes(api_id, api, &functions)?;
        routes.sort();
        Ok(Self {
            functions: functions.into_keys().collect(),
            routes,
            throttles: Throttles::read(api_id, api, &document)?,
            responses: GatewayResponses::read(api_id, api)?,
            tables,
            secrets,
            rotations,
            document,
        })
    }
}
