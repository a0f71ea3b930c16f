use super::{BlockStep, Condition, read_block};
use crate::wire::SqlState;

/// One line for each step.
fn shown(body: &str) -> String {
    let block = match read_block(body) {
        Ok(block) => block,
        Err(error) => return format!("{} {} at {:?}", error.code, error.message, error.position),
    };
    let condition = |condition: &Condition| match condition {
        Condition::Others => "others".to_owned(),
        Condition::State(code) => code.to_string(),
    };
    let one = |step: &BlockStep| match step {
        BlockStep::Run(statement) => statement.sql.clone(),
        BlockStep::Perform(query) => format!("perform {}", query.sql),
        BlockStep::Test { condition, otherwise } => format!("[{}] else {otherwise}", condition.sql),
        BlockStep::Jump(to) => format!("to {to}"),
        BlockStep::Leave(to) => format!("leave to {to}"),
        BlockStep::Enter { handlers, is_single } => {
            let handlers: Vec<String> = handlers
                .iter()
                .map(|handler| {
                    let conditions: Vec<String> = handler.conditions.iter().map(condition).collect();
                    format!("{}: {}", conditions.join("|"), handler.start)
                })
                .collect();
            format!("enter{} {}", if *is_single { " single" } else { "" }, handlers.join(", "))
        }
    };
    block.steps.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn statements_follow_one_another() {
    assert_eq!(shown("begin a; end"), "42601 syntax error at or near \"a\" at Some(7)");
    assert_eq!(
        shown("BEGIN -- ;\n create table \"a;b\" (n int default (1));; END"),
        "42601 syntax error at or near \";\" at Some(52)"
    );
    assert_eq!(
        shown("<<b>> BEGIN\n create table \"a;b\" (c text default ';'); NULL; drop table \"a;b\" ; END b;"),
        "to 1\ncreate table \"a;b\" (c text default ';')\ndrop table \"a;b\""
    );
    assert_eq!(shown("begin null; end"), "to 1");
    let lines: Vec<u32> = read_block("\nbegin\n\ndrop table a;\n drop table b; end")
        .unwrap()
        .steps
        .iter()
        .filter_map(|step| if let BlockStep::Run(statement) = step { Some(statement.line) } else { None })
        .collect();
    assert_eq!(lines, [4, 5]);
}

#[test]
fn handlers_begin_behind_their_block() {
    assert_eq!(
        shown("BEGIN CREATE TYPE \"public\".\"k\" AS ENUM('a', 'b'); EXCEPTION WHEN duplicate_object THEN null; END"),
        "enter single 42710: 3\nCREATE TYPE \"public\".\"k\" AS ENUM('a', 'b')\nleave to 4\nto 4"
    );
    assert_eq!(
        shown(
            "begin delete from a; delete from b; exception when unique_violation or sqlstate '22012' then delete from c; \
             when others then end;"
        ),
        "enter 23505|22012: 4, others: 6\ndelete from a\ndelete from b\nleave to 7\ndelete from c\nto 7\nto 7"
    );
    // One name, two codes.
    assert_eq!(shown("begin exception when null_value_not_allowed then end"), "enter 22004|39004: 2\nleave to 3\nto 3");
    assert_eq!(
        shown("begin begin drop table a; exception when others then null; end; drop table b; end"),
        "to 1\nenter single others: 4\ndrop table a\nleave to 5\nto 5\ndrop table b"
    );
}

#[test]
fn if_is_a_test_and_jumps() {
    assert_eq!(
        shown("begin if not exists (select 1 from pg_type where typname = 'k') then drop table a; end if; end"),
        "to 1\n[SELECT not exists (select 1 from pg_type where typname = 'k')] else 3\ndrop table a"
    );
    assert_eq!(
        shown("begin if true then drop table a; elsif false then null; else drop table b; end if; end"),
        "to 1\n[SELECT true] else 4\ndrop table a\nto 7\n[SELECT false] else 6\nto 7\ndrop table b"
    );
}

#[test]
fn perform_is_a_query() {
    assert_eq!(
        shown("begin perform f(1), ';' from t; PERFORM 2; end"),
        "to 1\nperform SELECT f(1), ';' from t\nperform SELECT 2"
    );
    assert_eq!(
        shown("begin begin perform 1; exception when others then null; end; end"),
        "to 1\nenter single others: 4\nperform SELECT 1\nleave to 5\nto 5"
    );
    assert!(shown("begin perform; end").starts_with("42601"));
}

#[test]
fn what_needs_an_interpreter_is_refused() {
    let refused = |body: &str, what: &str| {
        let said = shown(body);
        assert!(said.starts_with(&format!("0A000 {what} is not supported in DO")), "{said}");
    };
    refused("declare r record; begin null; end", "DECLARE");
    refused("begin for i in 1..2 loop null; end loop; end", "FOR");
    refused("begin <<l>> loop null; end loop; end", "a loop");
    refused("begin execute 'drop table a'; end", "EXECUTE");
    refused("begin raise notice 'x'; end", "RAISE");
    refused("begin x := 1; end", "assignment");
    refused("begin x = 1; end", "assignment");
    refused("begin select 1 into x; end", "INTO");
    refused("begin insert into a values (1) returning n into x; end", "INTO");
    refused("begin commit; end", "COMMIT");
    refused("#variable_conflict error begin null; end", "an option of the compiler");
}

#[test]
fn what_cannot_be_read_says_where() {
    assert_eq!(shown(""), "42601 syntax error at end of input at Some(1)");
    assert_eq!(shown("begin"), "42601 syntax error at end of input at Some(6)");
    assert_eq!(shown("begin drop table a end"), "42601 syntax error at end of input at Some(23)");
    assert_eq!(shown("begin null; end; drop table a"), "42601 syntax error at or near \"drop\" at Some(18)");
    assert_eq!(shown("begin null; end x"), "42601 syntax error at or near \"x\" at Some(17)");
    assert_eq!(shown("begin drop 'a; end"), "42601 unterminated quoted string at or near \"'a; end\" at Some(12)");
    assert_eq!(
        shown("begin null; exception when no_such_thing then null; end"),
        "42704 unrecognized exception condition \"no_such_thing\" at Some(28)"
    );
    assert_eq!(
        shown("begin null; exception when sqlstate 'abcde' then null; end"),
        "42601 invalid SQLSTATE code at Some(37)"
    );
    let deep = format!("{}null;{}", "begin ".repeat(60), " end;".repeat(60));
    assert!(shown(&deep).starts_with("54001"), "{}", shown(&deep));
}

#[test]
fn conditions_stand_for_codes_and_classes() {
    let class = Condition::State(SqlState(*b"23000"));
    assert!(class.matches(SqlState::UNIQUE_VIOLATION) && !class.matches(SqlState::SYNTAX_ERROR));
    assert!(!Condition::State(SqlState::UNIQUE_VIOLATION).matches(SqlState::FOREIGN_KEY_VIOLATION));
    assert!(
        Condition::Others.matches(SqlState::UNDEFINED_TABLE) && !Condition::Others.matches(SqlState::QUERY_CANCELED)
    );
    for (name, code) in
        [("duplicate_object", "42710"), ("array_subscript_error", "2202E"), ("zero_length_character_string", "2200F")]
    {
        let found = crate::sql::plpgsql::conditions::conditions_named(name);
        assert!(matches!(found.as_slice(), [Condition::State(state)] if state.as_str() == code), "{name}: {found:?}");
    }
    assert!(crate::sql::plpgsql::conditions::is_sorted());
}
