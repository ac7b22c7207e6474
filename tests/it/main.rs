//! One binary for all endpoint tests: a file per endpoint or concern, the guards in `guard_*`.
//!
//! The identifiers in comments (`RT-04`, …) are those of the checklist in `docs/threat-model.md`.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod admin_users;
mod audit_events;
mod authorizer;
mod budgets;
mod change_password;
mod edge;
mod emulator;
mod enumeration;
mod exports;
mod faults;
mod guard_access;
mod guard_answers;
mod guard_audit;
mod guard_bodies;
mod guard_codes;
mod guard_costs;
mod guard_description;
mod guard_docs;
mod guard_events;
mod guard_layout;
mod guard_limits;
mod guard_observability;
mod guard_outbox;
mod guard_project;
mod guard_requests;
mod guard_rights;
mod guard_roles;
mod guard_routes;
mod guard_secrets;
mod guard_supply_chain;
mod keys;
mod limits;
mod login;
mod logout;
mod logs;
mod mailer;
mod metrics;
mod migrations;
mod notices;
mod payloads;
mod personal_data;
mod processes;
mod published_keys;
mod races;
mod reads;
mod refresh;
mod refusals;
mod register;
mod reset_password;
mod rights;
mod seals;
mod sessions;
mod signing_keys;
mod step_up;
mod timeline;
mod token_rotations;
mod traces;
mod update_me;
mod verify_email;
mod verifying;
mod verifying_refusals;
mod well_known;
