//! The gateway's throttling, as the API's `MethodSettings` say it.

use serde_json::Value;

use super::error::TemplateError;
use super::reading::{list, missing, text};

/// A token bucket's measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Requests a second, in the long run.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// The stage's throttling.
#[derive(Debug, Clone, PartialEq)]
pub struct Throttles {
    /// What holds for each method without a setting of its own.
    pub stage: Throttle,
    /// Method (or `*`), path (or `/*`) and what holds there.
    pub methods: Vec<(String, String, Throttle)>,
}

impl Throttles {
    /// Reads the API's `MethodSettings`. Settings without both limits are about something else.
    pub(crate) fn read(id: &str, api: &Value, document: &Value) -> Result<Self, TemplateError> {
        let mut stage = None;
        let mut methods = Vec::new();
        for setting in list(api, id, "/Properties/MethodSettings")? {
            let path = setting_path(text(setting, id, "/ResourcePath")?);
            let method = text(setting, id, "/HttpMethod")?.to_ascii_uppercase();
            let measure = |part: &str| {
                setting
                    .get(part)
                    .map(|value| {
                        number(value, document).ok_or_else(|| {
                            missing(id, &format!("MethodSettings {method} {path} {part}"))
                        })
                    })
                    .transpose()
            };
            let (Some(rate), Some(burst)) = (
                measure("ThrottlingRateLimit")?,
                measure("ThrottlingBurstLimit")?,
            ) else {
                continue;
            };
            let throttle = Throttle { rate, burst };
            if (method.as_str(), path.as_str()) == ("*", "/*") {
                stage = Some(throttle);
            } else {
                methods.push((method, path, throttle));
            }
        }
        Ok(Self {
            stage: stage
                .ok_or_else(|| missing(id, "MethodSettings for /* with both throttling limits"))?,
            methods,
        })
    }

    /// What holds for one method of one path: its own setting, or the stage's.
    #[must_use]
    pub fn of(&self, method: &str, path: &str) -> Throttle {
        let own = |wanted: &str| {
            self.methods
                .iter()
                .find(|(of, at, _)| of == wanted && at == path)
        };
        own(method)
            .or_else(|| own("*"))
            .map_or(self.stage, |(_, _, throttle)| *throttle)
    }
}

/// `MethodSettings` writes a path's slashes as `~1` behind the first one (`AWS::ApiGateway::Stage MethodSetting`);
/// SAM hands it on as it is.
fn setting_path(written: &str) -> String {
    if written.contains("~1") {
        written.trim_start_matches('/').replace("~1", "/")
    } else {
        written.to_owned()
    }
}

/// A number, or the default of the parameter that stands for it.
fn number(value: &Value, document: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Object(_) => {
            let parameter = value.get("Ref")?.as_str()?;
            let default = document.get("Parameters")?.get(parameter)?.get("Default")?;
            if default.is_object() {
                None
            } else {
                number(default, document)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::sample::sample;

    #[test]
    fn throttling_is_the_methods_own_or_the_stages() {
        let throttles = sample().throttles;
        assert_eq!(
            throttles.of("POST", "/auth/login"),
            Throttle {
                rate: 2.0,
                burst: 4.0
            }
        );
        assert_eq!(
            throttles.of("ANY", "/auth/login"),
            Throttle {
                rate: 100.0,
                burst: 200.0
            }
        );
        assert_eq!(
            throttles.of("GET", "/"),
            Throttle {
                rate: 100.0,
                burst: 200.0
            }
        );
    }
}
