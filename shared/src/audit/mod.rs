//! The audit log as it is read and kept: searches, the archive, and the seals that make a change of it show.
//!
//! What an event holds is in [`crate::audit_event`]; the store writes it with the change that it reports.

pub mod archive;
pub mod seals;
pub mod trail;
