//! Extended query: Parse, Bind, Describe, Execute, Close (protocol-flow chapter, "Extended Query").

use std::rc::Rc;
use std::time::SystemTime;

use crate::sql::{Action, CursorCommand, Template, statement_start};
use crate::types::Oid;
use crate::wire::{Bind, Parse, PgError, SendBuf, SqlState, Target};

use super::executing::{Behind, Executing, Framing, Origin, Purpose};
use super::portal::{Portal, PortalState, no_portal};
use super::ready::{Ready, in_failed_block};
use crate::session::client::Client;
use crate::session::contract::step::Step;
use crate::session::run::arguments::{Arguments, argument_values, constants};
use crate::session::run::bind::{Values, bind_values};
use crate::session::run::cursor::SharedCursor;
use crate::session::run::script::Run;
use crate::session::run::values::{Parameter, Sources};
use crate::session::run::{Operation, follows};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::resolve::Resolve;
use crate::session::understand::rows::{Field, Formats};
use crate::session::understand::rules::{ends_failed_block, needs_transaction, nested, result_changed};
use crate::session::understand::statement::Statement;

impl Ready {
    pub(in crate::session) fn on_parse(&mut self, parse: &Parse<'_>, out: &mut SendBuf) -> Step {
        self.client.begin_statement(parse.sql);
        let result = self.start_parse(parse, out);
        self.settle(result, Framing::Message, out)
    }

    fn start_parse(&mut self, parse: &Parse<'_>, out: &mut SendBuf) -> Result<Option<Step>, Box<PgError>> {
        if parse.name.is_empty() {
            self.statements.remove("");
            if self.parse_known(parse)? {
                out.put_parse_complete();
                return Ok(None);
            }
        } else {
            self.check_statement_name(parse.name)?;
        }
        let mut template = Template::default();
        let start = statement_start(parse.sql, 0).unwrap_or(parse.sql.len());
        let text = parse.sql.get(start..).unwrap_or_default();
        let sql = Resolve::scan_first(text, &mut template, &self.client)?;
        if statement_start(text, sql.len()).is_some() {
            return Err(PgError::error(
                SqlState::SYNTAX_ERROR,
                "cannot insert multiple commands into a prepared statement",
            ));
        }
        self.check_statement_bytes(sql)?;
        let types: Vec<Oid> = parse.type_oids().map(Oid).collect();
        let resolve = Resolve::with_types(sql, template, &types);
        self.understand(resolve, Purpose::Parse { name: parse.name.to_owned(), types, outer: None }, out)
    }

    /// Parse of a text that a client of the shard has parsed without a name before. False: it has to be understood.
    fn parse_known(&mut self, parse: &Parse<'_>) -> Result<bool, Box<PgError>> {
        if self.statements.len() >= self.context.options.limits.statements_max {
            return Ok(false);
        }
        let (types, epoch) = (parse.type_oids().map(Oid), self.context.epoch());
        let known = self.context.parsed.borrow_mut().get(parse.sql, types, &self.client, epoch);
        let Some(statement) = known else { return Ok(false) };
        if self.client.transaction.is_failed() {
            return Err(in_failed_block());
        }
        self.statements.insert("", statement);
        Ok(true)
    }

    pub(in crate::session) fn finish_parse(
        &mut self,
        name: &str,
        types: &[Oid],
        understood: Rc<Understood>,
        resolve: Resolve,
        outer: Option<Box<Statement>>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        if self.client.transaction.is_failed() && !ends_failed_block(&understood.translation.action) {
            return Err(in_failed_block());
        }
        let mut statement = Statement::new(understood, resolve.into_parts(), types, self.context.epoch());
        if let Some(outer) = outer {
            statement = Statement::around(*outer, statement);
        } else if nested(&statement.understood.translation.action, types).is_some() {
            return self.parse_nested(name, types, statement, out);
        }
        let statement = self.add_statement(name.to_owned(), statement)?;
        let shared = Resolve::of_template(&statement.template, &self.context);
        if name.is_empty() && shared.is_some_and(|shared| Rc::ptr_eq(&shared, &statement.understood)) {
            self.context.parsed.borrow_mut().keep(&statement, &self.client);
        }
        out.put_parse_complete();
        Ok(None)
    }

