//! DECLARE, FETCH, MOVE and CLOSE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::command::{Utility, object, utility};
use crate::sql::lex::{self, Kind};
use crate::sql::plan::{Action, CursorCommand, FetchDirection};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::syntax::with::with_of;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::wire::{PgError, SqlState};

/// The count that stands for ALL.
const ALL: i64 = i64::MAX;

pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    match stmt.kind() {
        SyntaxKind::DECLARE => declare(cx, stmt),
        SyntaxKind::FETCH | SyntaxKind::MOVE => fetch(cx.sql).map(Some),
        SyntaxKind::CLOSE if nodes::has_token(stmt, SyntaxKind::ALL_KW) => {
            utility(Action::Cursor(CursorCommand::Close(None)), "CLOSE CURSOR ALL")
        }
        SyntaxKind::CLOSE => {
            let name = object(stmt, SyntaxKind::CURSOR_REF);
            utility(Action::Cursor(CursorCommand::Close(Some(name))), "CLOSE CURSOR")
        }
        _ => Ok(None),
    }
}

/// `DECLARE .. FOR query FOR READ ONLY` without its last three words, which say what is so anyway; squawk does not
/// know them.
pub(crate) fn without_read_only(sql: &str) -> Option<&str> {
    let words = words(sql);
    let is = |word: Option<&Word>, text: &str| word.is_some_and(|(_, word, _)| word == text);
    let mut last = words.iter().rev();
    let (only, read, cut) = (last.next(), last.next(), last.next());
    let found = is(words.first(), "DECLARE") && is(only, "ONLY") && is(read, "READ") && is(cut, "FOR");
    let (_, _, at) = cut?;
    if found { sql.get(..*at) } else { None }
}

fn declare(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let says = |kind: SyntaxKind| nodes::child(stmt, kind).is_some();
    let query = stmt.children().find(|node| is_query(node.kind()));
    let Some(query) = query else {
        let at = stmt.text_range().start().into();
        return Err(PgError::error(SqlState::SYNTAX_ERROR, "DECLARE CURSOR can only be used for queries")
            .position(nodes::offset(at)));
    };
    let changes = with_of(&query).is_some_and(|with| {
        let tables = nodes::children(&with, SyntaxKind::WITH_TABLE);
        tables.flat_map(|table| table.children().collect::<Vec<_>>()).any(|part| {
            matches!(part.kind(), SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE)
        })
    });
    if changes {
        return Err(PgError::unsupported("DECLARE CURSOR must not contain data-modifying statements in WITH"));
    }
    let scroll = if says(SyntaxKind::SCROLL) {
        Some(true)
    } else if says(SyntaxKind::NO_SCROLL) {
        Some(false)
    } else {
        None
    };
    let hold = says(SyntaxKind::WITH_HOLD);
    if let Some(locking) = query.children().find(|node| node.kind() == SyntaxKind::LOCKING_CLAUSE) {
        let strength = nodes::plain_text(&locking).to_ascii_uppercase();
        let refuse = |what: &str, kind: &str| {
            Err(PgError::unsupported(format!("{what} .. {strength} is not supported"))
                .detail(format!("{kind} cursors must be READ ONLY.")))
        };
        if hold {
            return refuse("DECLARE CURSOR WITH HOLD", "Holdable");
        }
        if scroll == Some(true) {
            return refuse("DECLARE SCROLL CURSOR", "Scrollable");
        }
        if says(SyntaxKind::INSENSITIVE) {
            return refuse("DECLARE INSENSITIVE CURSOR", "Insensitive");
        }
    }
    let range = query.text_range();
    let (start, end) = (usize::from(range.start()), usize::from(range.end()));
    let sql = cx.sql.get(start..end).unwrap_or_default().trim_end_matches([';', ' ', '\n', '\t', '\r']).to_owned();
    let before = cx.sql.get(..start).map_or(0, |text| text.chars().count());
    // The query is scanned on its own: its literals are this translation's as well.
    for n in 0..u16::try_from(cx.template.literals.len()).unwrap_or(u16::MAX) {
        cx.pin(n);
    }
    let command = CursorCommand::Declare {
        name: object(stmt, SyntaxKind::CURSOR),
        sql,
        offset: u32::try_from(before).unwrap_or(u32::MAX),
        binary: nodes::has_token(stmt, SyntaxKind::BINARY_KW),
        scroll,
        hold,
    };
    utility(Action::Cursor(command), "DECLARE CURSOR")
}

