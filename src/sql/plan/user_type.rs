//! CREATE, ALTER and DROP of types. PostgreSQL reads the words, the mirror's statement has them; what it makes of them is kept
//! beside IRIS's tables.

/// Such a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TypeCommand {
    /// As the client names them, each part in quotes.
    pub names: Vec<String>,
    pub action: TypeAction,
}

/// What it is to tables that have columns of the types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypeAction {
    Create,
    /// Nothing.
    Alter,
    /// IRIS keeps the name with each column.
    Rename,
    /// Of a label of an enum: IRIS keeps the labels as texts.
    RenameLabel,
    /// Of a composite type: IRIS keeps its values as texts.
    Attributes,
    /// Values of a domain have to fulfil this.
    Check(String),
    /// The same of a constraint that the domain has already.
    Validate(String),
    NotNull,
    /// `cascades`: columns go with it.
    Drop {
        cascades: bool,
    },
}