    /// DECLARE and PREPARE: what they are about is understood as well.
    fn parse_nested(
        &mut self,
        name: &str,
        types: &[Oid],
        outer: Statement,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let understood = Rc::clone(&outer.understood);
        let Some(inner) = nested(&understood.translation.action, types) else { return Ok(None) };
        let mut template = Template::default();
        Resolve::scan(inner.sql, &mut template, &self.client)?;
        let resolve = Resolve::with_types(inner.sql, template, inner.parameter_types);
        let types = inner.parameter_types.to_vec();
        let purpose = Purpose::Parse { name: name.to_owned(), types, outer: Some(Box::new(outer)) };
        self.understand(resolve, purpose, out)
    }

    pub(in crate::session) fn on_bind(&mut self, bind: &Bind<'_>, body: &[u8], out: &mut SendBuf) -> Step {
        let result = self.start_bind(bind, body, out);
        self.settle(result, Framing::Message, out)
    }

    pub(in crate::session) fn start_bind(
        &mut self,
        bind: &Bind<'_>,
        body: &[u8],
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let statement = self.statement(bind.statement)?;
        self.client.begin_statement(&statement.sql);
        if self.client.transaction.is_failed() && !ends_failed_block(&statement.understood.translation.action) {
            return Err(in_failed_block());
        }
        let subject = statement.subject();
        let executes = matches!(statement.understood.translation.action, Action::Execute { .. });
        if executes && let Some((named, resolve)) = self.renewed_by_execute(&statement.understood)? {
            return self.understand(resolve, Purpose::Renew(named, Box::new(Behind::Bind(body.to_vec()))), out);
        }
        // Each table is made in a place of its own.
        let is_for_once = !subject.understood.is_plain && subject.understood.translation.makes_temporary();
        let is_outdated = is_for_once || subject.is_outdated_by_temporary(&self.client);
        if !is_outdated && subject.epoch == self.context.epoch() && self.client.means(&subject.template) {
            return self.finish_bind(bind, &statement, out);
        }
        let mut template = Template::default();
        Resolve::scan(&subject.sql, &mut template, &self.client)?;
        let resolve = Resolve::with_types(&subject.sql, template, &subject.client_types);
        self.understand(resolve, Purpose::Bind(Rc::clone(&statement), body.to_vec()), out)
    }

    /// The statement that EXECUTE names, where a name in it may mean another table by now: temporary ones have come or gone.
    #[cold]
    pub(in crate::session) fn renewed_by_execute(
        &self,
        execute: &Understood,
    ) -> Result<Option<(Rc<Statement>, Resolve)>, Box<PgError>> {
        let Action::Execute { name, .. } = &execute.translation.action else { return Ok(None) };
        let named = self.statement(name)?;
        let subject = named.subject();
        if !subject.is_outdated_by_temporary(&self.client) {
            return Ok(None);
        }
        let mut template = Template::default();
        Resolve::scan(&subject.sql, &mut template, &self.client)?;
        let resolve = Resolve::with_types(&subject.sql, template, &subject.client_types);
        Ok(Some((named, resolve)))
    }

    /// The statement as the changed schema makes it. Its columns must stay what the client was told.
    pub(in crate::session) fn renew(
        &mut self,
        old: &Rc<Statement>,
        understood: Rc<Understood>,
        resolve: Resolve,
    ) -> Result<Rc<Statement>, Box<PgError>> {
        let mut statement =
            Statement::new(understood, resolve.into_parts(), &old.subject().client_types, self.context.epoch());
        let columns = |statement: &Statement| -> Option<Vec<(String, Oid, i32)>> {
            let fields = self.statement_fields(statement, &Formats::text()).ok().flatten()?;
            let told = |field: &Field| (field.name.clone(), field.pg_type.oid, field.pg_type.wire_typmod());
            Some(fields.as_slice().iter().map(told).collect())
        };
        let subject = old.subject();
        if old.inner.is_none() && columns(&statement) != columns(subject) {
            return Err(result_changed());
        }
        statement.name.clone_from(&subject.name);
        (statement.from_sql, statement.prepared_at) = (subject.from_sql, subject.prepared_at);
        statement.parameter_types.clone_from(&subject.parameter_types);
        if old.inner.is_some() {
            statement = Statement { inner: Some(Rc::new(statement)), ..Statement::clone(old) };
        }
        let statement = Rc::new(statement);
        self.statements.insert(&old.name, Rc::clone(&statement));
        Ok(statement)
    }