/// A token: what it is, its text in capitals, where it starts.
type Word = (Kind, String, usize);

fn words(sql: &str) -> Vec<Word> {
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let token = lex::token(bytes, at);
        let text = sql.get(at..token.end).unwrap_or_default();
        if !token.kind.is_trivia() {
            words.push((token.kind, text.to_ascii_uppercase(), at));
        }
        at = token.end.max(at.saturating_add(1));
    }
    while words.last().is_some_and(|(_, text, _)| text == ";") {
        words.pop();
    }
    words
}

/// Whether the statement is FETCH or MOVE. These are read by their words: squawk takes the name in `FETCH FORWARD c`
/// for a count.
pub(crate) fn is_fetch(sql: &str) -> bool {
    words(sql).first().is_some_and(|(_, verb, _)| verb == "FETCH" || verb == "MOVE")
}

/// # Errors
/// 42601 with the place of what is no direction.
pub(crate) fn fetch(sql: &str) -> Result<Utility> {
    let words = words(sql);
    let (verb, name, before) = match words.as_slice() {
        [(_, verb, _), before @ .., (Kind::Word | Kind::Quoted, _, at)] => (verb, sql.get(*at..), before),
        _ => {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input")
                .position(nodes::offset(sql.trim_end_matches(';').trim_end().len())));
        }
    };
    let name = names::folded(name.unwrap_or_default().trim_end_matches([';', ' ', '\n', '\t', '\r']));
    let direction = match before {
        [direction @ .., (Kind::Word, word, _)] if word == "FROM" || word == "IN" => direction,
        direction => direction,
    };
    let (word, rest) = match direction.split_first() {
        Some(((_, word, _), rest)) => (word.as_str(), rest),
        None => ("NEXT", direction),
    };
    let is_all = matches!(rest, [(Kind::Word, word, _)] if word == "ALL");
    let direction = match (word, rest) {
        ("NEXT" | "FORWARD", []) => FetchDirection::Relative(1),
        ("PRIOR" | "BACKWARD", []) => FetchDirection::Relative(-1),
        ("FIRST", []) => FetchDirection::Absolute(1),
        ("LAST", []) => FetchDirection::Absolute(-1),
        ("ALL", []) => FetchDirection::Relative(ALL),
        ("FORWARD", _) if is_all => FetchDirection::Relative(ALL),
        ("BACKWARD", _) if is_all => FetchDirection::Relative(-ALL),
        ("FORWARD", count) => FetchDirection::Relative(number(count)?),
        ("BACKWARD", count) => FetchDirection::Relative(number(count)?.saturating_neg()),
        ("ABSOLUTE", count) => FetchDirection::Absolute(number(count)?),
        ("RELATIVE", count) => FetchDirection::SingleRelative(number(count)?),
        _ => FetchDirection::Relative(number(direction)?),
    };
    let (is_move, tag) = if verb == "MOVE" { (true, "MOVE") } else { (false, "FETCH") };
    let command = CursorCommand::Fetch { name, direction, is_move };
    Ok(Utility { action: Action::Cursor(command), tag: tag.to_owned() })
}

