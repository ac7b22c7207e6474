//! The template's references as the names and ARNs that resources have in the local run.
//!
//! A table or secret is called as the settings say; whatever has no counterpart here is called by its logical id. The
//! random ends of secrets' ARNs are left out.

use local_aws::account::{ACCOUNT, REGION, arn, role_arn};
use serde_json::{Map, Value};

use crate::names::{BUCKET, Names};
use crate::template::TemplateError;
use crate::template::reading::{crate_name, missing, text};

/// A template whose references can be followed.
#[derive(Clone, Copy)]
pub struct Stack<'a> {
    document: &'a Value,
    names: Names<'a>,
}

impl<'a> Stack<'a> {
    /// The stack that the template would make under these names.
    #[must_use]
    pub const fn new(document: &'a Value, names: Names<'a>) -> Self {
        Self { document, names }
    }

    /// The template.
    #[must_use]
    pub const fn document(&self) -> &'a Value {
        self.document
    }

    /// All resources of a type, with their logical ids.
    pub fn of_type(self, wanted: &'static str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let resources = self
            .document
            .get("Resources")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        resources.filter(move |(_, resource)| {
            resource.get("Type").and_then(Value::as_str) == Some(wanted)
        })
    }

    /// A value without references.
    ///
    /// # Errors
    /// [`TemplateError`] for a reference to nothing, and for a function that is not followed here.
    pub fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(members) => match intrinsic(members) {
                Some((function, argument)) => self.call(function, argument),
                None => members
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), self.resolve(member)?)))
                    .collect(),
            },
            plain => Ok(plain.clone()),
        }
    }

    /// A value that is a text once its references are followed.
    pub fn text(&self, value: &Value) -> Result<String, TemplateError> {
        match self.resolve(value)? {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(unsupported("a text", &other.to_string())),
        }
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Value, TemplateError> {
        let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (function, parts) {
            ("Ref", _) => self.reference(argument.as_str().unwrap_or_default()),
            ("Fn::GetAtt", [id, attribute]) => {
                let (id, attribute) = (
                    id.as_str().unwrap_or_default(),
                    attribute.as_str().unwrap_or_default(),
                );
                self.attribute(id, attribute).map(Value::from)
            }
            ("Fn::Sub", [text, own]) => self.substitute(text, own.as_object()),
            ("Fn::Sub", _) => self.substitute(argument, None),
            ("Fn::If", [condition, yes, no]) => {
                let holds = self.condition(condition.as_str().unwrap_or_default())?;
                self.resolve(if holds { yes } else { no })
            }
            ("Fn::Select", [index, list]) => {
                let place = index.as_u64().and_then(|index| usize::try_from(index).ok());
                let list = self.resolve(list)?;
                let found = place.and_then(|place| list.get(place).cloned());
                found.ok_or_else(|| unsupported("Fn::Select", &argument.to_string()))
            }
            ("Fn::Split", [separator, whole]) => {
                let (separator, whole) = (self.text(separator)?, self.text(whole)?);
                Ok(whole.split(separator.as_str()).map(Value::from).collect())
            }
            _ => Err(unsupported(function, &argument.to_string())),
        }
    }

    fn reference(&self, id: &str) -> Result<Value, TemplateError> {
        let pseudo = match id {
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::Region" => REGION,
            "AWS::StackName" => "dashtam-local",
            "AWS::URLSuffix" => "amazonaws.com",
            "MailFrom" => self.names.sender,
            _ => "",
        };
        if !pseudo.is_empty() {
            return Ok(pseudo.into());
        }
        if let Some(parameter) = self.document.pointer(&format!("/Parameters/{id}")) {
            return parameter
                .get("Default")
                .cloned()
                .ok_or_else(|| missing(id, "Default"));
        }
        let resource = self.resource(id)?;
        match kind(resource) {
            "AWS::DynamoDB::Table" => self.table(id, resource).map(Value::from),
            "AWS::SecretsManager::Secret" => self.attribute(id, "Id").map(Value::from),
            "AWS::S3::Bucket" => Ok(BUCKET.into()),
            "AWS::SES::ConfigurationSet" => self.resolve(
                resource
                    .pointer("/Properties/Name")
                    .ok_or_else(|| missing(id, "Properties/Name"))?,
            ),
            _ => Ok(id.into()),
        }
    }

    /// The attribute of a resource; of all of them only what names it in a policy.
    fn attribute(&self, id: &str, attribute: &str) -> Result<String, TemplateError> {
        // The role that the transform makes for a function without one of its own.
        let function = id
            .strip_suffix("Role")
            .filter(|function| function.ends_with("Function"));
        let resource = self.resource(function.unwrap_or(id))?;
        match (kind(resource), attribute) {
            ("AWS::Serverless::Function", "Arn") if function.is_some() => Ok(role_arn(id)),
            ("AWS::Serverless::Function", "Arn") => {
                Ok(arn("lambda", &format!("function:{}", crate_name(id)?)))
            }
            ("AWS::IAM::Role", "Arn") => Ok(role_arn(id)),
            ("AWS::DynamoDB::Table", "Arn") => Ok(arn(
                "dynamodb",
                &format!("table/{}", self.table(id, resource)?),
            )),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                Ok(format!("{}/stream/local", self.attribute(id, "Arn")?))
            }
            ("AWS::SecretsManager::Secret", "Id") => {
                let suffix = suffix(id, resource, "Name", "${AWS::StackName}/")?;
                Ok(arn(
                    "secretsmanager",
                    &format!("secret:{}{suffix}", self.names.secret_prefix),
                ))
            }
            ("AWS::KMS::Key", "Arn") => Ok(arn("kms", &format!("key/{id}"))),
            ("AWS::SQS::Queue", "Arn") => Ok(arn("sqs", id)),
            ("AWS::S3::Bucket", "Arn") => Ok(format!("arn:aws:s3:::{BUCKET}")),
            (kind, _) => Err(unsupported(&format!("{attribute} of {kind}"), id)),
        }
    }

    fn table(&self, id: &str, resource: &Value) -> Result<String, TemplateError> {
        Ok(format!(
            "{}{}",
            self.names.table_prefix,
            suffix(id, resource, "TableName", "${AWS::StackName}-")?
        ))
    }

    /// The resource with this logical id.
    ///
    /// # Errors
    /// [`TemplateError`] if there is none.
    pub fn resource(&self, id: &str) -> Result<&'a Value, TemplateError> {
        self.document
            .pointer(&format!("/Resources/{id}"))
            .ok_or_else(|| missing("Resources", id))
    }

    fn substitute(
        &self,
        text: &Value,
        own: Option<&Map<String, Value>>,
    ) -> Result<Value, TemplateError> {
        let mut rest = text
            .as_str()
            .ok_or_else(|| unsupported("Fn::Sub", &text.to_string()))?;
        let mut whole = String::new();
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, after) = behind
                .split_once('}')
                .ok_or_else(|| unsupported("Fn::Sub", rest))?;
            whole.push_str(before);
            let value = match (own.and_then(|own| own.get(name)), name.split_once('.')) {
                (Some(value), _) => self.text(value)?,
                (None, Some((id, attribute))) => self.attribute(id, attribute)?,
                (None, None) => self.text(&self.reference(name)?)?,
            };
            whole.push_str(&value);
            rest = after;
        }
        whole.push_str(rest);
        Ok(whole.into())
    }

    fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        let condition = self.document.pointer(&format!("/Conditions/{name}"));
        self.holds(condition.ok_or_else(|| missing("Conditions", name))?)
    }

    fn holds(&self, condition: &Value) -> Result<bool, TemplateError> {
        let Some((function, argument)) = condition.as_object().and_then(intrinsic) else {
            return Err(unsupported("a condition", &condition.to_string()));
        };
        let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (function, parts) {
            ("Fn::Equals", [one, other]) => Ok(self.text(one)? == self.text(other)?),
            ("Fn::Not", [part]) => Ok(!self.holds(part)?),
            ("Fn::And", parts) => parts
                .iter()
                .try_fold(true, |all, part| Ok(all & self.holds(part)?)),
            ("Fn::Or", parts) => parts
                .iter()
                .try_fold(false, |any, part| Ok(any | self.holds(part)?)),
            ("Condition", _) => self.condition(argument.as_str().unwrap_or_default()),
            _ => Err(unsupported(function, &argument.to_string())),
        }
    }
}

