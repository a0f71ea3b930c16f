//! Error texts as clients read them through OE (facts, section 11.1).

use crate::embedded::engine::SqlError;

/// The text of an error: `[SQLCODE: <-30>:<Table or view not found>]`, the location and the particulars, on lines of
/// their own. sqlalchemy-iris reads the code out of it.
pub fn error_text(error: &SqlError) -> String {
    let mut text = format!(
        "[SQLCODE: <-{}>:<{}>]\r\n[Location: <{}>]",
        error.sqlcode.unsigned_abs(),
        sqlcode_text(error.sqlcode),
        error.location
    );
    if !error.message.is_empty() {
        text.push_str("\r\n[%msg: < ");
        text.push_str(&error.message);
        text.push_str(">]");
    }
    text
}

/// The status field of an error reply. Clients take negative ones for success, 0 and 100 mean success (facts, section 1.4).
pub(super) fn status(error: &SqlError) -> u16 {
    match u16::try_from(error.sqlcode.unsigned_abs()) {
        Ok(code) if code != 0 && code != 100 && code <= i16::MAX.unsigned_abs() => code,
        _ => FATAL,
    }
}

/// SQLCODE -400, for what has no better code.
pub(super) const FATAL: u16 = 400;
/// Status of a refused login whose text JDBC shows, as Python does with any (facts, section 4.3).
pub(super) const LOGIN_REFUSED: u16 = 417;

/// The error of a request the server could not read.
pub(super) fn malformed(what: &str) -> SqlError {
    SqlError::execute(i32::from(FATAL), format!("Malformed message: {what}"))
}

/// What IRIS calls a SQLCODE, whichever its sign.
pub fn sqlcode_text(sqlcode: i32) -> &'static str {
    let code = sqlcode.unsigned_abs();
    TEXTS.binary_search_by_key(&code, |entry| entry.0).ok().and_then(|at| TEXTS.get(at)).map_or("SQL error", |e| e.1)
}