    pub(in crate::session) fn finish_bind(
        &mut self,
        bind: &Bind<'_>,
        statement: &Rc<Statement>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let name = bind.portal;
        if name.is_empty() {
            self.portals.close_unnamed(&mut self.closes);
        }
        self.check_portal_name(name)?;
        let (given, wanted) = (bind.parameters.len(), statement.parameter_types.len());
        if given != wanted {
            return Err(PgError::error(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "bind message supplies {given} parameters, but prepared statement \"{}\" requires {wanted}",
                    bind.statement
                ),
            ));
        }
        let formats = Formats::new(bind.result_formats.iter());
        let given = bind.formatted_parameters().zip(&statement.parameter_types);
        let parameters = given.map(|((format, bytes), oid)| Parameter { oid: *oid, format, bytes });
        let bound = statement.bound();
        let values = self.context.with_parameters(parameters, |parameters| {
            let sources = Sources { sql: &bound.sql, template: &bound.template, parameters, context: &self.context };
            let mut cx = Cx { shard: &self.context, client: &mut self.client, out };
            bind_values(&bound.understood, &sources, &formats, &mut cx)
        })?;
        let savepoint = self.client.transaction.latest_savepoint();
        let created_at = SystemTime::now();
        let portal = |state| Portal {
            statement: Rc::clone(statement),
            formats,
            state,
            created_at,
            is_declared: false,
            savepoint,
        };
        if name.is_empty() {
            // Made where it stays.
            self.portals.set_unnamed(portal(PortalState::Bound(values)));
        } else {
            let portal = portal(PortalState::Bound(values));
            self.charge_portal(name, &portal)?;
            self.portals.insert(name, portal);
        }
        out.put_bind_complete();
        Ok(None)
    }

    pub(in crate::session) fn on_describe(&mut self, target: Target, name: &str, out: &mut SendBuf) -> Step {
        self.client.begin_message();
        let result = self.describe(target, name, out);
        self.settle(result.map(|()| None), Framing::Message, out)
    }

    fn describe(&mut self, target: Target, name: &str, out: &mut SendBuf) -> Result<(), Box<PgError>> {
        let fields = match target {
            Target::Statement => {
                let statement = self.statement(name)?;
                out.put_parameter_description(statement.parameter_types.iter().map(|oid| oid.0));
                self.statement_fields(&statement, &Formats::text())?
            }
            Target::Portal => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                self.statement_fields(&portal.statement, &portal.formats)?
            }
        };
        match fields {
            Some(fields) => fields.put_description(out),
            None => out.put_no_data(),
        }
        Ok(())
    }

    pub(in crate::session) fn on_execute(
        &mut self,
        portal: &str,
        rows_max: u32,
        lookahead: Option<u8>,
        out: &mut SendBuf,
    ) -> Step {
        let result = self.start_execute(portal, rows_max, lookahead, out);
        self.settle(result, Framing::Execute, out)
    }

    fn start_execute(
        &mut self,
        name: &str,
        rows_max: u32,
        lookahead: Option<u8>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let portal = self.portals.get_mut(name).ok_or_else(|| no_portal(name))?;
        let statement = Rc::clone(&portal.statement);
        let understood = Rc::clone(&statement.understood);
        self.client.begin_statement(&statement.sql);
        let action = &understood.translation.action;
        if self.client.transaction.is_failed() && !ends_failed_block(action) {
            return Err(in_failed_block());
        }
        let formats = portal.formats.clone();
        if let (PortalState::Bound(Values::Iris(values)), Action::Script(_)) = (&mut portal.state, action)
            && (understood.is_plain || !is_wrapped(&understood, &self.context, &self.client))
        {
            let values = std::mem::take(values);
            // Made where it stays.
            portal.state =
                PortalState::Running(Operation::Run(Run::new(Rc::clone(&understood), values, formats, false)));
            self.separate_portal(name);
            self.begin_lone(&understood, lookahead);
            self.executing = Some(Executing { operation: None, understood, origin: Origin::Portal(name.to_owned()) });
            return self.start(rows_max.into(), out);
        }
        let state = std::mem::replace(&mut portal.state, PortalState::Spent);
        let mut operation = match (state, action) {
            (PortalState::Running(operation), _) => operation,
            (PortalState::Spent, _) => {
                return Err(PgError::error(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("portal \"{name}\" cannot be run"),
                ));
            }
            (PortalState::Bound(_), Action::Deallocate(of)) => {
                self.deallocate(of.as_deref())?;
                out.put_command_complete(&understood.translation.tag);
                return Ok(None);
            }
            (PortalState::Cursor(cursor), _) => {
                portal.state = PortalState::Cursor(SharedCursor::clone(&cursor));
                self.execute_cursor(name, cursor)
            }
            (PortalState::Bound(_), Action::Prepare { name, .. }) => {
                self.check_statement_name(name)?;
                let prepared = statement.inner.as_deref().cloned().ok_or_else(|| no_portal(name))?;
                self.add_statement(name.clone(), Statement { from_sql: true, ..prepared })?;
                out.put_command_complete(&understood.translation.tag);
                return Ok(None);
            }
            (PortalState::Bound(values), Action::Cursor(command @ CursorCommand::Declare { .. })) => {
                let inner = statement.inner.clone().ok_or_else(|| no_portal(name))?;
                self.declare(command, inner, values, false)?
            }
            (PortalState::Bound(_), Action::Execute { name, arguments }) => {
                let prepared = self.statement(name)?;
                if needs_transaction(&prepared.understood) {
                    self.client.transaction.begin_implicit();
                }
                match Arguments::new(&prepared, arguments, &formats, false, &self.context, &self.client)? {
                    Some(unknown) => Operation::Arguments(Box::new(unknown)),
                    None => {
                        let texts = constants(arguments);
                        let values = argument_values(&prepared, &texts, &formats, &mut self.cx(out))?;
                        let understood = Rc::clone(&prepared.understood);
                        Operation::new(understood, values, formats.clone(), false, &self.context, &self.client)?
                    }
                }
            }
            (PortalState::Bound(values), _) => match self.named_operation(&understood, Some(&formats))? {
                Some(operation) => operation,
                None => {
                    let understood = Rc::clone(&understood);
                    Operation::new(understood, values, formats.clone(), false, &self.context, &self.client)?
                }
            },
        };
        self.separate(&mut operation);
        self.begin_lone(&understood, lookahead);
        self.execute(operation, understood, Origin::Portal(name.to_owned()), rows_max.into(), out)
    }

    /// One Execute before Sync is its own transaction in IRIS as it is; more of them need one around them.
    fn begin_lone(&mut self, understood: &Understood, lookahead: Option<u8>) {
        if lookahead != Some(b'S') || needs_transaction(understood) {
            self.client.transaction.begin_implicit();
        }
    }

    /// The portal may be executed again: for more rows, or to be told that there are none.
    pub(in crate::session) fn put_back(&mut self) {
        // What is of no more use is not moved.
        if !matches!(self.executing, Some(Executing { operation: Some(_), origin: Origin::Portal(_), .. })) {
            self.executing = None;
            return;
        }
        let Some(Executing { operation: Some(operation), origin: Origin::Portal(name), .. }) = self.executing.take()
        else {
            return;
        };
        let own_cursor = if let Operation::Cursor(run) = &operation { run.own_cursor() } else { None };
        if let Some(portal) = self.portals.get_mut(&name) {
            portal.state = own_cursor.map_or(PortalState::Running(operation), PortalState::Cursor);
        }
    }

    pub(in crate::session) fn on_close(&mut self, target: Target, name: &str, out: &mut SendBuf) -> Step {
        match target {
            Target::Statement => {
                self.statements.remove(name);
            }
            Target::Portal => {
                if let Some(mut portal) = self.portals.remove(name) {
                    self.closes.extend(portal.take_result());
                }
            }
        }
        out.put_close_complete();
        Step::NeedFrame
    }
}

/// Whether more stands around a script than itself.
#[cold]
pub(in crate::session) fn is_wrapped(understood: &Understood, context: &ShardContext, client: &Client) -> bool {
    follows(understood, context)
        || understood.translation.rehearsal.is_some()
        || Operation::defines(understood, context, client)
}