/// A count: an integer of 32 bits with its sign, as PostgreSQL's grammar has it.
fn number(tokens: &[Word]) -> Result<i64> {
    let (negative, digits) = match tokens {
        [(_, sign, _), digits] if sign == "-" => (true, Some(digits)),
        [(_, sign, _), digits] if sign == "+" => (false, Some(digits)),
        [digits] => (false, Some(digits)),
        _ => (false, None),
    };
    let value = digits.and_then(|(_, text, _)| text.parse::<i32>().ok()).map(i64::from);
    match value {
        Some(value) => Ok(if negative { value.saturating_neg() } else { value }),
        None => {
            let wrong = digits.or(tokens.first());
            let near = wrong.map_or("", |(_, text, _)| text.as_str());
            let error = PgError::error(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{near}\""));
            Err(match wrong {
                Some((_, _, at)) => error.position(nodes::offset(*at)),
                None => error,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::tests::{tables, try_translate};
    use crate::sql::{Action, CursorCommand, FetchDirection, TranslateError};

    fn command(sql: &str) -> CursorCommand {
        match try_translate(sql, &tables()).unwrap().translation.action {
            Action::Cursor(command) => command,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn code(sql: &str) -> String {
        match try_translate(sql, &tables()) {
            Err(TranslateError::Pg(error)) => error.code.to_string(),
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn every_direction_of_the_manual() {
        use FetchDirection::{Absolute, Relative, SingleRelative};
        for (words, expected) in [
            ("", Relative(1)),
            ("from", Relative(1)),
            ("next from", Relative(1)),
            ("prior in", Relative(-1)),
            ("first", Absolute(1)),
            ("last from", Absolute(-1)),
            ("absolute 5", Absolute(5)),
            ("absolute -5 from", Absolute(-5)),
            ("absolute +5 from", Absolute(5)),
            ("relative 0", SingleRelative(0)),
            ("forward from", Relative(1)),
            ("relative -2 in", SingleRelative(-2)),
            ("7", Relative(7)),
            ("-7 from", Relative(-7)),
            ("0 in", Relative(0)),
            ("all", Relative(i64::MAX)),
            ("forward", Relative(1)),
            ("forward 3 from", Relative(3)),
            ("forward -3 from", Relative(-3)),
            ("forward all in", Relative(i64::MAX)),
            ("backward", Relative(-1)),
            ("backward 3", Relative(-3)),
            ("backward all from", Relative(-i64::MAX)),
            ("/* how far */ forward\n100 -- rows\n from", Relative(100)),
        ] {
            let wanted = |is_move| CursorCommand::Fetch { name: "c".into(), direction: expected, is_move };
            assert_eq!(command(&format!("fetch {words} C")), wanted(false), "{words}");
            assert_eq!(command(&format!("MOVE {words} c;")), wanted(true), "{words}");
        }
        assert_eq!(code("fetch 3000000000 from c"), "42601");
        assert_eq!(code("fetch 1.5 from c"), "42601");
        assert_eq!(code("fetch relative from c"), "42601");
    }

    #[test]
    fn declare_in_all_its_spellings() {
        let declared = |name: &str, offset, binary, scroll, hold| CursorCommand::Declare {
            name: name.into(),
            sql: "select 1".into(),
            offset,
            binary,
            scroll,
            hold,
        };
        for (sql, expected) in [
            ("declare c cursor for select 1", declared("c", 21, false, None, false)),
            ("DECLARE \"My C\" CURSOR FOR select 1;", declared("My C", 26, false, None, false)),
            (
                "declare c binary insensitive no scroll cursor without hold for select 1",
                declared("c", 63, true, Some(false), false),
            ),
            ("declare c asensitive scroll cursor with hold for select 1 ;", declared("c", 49, false, Some(true), true)),
            ("declare c cursor for select 1 for read only", declared("c", 21, false, None, false)),
        ] {
            assert_eq!(command(sql), expected, "{sql}");
        }
        assert_eq!(code("declare c cursor for delete from known"), "42601");
        assert_eq!(code("declare c cursor with hold for select id from known for update"), "0A000");
    }

    #[test]
    fn close_one_and_all() {
        assert_eq!(command("close C"), CursorCommand::Close(Some("c".into())));
        assert_eq!(command("close all"), CursorCommand::Close(None));
    }
}
