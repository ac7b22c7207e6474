//! `DynamoDB` on this machine: an embedded engine behind a server of its own, and the streams of its tables.

pub mod checkpoint;
pub mod database;
pub mod definition;
pub mod engine;
pub mod sequence;
pub mod stream;
pub mod tables;

pub use checkpoint::Checkpoint;
pub use definition::{IndexDefinition, TableDefinition};
pub use engine::Engine;
pub use sequence::Sequence;
pub use stream::{StreamError, TableStream};
