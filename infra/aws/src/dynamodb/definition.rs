//! A table to be made.

/// A table, as far as the local database follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// The name behind the prefix that all names have.
    pub suffix: String,
    /// Partition key, then the sort key if there is one: attribute and `HASH` or `RANGE`.
    pub key_schema: Vec<(String, String)>,
    /// The key attributes and their types (`S`, `N`, `B`).
    pub attribute_definitions: Vec<(String, String)>,
    /// The global secondary indexes.
    pub indexes: Vec<IndexDefinition>,
    /// The stream's view type, where there is a stream.
    pub stream: Option<String>,
    /// The attribute that holds the expiry.
    pub ttl_attribute: Option<String>,
    /// Whether its deletion is refused. The local database follows neither this nor the next.
    pub is_deletion_protected: bool,
    /// Whether it can be restored to any moment of the last weeks.
    pub is_recoverable: bool,
}

/// A global secondary index of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: String,
    /// Partition key, then the sort key if there is one: attribute and `HASH` or `RANGE`.
    pub key_schema: Vec<(String, String)>,
    /// Whether it holds keys alone instead of whole items.
    pub keys_only: bool,
}
