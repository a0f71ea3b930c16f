//! What PostgreSQL keeps true of the rows of a table and IRIS does not know of.

/// The rules of a table. All texts are PostgreSQL's SQL, over the columns of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// In the order in which PostgreSQL looks at them: by name.
    pub checks: Vec<CheckRule>,
    pub generated: Vec<GeneratedRule>,
    pub keys: Vec<KeyRule>,
    /// Defaults, by their columns.
    pub defaults: Vec<(String, String)>,
    /// Columns of the table in IRIS that no client sees: each tells of a definition, and some hold the keys of a unique index.
    pub hidden: Vec<String>,
    /// Columns of types of users' making: PostgreSQL alone knows what these take.
    pub typed: Vec<String>,
    /// Names that columns had once.
    pub renamed: Vec<String>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRule {
    pub name: String,
    pub expression: String,
    /// Columns that it reads.
    pub reads: Vec<String>,
    /// Rows that were there before have been looked at.
    pub is_validated: bool,
    /// The hidden column that tells of it, if it is one.
    pub hidden: Option<String>,
}

/// A column whose values are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedRule {
    pub column: String,
    pub expression: String,
    pub reads: Vec<String>,
}

/// A unique index that is not one of plain columns and all rows: a hidden column holds what must be unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRule {
    pub name: String,
    pub hidden: String,
    /// All of the definition behind the name of the table; of a constraint, behind its own.
    pub definition: String,
    pub is_constraint: bool,
    /// Columns and expressions.
    pub items: Vec<String>,
    /// The rows that it is about.
    pub condition: Option<String>,
    pub nulls_are_alike: bool,
    pub reads: Vec<String>,
}

impl Rules {
    /// Whether there is nothing to be looked at when a row is written.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.generated.is_empty() && self.keys.is_empty() && self.typed.is_empty()
    }

    /// Whether a row has to be looked at when these columns of it change.
    pub fn concern(&self, changed: &[String]) -> bool {
        let reads = |columns: &[String]| {
            columns.iter().any(|read| {
                changed.iter().any(|column| column.eq_ignore_ascii_case(read)) || self.computes(read, changed)
            })
        };
        self.checks.iter().any(|check| !check.is_validated || reads(&check.reads))
            || self.generated.iter().any(|rule| reads(&rule.reads) || is_among(&rule.column, changed))
            || self.keys.iter().any(|key| reads(&key.reads))
            || reads(&self.typed)
    }

    /// Whether a column is computed from one that changes.
    fn computes(&self, column: &str, changed: &[String]) -> bool {
        let rule = self.generated(column);
        rule.is_some_and(|rule| rule.reads.iter().any(|read| is_among(read, changed)))
    }

    pub fn generated(&self, column: &str) -> Option<&GeneratedRule> {
        self.generated.iter().find(|rule| rule.column.eq_ignore_ascii_case(column))
    }

    pub fn default_of(&self, column: &str) -> Option<&str> {
        let found = self.defaults.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
        found.map(|(_, text)| text.as_str())
    }

    /// Whether a rule reads a column.
    pub fn read(&self, column: &str) -> bool {
        let checks = self.checks.iter().map(|rule| &rule.reads);
        let generated = self.generated.iter().map(|rule| &rule.reads);
        let keys = self.keys.iter().map(|rule| &rule.reads);
        checks.chain(generated).chain(keys).any(|reads| is_among(column, reads)) || is_among(column, &self.typed)
    }

    pub fn is_hidden(&self, column: &str) -> bool {
        is_among(column, &self.hidden)
    }
}

fn is_among(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