/// Sorted by code.
const TEXTS: &[(u32, &str)] = &[
    (1, "Invalid SQL statement"),
    (2, "Exponent digits missing after 'E'"),
    (3, "Closing quote (\") missing"),
    (
        4,
        "A term expected, beginning with either of: identifier, constant, aggregate, $$, (, :, +, -, %ALPHAUP, or %EXACT",
    ),
    (5, "Column number specified in ORDER does not match SELECT list"),
    (6, "ORDER BY column after UNION not found in SELECT"),
    (7, "Exponent out of range"),
    (8, "Invalid DATEPART code for DATE function"),
    (9, "Incompatible SELECT lists used in UNION"),
    (10, "The SELECT list of the subquery must have exactly one item"),
    (11, "A scalar expression expected, not a condition"),
    (
        12,
        "A term expected, beginning with one of the following: identifier, constant, aggregate, %ALPHAUP, %EXACT, %MVR, %SQLSTRING, %SQLUPPER, %STRING, %TRUNCATE, %UPPER, $$, :, +, -, (, NOT, EXISTS, or FOR",
    ),
    (13, "An expression other than a subquery expected here"),
    (14, "A comparison operator is required here"),
    (15, "A condition expected after NOT"),
    (16, "Quantifier SOME or ALL expected after the FOR in the for-expression"),
    (17, "A for-condition expected after the ( in the for-expression"),
    (18, "IS (or IS NOT) NULL predicate can be applied only to a field"),
    (19, "An aggregate function cannot be used in a WHERE or GROUP BY clause"),
    (20, "Name conflict in the FROM list over label"),
    (21, "Pointer->Field reference may not be modified by an INSERT or UPDATE statement"),
    (22, "ORDER must specify column names, not numbers, when after 'SELECT *'"),
    (23, "Label is not listed among the applicable tables"),
    (24, "Ambiguous sort column"),
    (25, "Input encountered after end of query"),
    (26, "Missing FROM clause"),
    (27, "Field is ambiguous among the applicable tables"),
    (28, "Host variable name must begin with either % or a letter"),
    (29, "Field not found in the applicable tables"),
    (30, "Table or view not found"),
    (31, "Field not (found/unique) in table(s)"),
    (32, "Outer-join symbol ( =* or *= ) must be between two fields"),
    (33, "No field(s) found for table"),
    (34, "Optimizer failed to find a usable join order"),
    (35, "INSERT/UPDATE/DELETE not allowed for non-updateable view"),
    (36, "WITH CHECK OPTION (CASCADE or LOCAL) not allowed for non-updateable views"),
    (37, "SQL Scalar, Aggregate, and Unary functions not supported for Stream fields"),
    (38, "No master map for table"),
    (39, "No RowID field for table"),
    (40, "ODBC escape extension not supported"),
    (41, "An extrinsic function call must have the form '$$tag^routine(...)'"),
    (42, "Closing quotes (\"\") missing following pattern match"),
    (43, "Table is ambiguous within #import schema name list"),
    (44, "Duplicate method or query characteristic"),
    (45, "Duplicate method in query body"),
    (46, "Required method missing in query body"),
    (47, "Invalid method or query characteristic"),
    (48, "Invalid trigger REFERENCING clause for the trigger's event"),
    (49, "Trigger REFERENCING clause cannot be specified when trigger language not SQL"),
    (50, "Trigger specifies UPDATE OF <field-list> clause when trigger language not SQL"),
    (51, "SQL statement expected"),
    (52, "Cursor (Already/Was Not) DECLAREd"),
    (53, "Constant or variable expected as new value"),
    (54, "Array designator (last subscript omitted) expected after VALUES"),
    (55, "Invalid GRANT <role> TO or REVOKE <role> FROM"),
    (56, "GRANT/REVOKE Action not applicable to an object of this type"),
    (57, "Trigger specifies WHEN clause when trigger language not SQL"),
    (58, "Duplicate field found in trigger UPDATE OF <field-list> clause"),
    (59, "Cannot have more than one field"),
    (60, "An action (%ALTER, SELECT, UPDATE, etc.) expected"),
    (61, "Cursor not updateable"),
    (62, "Additional new values expected for INSERT/UPDATE"),
    (63, "Data exception - invalid escape character"),
    (64, "Incompatible SELECT list is used in INSERT"),
    (65, "Positive integer constant or variable expected"),
    (66, "Redundant fields found in SELECT list"),
    (67, "Implicit join (arrow syntax) not supported in ON clause"),
    (68, "Legacy outer join (=*, *=) not supported in ON clause"),
    (69, "SET <field> = <value expression> not allowed with WHERE CURRENT OF <cursor>"),
    (70, "Multi-Line field only valid for LIST BOX or MULTI-LINE FIELD"),
    (71, "Multi-line field must be followed by EDIT"),
    (72, "%THIS qualifier only allowed in a computed field expression"),
    (73, "Aggregates with %AFTERHAVING not supported here"),
    (74, "Aggregates not allowed in WHERE clause"),
    (75, "Aggregates not allowed in ON clause"),
    (76, "Operand of UNION expected"),
    (77, "A SELECT list item with aggregate may not be used here"),
    (80, "Column cannot be used in this expression"),
    (99, "Privilege violation"),
    (101, "Attempt to open a cursor that is already open"),
    (102, "Operation (FETCH/CLOSE/UPDATE/DELETE/...) attempted on an unopened cursor"),
    (103, "Positioned UPDATE or DELETE attempted, but the cursor is not positioned on any row"),
    (104, "Field validation failed in INSERT, or value failed to convert in DisplayToLogical or OdbcToLogical"),
    (105, "Field validation failed in UPDATE, or value failed to convert in DisplayToLogical or OdbcToLogical"),
    (106, "Row to DELETE not found"),
    (107, "Cannot UPDATE RowID or RowID based on fields"),
    (108, "Required field missing; INSERT or UPDATE not allowed"),
    (109, "Cannot find the row designated for UPDATE"),
    (110, "Locking conflict in filing"),
    (111, "Cannot INSERT into a 'Default Only' RowID or RowID based on field"),
    (112, "Access violation"),
    (113, "%THRESHOLD violation"),
    (114, "One or more matching rows is locked by another user"),
    (115, "Cannot INSERT/UPDATE/DELETE on a read only table"),
    (116, "Cardinality mismatch on INSERT/UPDATE between values list and number of table columns"),
    (117, "Aggregates not supported in views"),
    (118, "Unknown or non-unique User or Role"),
    (119, "UNIQUE or PRIMARY KEY constraint failed uniqueness check upon INSERT"),
    (120, "UNIQUE or PRIMARY KEY constraint failed uniqueness check upon UPDATE"),
    (121, "FOREIGN KEY constraint failed referential check upon INSERT of row in referencing table"),
    (122, "FOREIGN KEY constraint failed referential check upon UPDATE of row in referencing table"),
    (123, "FOREIGN KEY constraint failed referential check upon UPDATE of row in referenced table"),
    (124, "FOREIGN KEY constraint failed referential check upon DELETE of row in referenced table"),
    (125, "UNIQUE or PRIMARY KEY Constraint failed uniqueness check upon creation of the constraint"),
    (126, "REVOKE with RESTRICT failed"),
    (127, "FOREIGN KEY Constraint failed referential check upon creation of the constraint"),
    (128, "Argument to scalar function %OBJECT() must be a stream field"),
    (129, "Illegal value for SET OPTION Locale property"),
    (130, "Before Insert trigger failed"),
    (131, "After Insert trigger failed"),
    (132, "Before Update trigger failed"),
    (133, "After Update trigger failed"),
    (134, "Before Delete trigger failed"),
    (135, "After Delete trigger failed"),
    (136, "View's WITH CHECK OPTION validation failed in INSERT"),
    (137, "View's WITH CHECK OPTION validation failed in UPDATE"),
    (138, "Cannot INSERT/UPDATE a value for a read only field"),
    (139, "Concurrency failure on update: row versions not the same"),
    (140, "Invalid length parameter passed to the SUBSTRING function"),
    (141, "Invalid input value passed to the CONVERT function"),
    (142, "Cardinality mismatch between the SELECT-list and VIEW-column-list"),
    (143, "ORDER BY not valid in a view's query"),
    (144, "A subquery is not allowed in a SET or VALUES clause"),
    (145, "%NOFPLAN or full table scan not allowed for this table"),
    (146, "Unable to convert date input to a valid logical date value"),
    (147, "Unable to convert time input to a valid logical time value"),
    (148, "CREATE VIEW, CREATE TABLE AS, or CREATE PROCEDURE not allowed with host variables"),
    (149, "SQL Function encountered an error"),
    (201, "Table or view name not unique"),
    (220, "Gateway query error"),
    (257, "Vectors have different lengths"),
    (258, "Vectors have different types"),
    (259, "Cannot perform vector operation on non-vector data"),
    (300, "DDL not allowed on this table definition"),
    (301, "No Savepoint name"),
    (302, "Savepoint names starting with \"SYS\" are reserved"),
    (303, "No implicit conversion of Stream value to non-Stream field in UPDATE assignment is supported"),
    (304, "Attempt to add a NOT NULL field with no default value to a table which contains data"),
    (305, "Attempt to make field required when the table has one or more rows where the column value is NULL"),
    (306, "Column with this name already exists"),
    (307, "Primary key already defined for this table"),
    (308, "Identity column already defined for this table"),
    (309, "The left operand of %CONTAINS is not a property that supports the %Text interface"),
    (310, "Foreign key references non-existent table"),
    (311, "Foreign key with same name already defined for this table"),
    (312, "Invalid schema name. Must use delimited identifiers to reference this schema name"),
    (313, "Condition expression not supported for Stream fields"),
    (314, "Foreign key references non-unique key/column collection"),
    (315, "Constraint or Key not found"),
    (316, "Foreign key references non-existent key/column collection"),
    (317, "Cannot DROP Constraint - One or more Foreign Key constraints reference this Unique constraint"),
    (319, "Referenced table has no primary key defined"),
    (320, "Cannot DROP table - One or more Foreign Key constraints reference this table"),
    (321, "Cannot DROP view - One or more views reference this view"),
    (322, "Cannot DROP column - column is defined on one or more indices or constraints"),
    (324, "Index with this name already defined for this table"),
    (325, "Index cannot be created because it is the IDKEY index and the table has data"),
    (326, "Isolation mode specified more than once"),
    (327, "Commit mode specified more than once"),
    (333, "No such index defined"),
    (334, "Index name is ambiguous. Index found in multiple tables"),
    (340, "No such database (namespace) defined"),
    (341, "Database file already exists"),
    (342, "Cannot delete system namespace"),
    (343, "Invalid database name"),
    (344, "Cannot drop database that you are currently using or connected to"),
    (350, "An unexpected error occurred executing the SqlComputeCode"),
    (356, "SQL Function (function Stored Procedure) is not defined to return a value"),
    (357, "SQL Function (function Stored Procedure) is not defined as a function procedure"),
    (358, "SQL Function (function Stored Procedure) name not unique"),
    (359, "SQL Function (function Stored Procedure) not found"),
    (360, "Class not found"),
    (361, "Method or Query name not unique"),
    (362, "Method or Query not found"),
    (363, "Trigger not found"),
    (364, "Trigger with same EVENT, TIME, and ORDER already defined"),
    (365, "Trigger name not unique"),
    (366, "Schema name mismatch between trigger name and table name"),
    (370, "SQL CALL, more arguments specified than defined in routine"),
    (371, "':HVar = CALL ...' Attempt to return a value from a procedure that does not return a value"),
    (372, "Support for extrinsic function calls are disabled"),
    (373, "An extrinsic function call may not call a % routine"),
    (374, "Cannot alter datatype of field to/from a stream type when the table contains data"),
    (375, "Cannot ROLLBACK to unspecified savepoint"),
    (376, "Unsupported CAST Target specified"),
    (377, "Field appears more than once in assignment list of insert or update statement"),
    (378, "Datatype mismatch, explicit CAST is required"),
    (380, "Invalid or Missing argument to scalar function"),
    (381, "Too many arguments to SQL aggregate, unary, or scalar function"),
    (382, "GROUP BY item must be a field or expression, not a constant"),
    (383, "Subquery must be a scalar subquery"),
    (385, "Feature not supported"),
    (386, "TOP, LIMIT and FETCH cannot be used together"),
    (400, "Fatal error occurred"),
    (401, "Fatal Connection error"),
    (402, "Invalid Username/Password"),
    (405, "Unable to read from communication device"),
    (406, "Unable to Write to Server"),
    (407, "Unable to Write to Server Master"),
    (408, "Unable to start server"),
    (409, "Invalid server function"),
    (410, "Invalid Directory"),
    (411, "No stream object defined for field"),
    (412, "General stream error"),
    (413, "Incompatible client/server protocol"),
    (415, "Fatal error occurred within the SQL filer"),
    (416, "Server Error"),
    (417, "Security Error"),
    (422, "SELECT request processed via ODBC, JDBC, or Dynamic SQL cannot contain an INTO clause"),
    (425, "Error processing stored procedure request"),
    (426, "Error preparing stored procedure"),
    (427, "Invalid stored procedure name"),
    (428, "Stored procedure not found"),
    (429, "Incorrect number of input/output parameters for stored procedure"),
    (430, "Cannot initialize procedure context"),
    (431, "Stored procedure parameter type mismatch"),
    (432, "Function returned multiple rows when only a single value is expected"),
    (450, "Request timed out due to user timeout"),
    (451, "Unable to receive server message"),
    (452, "Message sequencing error"),
    (453, "Error in user initialization code"),
    (454, "Error sending external interrupt request"),
    (456, "SQL query execution interrupted by user"),
    (459, "Kerberos authentication failure"),
    (460, "General error"),
    (461, "Communication link failure"),
    (462, "Memory allocation failure"),
    (463, "Invalid column number"),
    (464, "Function sequence error"),
    (465, "Invalid string or buffer length"),
    (466, "Invalid parameter number"),
    (467, "Column type out of range"),
    (468, "Fetch type out of range"),
    (469, "Driver not capable"),
    (470, "Option value changed"),
    (471, "Duplicate cursor name"),
    (472, "A collection-valued property was expected"),
    (473, "Schema not found"),
    (474, "Namespace not found"),
    (478, "Query recompiled, and the result set metadata differs"),
    (500, "Fetch row count limit reached"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sorted_for_the_search() {
        assert!(TEXTS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn text_has_the_form_clients_grep() {
        let error = SqlError::prepare(30, "Table 'SQLUSER.X' not found");
        assert_eq!(
            error_text(&error),
            "[SQLCODE: <-30>:<Table or view not found>]\r\n[Location: <Prepare>]\r\n[%msg: < Table 'SQLUSER.X' not found>]"
        );
        assert_eq!(
            error_text(&SqlError::execute(456, "")),
            "[SQLCODE: <-456>:<SQL query execution interrupted by user>]\r\n[Location: <ServerLoop>]"
        );
    }

    #[test]
    fn no_error_gets_a_status_that_means_success() {
        for (code, want) in [(0, 400), (100, 400), (-30, 30), (30, 30), (5002, 5002), (70_000, 400), (65_506, 400)] {
            assert_eq!(status(&SqlError::execute(code, "")), want, "{code}");
        }
    }
}
