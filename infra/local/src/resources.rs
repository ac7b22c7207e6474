//! The API's resources: which method of which path a request is for.
//!
//! The rules are a REST API's. Segment by segment a literal wins over a `{parameter}`, and both over
//! `{proxy+}`, which takes one or more segments. The path alone chooses the resource; then its method is
//! looked up, `ANY` last. A resource without the method is no route, even when a wider path has one.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use crate::template::{ANY, Template, TemplateRoute};
use crate::token_bucket::TokenBucket;

/// One path of the API.
#[derive(Debug)]
pub struct Resource {
    /// The path as the template writes it.
    pub path: Arc<str>,
    methods: Vec<ResourceMethod>,
}

/// One method of a resource.
#[derive(Debug)]
pub struct ResourceMethod {
    method: Option<Method>,
    /// The crate of the function behind it.
    pub function: String,
    /// What throttles it.
    pub bucket: TokenBucket,
}

/// A route that was found.
#[derive(Debug)]
pub struct Found<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// The method.
    pub method: &'a ResourceMethod,
    /// The parameters with their values, percent-encoded as they came.
    pub parameters: Vec<(&'a str, &'a str)>,
}

/// All resources, as a tree of segments.
#[derive(Debug, Default)]
pub struct Resources {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    resource: Option<Resource>,
    literals: HashMap<String, Node>,
    parameter: Option<(String, Box<Node>)>,
    greedy: Option<(String, Resource)>,
}

impl Resources {
    /// The template's routes with their buckets, measures multiplied by `throttle_scale`.
    #[must_use]
    pub fn new(template: &Template, throttle_scale: f64) -> Self {
        let mut resources = Self::default();
        for route in &template.routes {
            let throttle = template.throttles.of(&route.method, &route.path);
            resources.insert(route, TokenBucket::new(throttle, throttle_scale));
        }
        resources
    }

    fn insert(&mut self, route: &TemplateRoute, bucket: TokenBucket) {
        let method = ResourceMethod {
            method: if route.method == ANY {
                None
            } else {
                Method::from_bytes(route.method.as_bytes()).ok()
            },
            function: route.function.clone(),
            bucket,
        };
        let mut node = &mut self.root;
        let slot = 'slot: {
            for segment in route.path.split('/').filter(|segment| !segment.is_empty()) {
                let name = segment
                    .strip_prefix('{')
                    .and_then(|rest| rest.strip_suffix('}'));
                node = match name {
                    Some(name) => match name.strip_suffix('+') {
                        Some(name) => {
                            break 'slot &mut node
                                .greedy
                                .get_or_insert_with(|| (name.to_owned(), Resource::at(&route.path)))
                                .1;
                        }
                        None => {
                            &mut node
                                .parameter
                                .get_or_insert_with(|| (name.to_owned(), Box::default()))
                                .1
                        }
                    },
                    None => node.literals.entry(segment.to_owned()).or_default(),
                };
            }
            node.resource
                .get_or_insert_with(|| Resource::at(&route.path))
        };
        slot.methods.push(method);
    }

    /// The route for a request, or nothing.
    #[must_use]
    pub fn find<'a>(&'a self, method: &Method, path: &'a str) -> Option<Found<'a>> {
        let mut parameters = Vec::new();
        let rest = path.strip_prefix('/')?;
        let resource = if rest.is_empty() {
            self.root.resource.as_ref()?
        } else {
            self.root.find(rest, &mut parameters)?
        };
        let own = resource
            .methods
            .iter()
            .find(|entry| entry.method.as_ref() == Some(method));
        let entry = own.or_else(|| resource.methods.iter().find(|entry| entry.method.is_none()))?;
        Some(Found {
            resource,
            method: entry,
            parameters,
        })
    }
}

impl Resource {
    fn at(path: &str) -> Self {
        Self {
            path: path.into(),
            methods: Vec::new(),
        }
    }
}

