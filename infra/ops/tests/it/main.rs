//! The operator's command as an operator meets it: command line in, two streams and an exit code out, against the local
//! run in this very process.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod commands;
mod configuration;
mod docs;
mod doctor;
mod drill;
mod import_systems;
mod imports;
mod local;
mod migrate;
mod outbox;
mod people;
mod refusals;
mod restore;
mod seals;
mod secrets;