fn kind(resource: &Value) -> &str {
    resource
        .get("Type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What stands behind the stack's name in the name of a resource.
fn suffix<'a>(
    id: &str,
    resource: &'a Value,
    property: &str,
    prefix: &str,
) -> Result<&'a str, TemplateError> {
    let name = text(resource, id, &format!("/Properties/{property}/Fn::Sub"))?;
    name.strip_prefix(prefix)
        .ok_or_else(|| missing(id, &format!("{property} that begins with {prefix}")))
}

/// The only member of an object, if it is a function of the template's language.
fn intrinsic(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next().filter(|_| members.len() == 1)?;
    let is_function =
        name == "Ref" || name == "Condition" && argument.is_string() || name.starts_with("Fn::");
    is_function.then_some((name.as_str(), argument))
}

/// The error for a part of the template's language that is not followed here.
pub(super) fn unsupported(what: &str, part: &str) -> TemplateError {
    TemplateError::Unsupported {
        place: format!("{what} in a policy"),
        part: part.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cloudformation;

    pub(in crate::policies) const NAMES: Names<'static> = Names {
        table_prefix: "t-",
        secret_prefix: "s/",
        sender: "no-reply@dashtam.example",
    };

    const TEMPLATE: &str = "
Parameters:
  Kind: { Type: String, Default: domain }
  Bare: { Type: String }
Conditions:
  IsDomain: !Equals [!Ref Kind, domain]
  IsNot: !Not [!Condition IsDomain]
Resources:
  UsersTable: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Sub '${AWS::StackName}-users' } }
  MailKey: { Type: AWS::SecretsManager::Secret, Properties: { Name: !Sub '${AWS::StackName}/mail-key' } }
  AuthLoginFunction: { Type: AWS::Serverless::Function }
  Topic: { Type: AWS::SNS::Topic }
