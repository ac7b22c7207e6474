//! Work that no request asks for: messages of a queue, and the steps of a secret's rotation.

pub mod consumer;
pub mod secret_rotation;
