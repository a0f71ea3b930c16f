//! Statements that the gateway answers alone: settings, and those that do nothing.

use std::rc::Rc;

use crate::sql::{Action, ModesScope, SettingCommand, TransactionModes};
use crate::types::{Oid, PgType};
use crate::wire::{Format, PgError, SendBuf, SqlState};

use super::outcome::Outcome;
use crate::session::client::Client;
use crate::session::understand::context::Cx;
use crate::session::understand::rows::{Field, put_row_description};

/// What a statement that needs no IRIS does.
#[derive(Debug)]
pub(crate) struct Local {
    pub command: LocalCommand,
    pub tag: Rc<str>,
    /// RowDescription goes in front of rows (simple protocol).
    pub describe: bool,
}

#[derive(Debug)]
pub(crate) enum LocalCommand {
    Nothing,
    Setting(SettingCommand),
}

/// The columns of a statement the gateway answers alone; `None`: no rows.
pub(crate) fn local_fields(action: &Action) -> Option<Vec<Field>> {
    let text = |name: &str| Field::new(name, PgType::new(Oid::TEXT), Format::Text);
    match action {
        Action::Setting(SettingCommand::Show(name)) if name.eq_ignore_ascii_case("all") => {
            Some(vec![text("name"), text("setting"), text("description")])
        }
        Action::Setting(SettingCommand::Show(name)) => {
            Some(vec![text(&crate::session::client::settings::Settings::canonical_name(name))])
        }
        _ => None,
    }
}

fn outside_block(message: &str) -> Box<PgError> {
    PgError::new(crate::wire::Severity::Warning, SqlState::NO_ACTIVE_TRANSACTION, message)
}

/// SET TRANSACTION lasts until the end of the block; SET SESSION CHARACTERISTICS sets the defaults of later ones.
fn set_modes(
    client: &mut Client,
    modes: &TransactionModes,
    scope: ModesScope,
    out: &mut SendBuf,
) -> Result<(), Box<PgError>> {
    let in_block = client.transaction.in_block();
    let in_transaction = client.in_transaction();
    let local = scope == ModesScope::Transaction;
    if local && !in_block {
        client.notice(&outside_block("SET TRANSACTION can only be used in transaction blocks"), out);
        return Ok(());
    }
    if local {
        super::control::check_modes(client, modes)?;
    }
    let prefix = if local { "" } else { "default_" };
    super::control::put_modes(client, modes, prefix, local, in_transaction)
}

fn discard_temporary(client: &mut Client) {
    client.temporary.drop_all(client.transaction.latest_savepoint(), &client.temporaries);
}

/// SET: the modes of the transaction under way have rules of their own.
fn set_by_statement(client: &mut Client, name: &str, value: Option<&str>, local: bool) -> Result<(), Box<PgError>> {
    let in_transaction = client.in_transaction();
    if let Some(value) = value {
        if name.eq_ignore_ascii_case("transaction_isolation") {
            let isolation = Some(value.to_owned());
            super::control::check_modes(client, &TransactionModes { isolation, ..TransactionModes::default() })?;
        } else if name.eq_ignore_ascii_case("transaction_read_only") {
            let writes = crate::types::boolean_word(value) == Some(false);
            let read_only = writes.then_some(false);
            super::control::check_modes(client, &TransactionModes { read_only, ..TransactionModes::default() })?;
        } else if name.eq_ignore_ascii_case("transaction_deferrable") {
            let deferrable = crate::types::boolean_word(value);
            super::control::check_modes(client, &TransactionModes { deferrable, ..TransactionModes::default() })?;
        }
    }
    client.settings.set(name, value, local, in_transaction)?;
    if !in_transaction {
        // The modes of a transaction that ends with its only statement.
        client.settings.forget_modes();
    }
    Ok(())
}

impl Local {
    /// # Errors
    /// The setting's own.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let (client, out) = (&mut *cx.client, &mut *cx.out);
        // A lone statement is a transaction of its own; several of one Query are one together.
        let in_block = client.transaction.in_block();
        let in_transaction = client.in_transaction();
        match &self.command {
            LocalCommand::Nothing if self.tag.is_empty() => return Ok(Outcome::Empty),
            LocalCommand::Nothing => {}
            LocalCommand::Setting(SettingCommand::Set { name, value, local }) => {
                if *local && !in_block {
                    client.notice(&outside_block("SET LOCAL can only be used in transaction blocks"), out);
                }
                set_by_statement(client, name, value.as_deref(), *local)?;
                if *local && !in_transaction {
                    client.settings.end_transaction(true);
                }
            }
            LocalCommand::Setting(SettingCommand::Modes { modes, scope }) => {
                set_modes(client, modes, *scope, out)?;
            }
            LocalCommand::Setting(SettingCommand::Reset(Some(name))) => client.settings.reset(name, in_transaction)?,
            LocalCommand::Setting(SettingCommand::Reset(None) | SettingCommand::DiscardAll) => {
                client.settings.reset_all(in_transaction);
                if matches!(self.command, LocalCommand::Setting(SettingCommand::DiscardAll)) {
                    super::channel::discard(client)?;
                    client.sequences.discard();
                    discard_temporary(client);
                }
            }
            LocalCommand::Setting(SettingCommand::DiscardSequences) => client.sequences.discard(),
            LocalCommand::Setting(SettingCommand::DiscardTemporary) => discard_temporary(client),
            LocalCommand::Setting(SettingCommand::Show(name)) => {
                let action = Action::Setting(SettingCommand::Show(name.clone()));
                let rows: Vec<Vec<String>> = if name.eq_ignore_ascii_case("all") {
                    let all = client.settings.all();
                    all.into_iter().map(|(name, value)| vec![name, value, String::new()]).collect()
                } else {
                    vec![vec![client.settings.show(name)?]]
                };
                if self.describe
                    && let Some(fields) = local_fields(&action)
                {
                    put_row_description(&fields, out);
                }
                for cells in &rows {
                    let mut row = out.begin_data_row();
                    for cell in cells {
                        row.value(cell.as_bytes())?;
                    }
                    row.finish()?;
                }
            }
        }
        client.tell_settings(out);
        Ok(Outcome::Complete((&self.tag).into()))
    }
}
