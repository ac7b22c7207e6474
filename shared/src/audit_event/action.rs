//! The actions that are recorded.

use crate::routes;

/// An action that records are written of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(&'static str);

impl Action {
    /// The actions of jobs and of the operator's command that no endpoint has.
    const OF_TASKS: [&str; 13] = [
        "admin.end_claim",
        "keys.repair",
        "keys.rotate_data",
        "keys.rotate_signing",
        "admin.list_sessions",
        "admin.migrate",
        "admin.redrive_outbox",
        "admin.revoke_session",
        "admin.rotate_data_keys",
        "admin.set_role",
        "admin.delete_user",
        "admin.export_user",
        "admin.import_user",
    ];

    /// The action with this name; `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|action| action.name() == name)
    }

    /// All actions.
    pub fn all() -> impl Iterator<Item = Self> {
        routes::ALL
            .iter()
            .filter_map(|route| route.action)
            .chain(Self::OF_TASKS)
            .map(Self)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}
