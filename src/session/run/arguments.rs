//! SQL-level EXECUTE with arguments that are expressions: the oracle evaluates them before the statement starts.

use std::fmt::Write as _;
use std::rc::Rc;

use crate::sql::ExecuteArgument;
use crate::types::{Oid, PgType};
use crate::wire::{Format, PgError, SqlState};

use super::Operation;
use super::bind::{Values, bind_values};
use super::catalog::CatalogStatement;
use super::evaluation::Evaluation;
use super::values::{Parameter, Sources};
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, ShardContext};
use crate::session::understand::rows::Formats;
use crate::session::understand::statement::Statement;

/// A prepared statement whose arguments are not known yet.
#[derive(Debug)]
pub(crate) struct Arguments {
    statement: Rc<Statement>,
    arguments: Vec<ExecuteArgument>,
    formats: Formats,
    describe: bool,
    rows_max: u64,
    evaluation: Option<Evaluation>,
}

impl Arguments {
    /// `None`: all arguments are constants.
    ///
    /// # Errors
    /// 42601 for a wrong number of arguments, 0A000 for an expression when there is no oracle, or after a change of
    /// time zone or DateStyle.
    pub(crate) fn new(
        statement: &Rc<Statement>,
        arguments: &[ExecuteArgument],
        formats: &Formats,
        describe: bool,
        context: &ShardContext,
        client: &Client,
    ) -> Result<Option<Self>, Box<PgError>> {
        if !client.means(&statement.template) {
            return Err(PgError::unsupported("the statement was prepared under another time zone or DateStyle").hint(
                "PREPARE it again after changing TimeZone between UTC and another one, or DateStyle between ISO and \
                 another one.",
            ));
        }
        check_count(statement, arguments)?;
        if !arguments.iter().any(|argument| matches!(argument, ExecuteArgument::Expression(_))) {
            return Ok(None);
        }
        if !context.options.has_oracle {
            return Err(PgError::unsupported("arguments of EXECUTE must be constants")
                .hint("Send the value itself, or use a Bind message."));
        }
        Ok(Some(Self {
            statement: Rc::clone(statement),
            arguments: arguments.to_vec(),
            formats: formats.clone(),
            describe,
            rows_max: 0,
            evaluation: None,
        }))
    }

    pub(crate) fn start(&mut self, rows_max: u64, cx: &Cx<'_>) -> Want {
        self.rows_max = rows_max;
        let is_open = |argument: &&ExecuteArgument| matches!(argument, ExecuteArgument::Expression(_));
        let statement = CatalogStatement { sql: self.sql(), ..CatalogStatement::default() };
        let open_count = self.arguments.iter().filter(is_open).count();
        let evaluation = Evaluation::new(&statement, open_count, cx.shard, cx.client);
        let want = evaluation.ask();
        self.evaluation = Some(evaluation);
        want
    }

    /// One column for each expression, as text of the type that its parameter has.
    fn sql(&self) -> String {
        let mut sql = String::from("SELECT");
        let mut separator = ' ';
        for (argument, oid) in self.arguments.iter().zip(&self.statement.parameter_types) {
            let ExecuteArgument::Expression(expression) = argument else { continue };
            // Writing into a String does not fail.
            let _ = match cast_name(*oid) {
                Some(name) => write!(sql, "{separator}CAST(CAST(({expression}) AS {name}) AS text)"),
                None => write!(sql, "{separator}CAST(({expression}) AS text)"),
            };
            separator = ',';
        }
        sql
    }