";

    fn resolved(text: &str) -> Result<String, TemplateError> {
        let document = cloudformation::parse(TEMPLATE).unwrap();
        let value = cloudformation::parse(text).unwrap();
        Stack::new(&document, NAMES).text(&value)
    }

    #[test]
    fn references_become_the_names_of_the_local_run() {
        for (text, wanted) in [
            (
                "!GetAtt UsersTable.Arn",
                "arn:aws:dynamodb:us-east-1:000000000000:table/t-users",
            ),
            (
                "!Sub '${UsersTable.Arn}/index/a'",
                "arn:aws:dynamodb:us-east-1:000000000000:table/t-users/index/a",
            ),
            (
                "!Ref MailKey",
                "arn:aws:secretsmanager:us-east-1:000000000000:secret:s/mail-key",
            ),
            (
                "!GetAtt AuthLoginFunction.Arn",
                "arn:aws:lambda:us-east-1:000000000000:function:auth-login",
            ),
            (
                "!GetAtt AuthLoginFunctionRole.Arn",
                "arn:aws:iam::000000000000:role/AuthLoginFunctionRole",
            ),
            (
                "!If [IsDomain, !Select [1, !Split ['@', !Ref MailFrom]], x]",
                "dashtam.example",
            ),
            (
                "!If [IsNot, x, !Sub ['${A}-${AWS::Region}', { A: !Ref Kind }]]",
                "domain-us-east-1",
            ),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_an_error_that_names_it() {
        for (text, wanted) in [
            ("!Ref Nothing", "Nothing"),
            ("!Ref Bare", "Bare"),
            ("!GetAtt Topic.TopicName", "TopicName of AWS::SNS::Topic"),
            ("!ImportValue x", "Fn::ImportValue"),
            ("!If [Unheard, a, b]", "Unheard"),
            ("!Sub 'a${b'", "Fn::Sub"),
        ] {
            let error = resolved(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
