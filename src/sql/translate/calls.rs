//! Functions that the gateway carries out itself: advisory locks, notifications and waiting. They have effects outside of any
//! database, so they stand alone in a select list; anywhere else they are refused rather than run by somebody who
//! cannot know of them.

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::context::Result;
use crate::sql::plan::{
    AdvisoryOperation, Call, CallArgument, CallFunction, CatalogQuery, SequenceFunction, SleepKind,
};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, arguments};
use crate::sql::syntax::tree;
use crate::sql::syntax::with::is_with_table;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::expr::labels::label;
use crate::sql::translate::query::from::alias;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// What a name means; the number of arguments decides the rest.
fn function(name: &str) -> Option<CallFunction> {
    let lock = |is_try, is_shared, is_transaction| {
        Some(CallFunction::Advisory(AdvisoryOperation::Lock { is_try, is_shared, is_transaction }))
    };
    match name {
        "pg_advisory_lock" => lock(false, false, false),
        "pg_advisory_lock_shared" => lock(false, true, false),
        "pg_advisory_xact_lock" => lock(false, false, true),
        "pg_advisory_xact_lock_shared" => lock(false, true, true),
        "pg_try_advisory_lock" => lock(true, false, false),
        "pg_try_advisory_lock_shared" => lock(true, true, false),
        "pg_try_advisory_xact_lock" => lock(true, false, true),
        "pg_try_advisory_xact_lock_shared" => lock(true, true, true),
        "pg_advisory_unlock" => Some(CallFunction::Advisory(AdvisoryOperation::Unlock { is_shared: false })),
        "pg_advisory_unlock_shared" => Some(CallFunction::Advisory(AdvisoryOperation::Unlock { is_shared: true })),
        "pg_advisory_unlock_all" => Some(CallFunction::Advisory(AdvisoryOperation::UnlockAll)),
        "pg_notify" => Some(CallFunction::Notify),
        "pg_sleep" => Some(CallFunction::Sleep(SleepKind::Seconds)),
        "pg_sleep_for" => Some(CallFunction::Sleep(SleepKind::For)),
        "nextval" => Some(CallFunction::Sequence(SequenceFunction::Next)),
        "currval" => Some(CallFunction::Sequence(SequenceFunction::Current)),
        "setval" => Some(CallFunction::Sequence(SequenceFunction::Set)),
        "lastval" => Some(CallFunction::Sequence(SequenceFunction::Last)),
        "pg_sleep_until" => Some(CallFunction::Sleep(SleepKind::Until)),
        _ => None,
    }
}

/// Types of the parameters, by how many arguments there are.
fn signature(function: CallFunction, arguments_count: usize) -> Option<&'static [Oid]> {
    match (function, arguments_count) {
        (CallFunction::Advisory(AdvisoryOperation::UnlockAll), 0) => Some(&[]),
        (CallFunction::Advisory(AdvisoryOperation::UnlockAll), _) => None,
        (CallFunction::Advisory(_), 1) => Some(&[Oid::INT8]),
        (CallFunction::Advisory(_), 2) => Some(&[Oid::INT4, Oid::INT4]),
        (CallFunction::Notify, 2) => Some(&[Oid::TEXT, Oid::TEXT]),
        (CallFunction::Sequence(SequenceFunction::Last), 0) => Some(&[]),
        (CallFunction::Sequence(SequenceFunction::Next | SequenceFunction::Current), 1) => Some(&[Oid::TEXT]),
        (CallFunction::Sequence(SequenceFunction::Set), 2) => Some(&[Oid::TEXT, Oid::INT8]),
        (CallFunction::Sequence(SequenceFunction::Set), 3) => Some(&[Oid::TEXT, Oid::INT8, Oid::BOOL]),
        (CallFunction::Sleep(SleepKind::Seconds), 1) => Some(&[Oid::FLOAT8]),
        (CallFunction::Sleep(SleepKind::For), 1) => Some(&[Oid::INTERVAL]),
        (CallFunction::Sleep(SleepKind::Until), 1) => Some(&[Oid::TIMESTAMPTZ]),
        _ => None,
    }
}