impl Node {
    /// The resource for `rest`, which has one segment at least. As deep as the template's longest path, no deeper.
    fn find<'a>(
        &'a self,
        rest: &'a str,
        parameters: &mut Vec<(&'a str, &'a str)>,
    ) -> Option<&'a Resource> {
        let (segment, behind) = match rest.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (rest, None),
        };
        if let Some(found) = self
            .literals
            .get(segment)
            .and_then(|node| node.below(behind, parameters))
        {
            return Some(found);
        }
        if let Some((name, node)) = self.parameter.as_ref().filter(|_| !segment.is_empty()) {
            parameters.push((name, segment));
            if let Some(found) = node.below(behind, parameters) {
                return Some(found);
            }
            parameters.pop();
        }
        let (name, resource) = self.greedy.as_ref()?;
        parameters.push((name, rest));
        Some(resource)
    }

    fn below<'a>(
        &'a self,
        behind: Option<&'a str>,
        parameters: &mut Vec<(&'a str, &'a str)>,
    ) -> Option<&'a Resource> {
        match behind {
            None => self.resource.as_ref(),
            Some(behind) => self.find(behind, parameters),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::sample::sample;

    fn find(method: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
        let resources = Resources::new(&sample(), 1.0);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        resources.find(&method, path).map(|found| {
            let parameters = found
                .parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            (
                format!("{} {}", found.method.function, found.resource.path),
                parameters.collect(),
            )
        })
    }

    #[track_caller]
    fn assert_found(method: &str, path: &str, wanted: &str, parameters: &[(&str, &str)]) {
        let (found, values) =
            find(method, path).unwrap_or_else(|| panic!("{method} {path} has no route"));
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            (found.as_str(), values.as_slice()),
            (wanted, parameters),
            "{method} {path}"
        );
    }

    #[test]
    fn a_literal_wins_over_a_parameter() {
        assert_found(
            "DELETE",
            "/auth/sessions/others",
            "sessions-revoke-others /auth/sessions/others",
            &[],
        );
        assert_found(
            "DELETE",
            "/auth/sessions/other",
            "sessions-revoke /auth/sessions/{id}",
            &[("id", "other")],
        );
    }

    #[test]
    fn a_parameter_is_one_segment_that_is_not_empty() {
        let greedy = "service-fallback /{proxy+}";
        assert_found(
            "DELETE",
            "/auth/sessions/",
            greedy,
            &[("proxy", "auth/sessions/")],
        );
        assert_found(
            "DELETE",
            "/auth/sessions/a/b",
            greedy,
            &[("proxy", "auth/sessions/a/b")],
        );
        assert_found(
            "DELETE",
            "/auth/sessions/a%2Fb",
            "sessions-revoke /auth/sessions/{id}",
            &[("id", "a%2Fb")],
        );
    }

    #[test]
    fn any_takes_the_methods_that_nobody_else_takes() {
        assert_found("POST", "/auth/login", "auth-login /auth/login", &[]);
        for method in ["GET", "HEAD", "OPTIONS", "BREW"] {
            assert_found(method, "/auth/login", "service-fallback /auth/login", &[]);
        }
    }

    #[test]
    fn the_root_is_a_resource_of_its_own() {
        assert_found("GET", "/", "service-fallback /", &[]);
    }

    #[test]
    fn everything_else_is_the_greedy_routes() {
        for path in [
            "/nowhere",
            "//",
            "//auth/login",
            "/auth/login/",
            "/auth",
            "/AUTH/LOGIN",
            "/%61uth/login",
        ] {
            assert_found(
                "GET",
                path,
                "service-fallback /{proxy+}",
                &[("proxy", &path[1..])],
            );
        }
    }

    #[test]
    fn a_resource_without_the_method_is_no_route() {
        assert!(find("GET", "/auth/sessions/others").is_none());
    }

    #[test]
    fn what_is_not_a_path_has_no_route() {
        assert!(find("OPTIONS", "*").is_none() && find("CONNECT", "").is_none());
    }
}