    /// What the arguments are for, to be started with that row limit.
    ///
    /// # Errors
    /// PostgreSQL's own error of an expression, that of a value which does not fit, or why it could not be asked.
    pub(crate) fn resume(
        &mut self,
        event: Event<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<(Operation, u64)>, Box<PgError>> {
        let Some(evaluation) = &mut self.evaluation else { return Err(cx.shard.unwaited()) };
        let cells = match evaluation.resume(event, cx.shard, cx.client)? {
            Progress::Wait(want) => return Ok(Progress::Wait(want)),
            Progress::Ready(cells) => cells,
        };
        let mut cells = cells.into_iter();
        let texts: Vec<Option<String>> = self
            .arguments
            .iter()
            .map(|argument| match argument {
                ExecuteArgument::Constant(text) => text.clone(),
                ExecuteArgument::Expression(_) => cells.next().flatten(),
            })
            .collect();
        let values = argument_values(&self.statement, &texts, &self.formats, cx)?;
        let understood = Rc::clone(&self.statement.understood);
        let formats = std::mem::take(&mut self.formats);
        let mut operation = Operation::new(understood, values, formats, self.describe, cx.shard, cx.client)?;
        // Which results are open on the lease is not known here.
        if let Operation::Run(run) = &mut operation {
            run.separate(cx.shard.next_statement_key());
        }
        Ok(Progress::Ready((operation, self.rows_max)))
    }
}

/// The explanation of a prepared statement, as the oracle is asked for it.
///
/// # Errors
/// 42601 for a wrong number of arguments, 0A000 for an argument that is an expression.
pub(crate) fn explained(
    explain: &str,
    statement: &Statement,
    arguments: &[ExecuteArgument],
) -> Result<CatalogStatement, Box<PgError>> {
    check_count(statement, arguments)?;
    if arguments.iter().any(|argument| matches!(argument, ExecuteArgument::Expression(_))) {
        return Err(PgError::unsupported("arguments of an EXECUTE that is explained must be constants")
            .hint("Send the value itself."));
    }
    let value = |text: Option<String>| (Format::Text, text.map(String::into_bytes));
    Ok(CatalogStatement {
        sql: format!("{explain}{}", statement.sql),
        parameter_types: statement.parameter_types.clone(),
        values: constants(arguments).into_iter().map(value).collect(),
        ..CatalogStatement::default()
    })
}

fn check_count(statement: &Statement, arguments: &[ExecuteArgument]) -> Result<(), Box<PgError>> {
    let expected = statement.parameter_types.len();
    // As in PostgreSQL, nobody looks at the arguments of a statement without parameters.
    if arguments.len() == expected || expected == 0 {
        return Ok(());
    }
    let message = format!("wrong number of parameters for prepared statement \"{}\"", statement.name);
    Err(PgError::error(SqlState::SYNTAX_ERROR, message)
        .detail(format!("Expected {expected} parameters but got {}.", arguments.len())))
}

/// The type as CAST names it; `None`: one that has no name here, or whose name alone stands for a length of 1.
fn cast_name(oid: Oid) -> Option<String> {
    let name = PgType::new(oid).name();
    (!matches!(oid, Oid::BPCHAR | Oid::BIT) && name != "???").then_some(name)
}

/// The arguments that need no evaluation, in text form.
pub(crate) fn constants(arguments: &[ExecuteArgument]) -> Vec<Option<String>> {
    let text = |argument: &ExecuteArgument| match argument {
        ExecuteArgument::Constant(text) => Some(text.clone()),
        ExecuteArgument::Expression(_) => None,
    };
    arguments.iter().filter_map(text).collect()
}

/// The values of a prepared statement from its arguments in text form.
///
/// # Errors
/// As [`bind_values`].
pub(crate) fn argument_values(
    statement: &Statement,
    texts: &[Option<String>],
    formats: &Formats,
    cx: &mut Cx<'_>,
) -> Result<Values, Box<PgError>> {
    let parameters: Vec<Parameter<'_>> = texts
        .iter()
        .zip(&statement.parameter_types)
        .map(|(text, oid)| Parameter { oid: *oid, format: Format::Text, bytes: text.as_deref().map(str::as_bytes) })
        .collect();
    let sources =
        Sources { sql: &statement.sql, template: &statement.template, parameters: &parameters, context: cx.shard };
    bind_values(&statement.understood, &sources, formats, cx)
}