/// The function of the family that a CALL_EXPR calls, and its name.
fn called(node: &SyntaxNode) -> Option<(CallFunction, String)> {
    if node.kind() != SyntaxKind::CALL_EXPR {
        return None;
    }
    let callee = node.first_child()?;
    if !matches!(callee.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
        return None;
    }
    let parts = names::folded_parts(&callee);
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == "pg_catalog" => name,
        _ => return None,
    };
    Some((function(name)?, name.clone()))
}

/// Whether a statement calls a function of the gateway anywhere. Such a statement must not be sent to IRIS or to the
/// oracle.
pub(crate) fn has_gateway_call(node: &SyntaxNode) -> bool {
    node.descendants().any(|node| called(&node).is_some())
}

/// A SELECT without FROM and WHERE: what it computes is computed once.
pub(crate) fn is_one_row(query: &SyntaxNode) -> bool {
    let clause = nodes::child(query, SyntaxKind::SELECT_CLAUSE);
    query.kind() == SyntaxKind::SELECT
        && query.children().count() == 1
        && clause.is_some_and(|clause| clause.children().count() == 1)
}

/// Whether all that the gateway has to do for a statement is about sequences.
fn has_sequence_calls_alone(query: &SyntaxNode) -> bool {
    let mut functions = query.descendants().filter_map(|node| called(&node));
    functions.all(|(function, _)| matches!(function, CallFunction::Sequence(_)))
}

/// What the gateway carries out of a query.
pub(crate) enum GatewayCalls {
    /// All of it.
    Alone(Vec<Call>),
    /// The sleeps; the oracle answers the query behind them.
    Before(Vec<Call>, CatalogQuery),
}

/// What tells the time without being a call: it would tell that behind the sleeps.
const TIME_WORDS: &[&str] = &["current_timestamp", "current_time", "current_date", "localtime", "localtimestamp"];

