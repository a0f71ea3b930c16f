//! Who answers a statement, and what the gateway knows of IRIS tables.

mod answer;
mod enums;
mod iris_column;
mod load;
mod marks;
mod mirror;
mod oracle;
mod prepare;
mod sequences;
mod tables;
mod temporary;
mod under_way;
mod unit;
mod user_types;
mod version;

pub use answer::{Answer, first_error, rows_len};
pub(crate) use answer::{Described, DescribedColumn};
pub use enums::EnumTypes;
pub(crate) use load::{LoadStep, TableLoad, TableQueries};
pub(crate) use marks::{DoneMarks, MirrorMark, get_marks, put_marks, replace_marks};
pub(crate) use mirror::{
    CommentChange, CommentTarget, Comments, GET_COMMENTS, GET_REST, SideTableStatements, comment_changes,
    comments_from_table, kept_comments, read_comments, read_side_table,
};
pub use mirror::{MirrorBatch, MirrorLoad, MirrorOptions, MirrorSnapshot, MirrorStep};
pub(crate) use oracle::{Frames, MirrorChange, OraclePurpose, OracleRequest, user_role};
pub(crate) use prepare::{
    GATEWAY_SUPERUSER, INSPECT, MARK_TEMPORARY, NEW_DATABASE, NEW_SUPERUSER, TRANSACTION_MODES, gateway_setting,
    inspected, prepare_embedded, prepare_external, prepare_native,
};
pub(crate) use sequences::{Followed, SequenceStatements, definition_query, read_definition, read_sequences};
pub(crate) use sequences::{Sequence, SequenceAnswer, SequenceName, SequenceNames, SequenceRequest};
pub(crate) use tables::TableCache;
pub(crate) use temporary::{LEASE_TABLE, Temporaries, TemporaryDuty, TemporarySchema, parse_temporary_schema};
pub(crate) use under_way::{ChangeUnderWay, ChangesUnderWay};
pub(crate) use unit::{
    BoundValue, Execution, LongValue, as_owner, as_superuser, change, describe, execute, try_definitions, try_setting,
};
pub(crate) use user_types::{
    TypeChange, TypeStatements, read_kept_types, read_user_types, type_columns_query, types_query,
};
pub(crate) use user_types::{UserType, UserTypes};
pub(crate) use version::ServerVersion;

/// What the tests of this floor share.
#[cfg(test)]
mod fixtures {
    use std::rc::Rc;

    use crate::iris::{ColumnDescription, IrisType, StatementMetadata};

    /// The metadata of so many columns of text.
    pub(super) fn text_columns(count: usize) -> Rc<StatementMetadata> {
        let column = ColumnDescription {
            name: String::new(),
            iris_type: IrisType::VARCHAR,
            precision: 0,
            scale: 0,
            nullable: 1,
            label: String::new(),
            table: String::new(),
            schema: String::new(),
            auto_increment: false,
            row_id: false,
        };
        Rc::new(StatementMetadata { columns: vec![column; count], parameters: Vec::new(), cacheable: true })
    }
}