impl Cx<'_> {
    /// The calls that a query consists of or begins with; `None` when it has none of them.
    ///
    /// # Errors
    /// 0A000 when they do not stand alone in its select list; 42883 for arguments no such function takes.
    pub(crate) fn gateway_calls(&self, query: &SyntaxNode) -> Result<Option<GatewayCalls>> {
        if !has_gateway_call(query) {
            return Ok(None);
        }
        let calls = match self.calls_alone(query)? {
            Some(calls) => calls,
            // Among other columns they are values that the statement has before it is sent.
            None if is_one_row(query) && has_sequence_calls_alone(query) => return Ok(None),
            None => {
                if let Some(sleeps) = self.sleeps_first(query)?
                    && let Some(query) = self.catalog_query(query)?
                {
                    return Ok(Some(GatewayCalls::Before(sleeps, query)));
                }
                let call = query.descendants().find_map(|node| Some((called(&node)?.1, node)));
                let (name, at) =
                    call.map_or((String::new(), 0), |(name, node)| (name, node.text_range().start().into()));
                return Err(self
                    .unsupported(format!("{name}() is supported only alone in the select list of a query"), at)
                    .hint("The gateway carries it out itself: SELECT it without FROM, WHERE and other columns."));
            }
        };
        Ok(Some(GatewayCalls::Alone(calls)))
    }

    /// Sleeps that a query does once each, whatever else it does: `SELECT pg_sleep(1), 'x'`, `SELECT 1 FROM pg_sleep(1)`.
    /// It calls nothing else and reads no clock, so that nobody can tell when the rest was evaluated.
    fn sleeps_first(&self, query: &SyntaxNode) -> Result<Option<Vec<Call>>> {
        let is_plain = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::SELECT_CLAUSE | SyntaxKind::FROM_CLAUSE);
        if query.kind() != SyntaxKind::SELECT || !query.children().all(|child| is_plain(&child)) {
            return Ok(None);
        }
        let tells_time = |word: &str| TIME_WORDS.iter().any(|time| word.eq_ignore_ascii_case(time));
        let mut tokens = query.descendants_with_tokens().filter_map(SyntaxElement::into_token);
        if tokens.any(|token| tells_time(token.text())) {
            return Ok(None);
        }
        let Some(clause) = nodes::child(query, SyntaxKind::SELECT_CLAUSE) else { return Ok(None) };
        let Some(list) = nodes::child(&clause, SyntaxKind::TARGET_LIST) else { return Ok(None) };
        let mut places: Vec<SyntaxNode> = nodes::children(&list, SyntaxKind::TARGET).collect();
        if let Some(from) = nodes::child(query, SyntaxKind::FROM_CLAUSE) {
            let items: Vec<SyntaxNode> = from.children().collect();
            let [item] = items.as_slice() else { return Ok(None) };
            if item.first_child().is_none_or(|source| called(&source).is_none()) {
                return Ok(None);
            }
            places.push(item.clone());
        }
        let mut sleeps = Vec::new();
        for node in query.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR) {
            match called(&node) {
                Some((function @ CallFunction::Sleep(_), name))
                    if node.parent().is_some_and(|p| places.contains(&p)) =>
                {
                    sleeps.push(self.gateway_call(&node, function, &name, name.clone())?);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(sleeps))
    }

    /// `SELECT f(..) [AS a], ..` or `SELECT * FROM f(..) [AS a]`, and nothing else.
    fn calls_alone(&self, query: &SyntaxNode) -> Result<Option<Vec<Call>>> {
        if query.kind() != SyntaxKind::SELECT {
            return Ok(None);
        }
        let Some(clause) = nodes::child(query, SyntaxKind::SELECT_CLAUSE) else { return Ok(None) };
        let Some(list) = nodes::child(&clause, SyntaxKind::TARGET_LIST) else { return Ok(None) };
        if clause.children().count() != 1 {
            return Ok(None);
        }
        let from = nodes::child(query, SyntaxKind::FROM_CLAUSE);
        if query.children().count() != if from.is_some() { 2 } else { 1 } {
            return Ok(None);
        }
        let targets: Vec<SyntaxNode> = nodes::children(&list, SyntaxKind::TARGET).collect();
        if let Some(from) = from {
            let is_star = matches!(targets.as_slice(), [target] if nodes::has_token(target, SyntaxKind::STAR));
            let items: Vec<SyntaxNode> = from.children().collect();
            let [item] = items.as_slice() else { return Ok(None) };
            let parts: Vec<SyntaxNode> = item.children().collect();
            let (call, alias) = match parts.as_slice() {
                [call] => (call, None),
                [call, _] => match alias(item) {
                    Some(alias) if alias.columns.is_empty() => (call, Some(names::folded(&alias.name))),
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            };
            let Some((function, name)) = called(call).filter(|_| is_star) else { return Ok(None) };
            return Ok(Some(vec![self.gateway_call(call, function, &name, alias.unwrap_or_else(|| name.clone()))?]));
        }
        let mut calls = Vec::with_capacity(targets.len());
        for target in &targets {
            let Some(value) = target.first_child() else { return Ok(None) };
            let Some((function, name)) = called(&value) else { return Ok(None) };
            let alias = nodes::child(target, SyntaxKind::AS_NAME).and_then(|node| names::parts(&node).pop());
            let label = alias.map_or_else(|| label(self, &value), |alias| names::folded(&alias));
            calls.push(self.gateway_call(&value, function, &name, label)?);
        }
        Ok(Some(calls))
    }

    fn gateway_call(&self, node: &SyntaxNode, function: CallFunction, name: &str, label: String) -> Result<Call> {
        let nodes = arguments(node);
        let plain = nodes::child(node, SyntaxKind::ARG_LIST).is_none_or(|list| {
            let is_plain = |argument: SyntaxNode| {
                let names = argument.first_child().is_some_and(|value| value.kind() == SyntaxKind::NAMED_ARG);
                argument.children_with_tokens().count() == 1 && !names
            };
            nodes::children(&list, SyntaxKind::ARG).all(is_plain)
        });
        let only_arguments = node.children().count() == 2;
        if !plain || !only_arguments {
            let at = node.text_range().start().into();
            return Err(self.unsupported(format!("this way of calling {name}() is not supported"), at));
        }
        let wanted = signature(function, nodes.len());
        let mut found = Vec::with_capacity(nodes.len());
        let mut types = Vec::with_capacity(nodes.len());
        for (index, argument) in nodes.iter().enumerate() {
            // Without a signature the types are still needed, for the message.
            let oid = wanted.and_then(|wanted| wanted.get(index)).copied().unwrap_or(Oid::UNKNOWN);
            let (argument, own) = match function {
                CallFunction::Sleep(SleepKind::For | SleepKind::Until) if wanted.is_some() => {
                    (self.seconds_until(argument, function)?, None)
                }
                _ => self.call_argument(argument, oid)?,
            };
            found.push(argument);
            types.push(own);
        }
        let fits = wanted.is_some_and(|wanted| {
            types.iter().zip(wanted).all(|(own, wanted)| own.is_none_or(|own| is_accepted(own, *wanted)))
        });
        if !fits {
            let types: Vec<String> = types.iter().map(|own| PgType::new(own.unwrap_or(Oid::UNKNOWN)).name()).collect();
            let message = format!("function {name}({}) does not exist", types.join(", "));
            return Err(PgError::error(SqlState::UNDEFINED_FUNCTION, message)
                .hint(
                    "No function matches the given name and argument types. You might need to add explicit type casts.",
                )
                .position(nodes::offset(node.text_range().start().into())));
        }
        Ok(Call { function, arguments: found, label })
    }

    /// The seconds that an interval, or the time up to a moment, is: what PostgreSQL's own definitions of these functions
    /// say, evaluated when the waiting begins.
    fn seconds_until(&self, node: &SyntaxNode, function: CallFunction) -> Result<CallArgument> {
        let now = "EXTRACT(EPOCH FROM pg_catalog.clock_timestamp())";
        let written = self.as_written(node)?;
        let sql = match function {
            CallFunction::Sleep(SleepKind::For) => {
                format!("EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() + CAST(({written}) AS interval)) - {now}")
            }
            _ => format!("EXTRACT(EPOCH FROM CAST(({written}) AS timestamp with time zone)) - {now}"),
        };
        Ok(CallArgument::Expression { sql, oid: Oid::FLOAT8 })
    }

    /// The text of an expression for PostgreSQL to read.
    ///
    /// # Errors
    /// 0A000 where it reads a table: PostgreSQL has its definition alone.
    fn as_written(&self, node: &SyntaxNode) -> Result<String> {
        let mut tables = node.descendants().filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
        let is_read = |name: &SyntaxNode| !is_with_table(name) && !self.is_catalog_relation(&names::folded_parts(name));
        if let Some(table) = tables.find(is_read) {
            let at = usize::from(table.text_range().start());
            return Err(self
                .unsupported("a sub-query over a table is not supported as an argument of this function", at)
                .hint("Ask for the value first, and send it as a constant or a parameter."));
        }
        // Its literals are in the text.
        let range = node.text_range();
        let (start, end) = (usize::from(range.start()), usize::from(range.end()));
        for n in 0..u16::try_from(self.template.literals.len()).unwrap_or(u16::MAX) {
            self.pin(n);
        }
        self.declare_mentioned(node)?;
        Ok(self.sql.get(start..end).unwrap_or_default().to_owned())
    }

    /// An argument that shall be an `oid`, and the type it has by itself; `None` for what only PostgreSQL can tell.
    fn call_argument(&self, node: &SyntaxNode, oid: Oid) -> Result<(CallArgument, Option<Oid>)> {
        match self.plain_argument(&tree::read(node)?, oid, false)? {
            Some((argument, own)) => Ok((argument, Some(own))),
            None => Ok((CallArgument::Expression { sql: self.as_written(node)?, oid }, None)),
        }
    }

    /// Parameters inside an expression are parameters of the statement, of a type PostgreSQL knows.
    fn declare_mentioned(&self, node: &SyntaxNode) -> Result<()> {
        for token in node.descendants_with_tokens().filter_map(SyntaxElement::into_token) {
            if token.kind() == SyntaxKind::POSITIONAL_PARAM {
                self.parameter(token.text(), token.text_range().start().into())?;
            }
        }
        Ok(())
    }
}

/// Whether PostgreSQL casts `own` to the parameter's type by itself.
fn is_accepted(own: Oid, wanted: Oid) -> bool {
    match wanted {
        Oid::INT8 => matches!(own, Oid::UNKNOWN | Oid::INT2 | Oid::INT4 | Oid::INT8),
        Oid::INT4 => matches!(own, Oid::UNKNOWN | Oid::INT2 | Oid::INT4),
        Oid::BOOL => matches!(own, Oid::UNKNOWN | Oid::BOOL),
        Oid::FLOAT8 => {
            matches!(own, Oid::UNKNOWN | Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC | Oid::FLOAT4 | Oid::FLOAT8)
        }
        _ => matches!(own, Oid::UNKNOWN | Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME),
    }
}
