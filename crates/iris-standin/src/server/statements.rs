//! Statements by the client's ids: prepare, run, batches, generated keys (facts, sections 6, 18.3 and 18.5).

use super::{
    Backend, Engine, PreparedStatement,
    errors::malformed,
    results::QueryLimits,
    session::{Fault, Session},
    transport::{Body, Head},
    values,
};
use crate::engine::{SqlError, Value};
use iris_protocol::{
    ColumnDescription, IrisType, Item, ItemReader, ListError, ParameterDescription, ParameterKind, STATUS_END,
    STATUS_FORGOTTEN, STATUS_OK, StatementMetadata, list::put_int, put_columns,
};

/// Sets without values cost no bytes, so they need a bound of their own.
const EMPTY_SETS_MAX: usize = 10_000;
/// Values of one request. An item can be one byte long, a value takes 32.
const VALUES_MAX: usize = 16 << 20;
/// All texts a connection prepared.
const STATEMENT_BYTES_MAX: usize = 64 << 20;

/// A text under an id. The text stays even when UC names the id: JDBC goes on using it.
pub(super) struct Statement<S> {
    text: String,
    kinds: Vec<ParameterKind>,
    /// What the client was told of it, by which it writes values and reads rows.
    told: Option<StatementMetadata>,
    prepared: Option<Prepared<S>>,
}

/// What a text means.
#[derive(Clone)]
pub(super) enum Prepared<S> {
    Engine(S),
    /// `CANCEL QUERY`: the server's own affair.
    Cancel(Cancel),
    /// `%SYSTEM.SQL_GetROWID`, by SP.
    RowIdProcedure,
}

#[derive(Clone)]
pub(super) struct Cancel {
    /// The number in the text, or the first parameter.
    job: Option<u32>,
    metadata: StatementMetadata,
}

impl<S: PreparedStatement> Prepared<S> {
    fn metadata(&self) -> Option<&StatementMetadata> {
        match self {
            Self::Engine(statement) => Some(statement.metadata()),
            Self::Cancel(cancel) => Some(&cancel.metadata),
            Self::RowIdProcedure => None,
        }
    }

    fn is_query(&self) -> bool {
        matches!(self, Self::Engine(statement) if statement.is_query())
    }
}

/// Row ids that GG will ask for.
pub(super) struct GeneratedKeys {
    /// Column the program named; empty: any.
    column: String,
    ids: Vec<i64>,
}

/// PU's part of a request.
struct Sets {
    /// Generated keys wanted: `-1`, a column's name or its number; empty for none.
    keys: String,
    sets: Vec<Vec<Value>>,
}

type Text = (String, Vec<ParameterKind>);

/// PP's part of a request.
fn read_text(reader: &mut ItemReader<'_>) -> Result<Text, ListError> {
    let pieces = reader.count("text pieces")?;
    let mut text = String::new();
    for _ in 0..pieces {
        text.push_str(&reader.text("text")?);
    }
    let count = reader.count("parameter count")?;
    let kinds = (0..count).map(|_| read_kind(reader)).collect::<Result<_, _>>()?;
    Ok((text, kinds))
}

/// `?` or `c` as text (Python) or as its character code (JDBC, Go), then the class.
fn read_kind(reader: &mut ItemReader<'_>) -> Result<ParameterKind, ListError> {
    let literal = match reader.need("parameter kind")? {
        Item::Latin1(b"c") | Item::Int(99) => true,
        Item::Latin1(_) | Item::Int(_) => false,
        _ => return Err(ListError::Unexpected("parameter kind")),
    };
    let class = reader.int("parameter class")?;
    Ok(match (literal, class) {
        (false, _) => ParameterKind::User,
        (true, 10) => ParameterKind::IntegerLiteral,
        (true, 11) => ParameterKind::NumberLiteral,
        (true, _) => ParameterKind::StringLiteral,
    })
}

fn count_of(value: i64, field: &'static str) -> Result<usize, ListError> {
    usize::try_from(value).map_err(|_| ListError::OutOfRange(field))
}

impl<E: Engine> Session<'_, E> {
    /// Understands a text.
    fn understand(
        &mut self,
        text: &str,
        kinds: &[ParameterKind],
    ) -> Result<Prepared<<E::Backend as Backend>::Statement>, SqlError> {
        match cancel_of(text, kinds) {
            Some(cancel) => Ok(Prepared::Cancel(cancel)),
            None => self.backend.prepare(text, kinds).map(Prepared::Engine),
        }
    }

    /// Understands a text and keeps it under the id, in place of what was there.
    fn keep(&mut self, statement_id: u32, (text, kinds): Text) -> Result<(), SqlError> {
        let prepared = self.understand(&text, &kinds)?;
        let told = prepared.metadata().cloned();
        self.insert(statement_id, Statement { text, kinds, told, prepared: Some(prepared) })
    }

    fn insert(
        &mut self,
        statement_id: u32,
        statement: Statement<<E::Backend as Backend>::Statement>,
    ) -> Result<(), SqlError> {
        let old = self.statements.remove(&statement_id).map_or(0, |old| old.text.len());
        self.statement_bytes = self.statement_bytes.saturating_sub(old);
        let bytes = self.statement_bytes.saturating_add(statement.text.len());
        if self.statements.len() >= self.options().statements_max || bytes > STATEMENT_BYTES_MAX {
            return Err(SqlError::prepare(462, "This connection has prepared too many statements"));
        }
        self.statement_bytes = bytes;
        self.statements.insert(statement_id, statement);
        Ok(())
    }

    pub(super) fn insert_procedure(&mut self, statement_id: u32) -> Result<(), SqlError> {
        let prepared = Some(Prepared::RowIdProcedure);
        self.insert(statement_id, Statement { text: String::new(), kinds: Vec::new(), told: None, prepared })
    }

    pub(super) fn is_row_id_procedure(&self, statement_id: u32) -> bool {
        let statement = self.statements.get(&statement_id);
        statement.is_some_and(|statement| matches!(statement.prepared, Some(Prepared::RowIdProcedure)))
    }

    /// What stands under an id, prepared anew when it was forgotten or the schema changed since.
    ///
    /// # Errors
    /// Nothing stands there, or the text is no longer good; [`STATUS_FORGOTTEN`] when it means other columns or
    /// parameters than the client was told: all official clients answer that by sending the text again (DQ, DU, DX under
    /// the same id), and read the rows by the metadata they get then.
    fn recall(&mut self, statement_id: u32) -> Result<Prepared<<E::Backend as Backend>::Statement>, SqlError> {
        let unknown = || SqlError::execute(464, format!("No statement {statement_id} was prepared on this connection"));
        let statement = self.statements.get(&statement_id).ok_or_else(unknown)?;
        match &statement.prepared {
            Some(Prepared::Engine(engine)) if !self.backend.is_current(engine) => {}
            Some(prepared) => return Ok(prepared.clone()),
            None => {}
        }
        let (text, kinds, told) = (statement.text.clone(), statement.kinds.clone(), statement.told.clone());
        let prepared = self.understand(&text, &kinds)?;
        if told.as_ref() != prepared.metadata() {
            return Err(forgotten("The schema changed; send the statement's text again"));
        }
        if let Some(statement) = self.statements.get_mut(&statement_id) {
            statement.prepared = Some(prepared.clone());
        }
        Ok(prepared)
    }

    /// UC: these ids are out of the client's cache, which does not mean that it will not use them. Only what can be made
    /// again is dropped.
    pub(super) fn forget(&mut self, body: &[u8]) {
        let mut reader = ItemReader::new(body);
        let Ok(count) = reader.count("statement count") else { return };
        for _ in 0..count {
            let Ok(id) = reader.int("statement id") else { return };
            let statement = u32::try_from(id).ok().and_then(|id| self.statements.get_mut(&id));
            if let Some(statement) = statement.filter(|statement| !statement.text.is_empty()) {
                statement.prepared = None;
            }
        }
    }

    /// The PP reply, also DQ's and DX's first one.
    fn put_prepared(&self, out: &mut Vec<u8>, metadata: &StatementMetadata, is_query: bool) {
        if self.feature_item {
            // No special layout, whatever was granted.
            put_int(out, 0);
        }
        metadata.put(out, is_query);
    }

    pub(super) fn prepare(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let text = read_text(&mut ItemReader::new(body))?;
        self.results.close(head.statement_id);
        self.keep(head.statement_id, text)?;
        let prepared = self.recall(head.statement_id)?;
        let mut reply = Body::new();
        if let Some(metadata) = prepared.metadata() {
            self.put_prepared(reply.out(), metadata, prepared.is_query());
        }
        Ok(self.link.send(head, STATUS_OK, &mut reply)?)
    }

    /// DQ, DX: the text, then PQ's part. The first reply is queued: it leaves with the rows.
    fn direct(&mut self, head: Head, reader: &mut ItemReader<'_>) -> Result<(), Fault> {
        let text = read_text(reader)?;
        self.results.close(head.statement_id);
        self.keep(head.statement_id, text)?;
        let prepared = self.recall(head.statement_id)?;
        let mut reply = Body::new();
        if let Some(metadata) = prepared.metadata() {
            // Always in the layout of a query: that is what the client takes the text for.
            self.put_prepared(reply.out(), metadata, true);
        }
        Ok(self.link.queue(head, STATUS_OK, &mut reply)?)
    }

    pub(super) fn direct_query(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let mut reader = ItemReader::new(body);
        self.direct(head, &mut reader)?;
        self.run_query(head, &mut reader)
    }

    pub(super) fn execute_query(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        if self.statements.get(&head.statement_id).is_some_and(|known| !values::literals_fit(body, &known.kinds)) {
            return Err(forgotten("A literal of the statement is of another class; send its text again").into());
        }
        self.run_query(head, &mut ItemReader::new(body))
    }

    fn run_query(&mut self, head: Head, reader: &mut ItemReader<'_>) -> Result<(), Fault> {
        let prepared = self.recall(head.statement_id)?;
        let (values, limits) = self.read_query(reader, &prepared)?;
        let outcome = match &prepared {
            Prepared::Engine(statement) if statement.is_query() => {
                let columns = &statement.metadata().columns;
                self.deliver(head, statement, columns, &values, limits)
            }
            // The Go client sends START TRANSACTION and the like as queries: no columns, no rows.
            other => {
                self.run_sets(head.statement_id, other, &[values])?;
                Ok(self.link.send(head, STATUS_END, &mut Body::new())?)
            }
        };
        self.streams.drop_uploads();
        outcome
    }

    /// PQ's part: one set of values, timeout, limit of rows.
    fn read_query(
        &mut self,
        reader: &mut ItemReader<'_>,
        prepared: &Prepared<<E::Backend as Backend>::Statement>,
    ) -> Result<(Vec<Value>, QueryLimits), Fault> {
        let sets = reader.int("sets")?;
        if sets > 1 {
            return Err(malformed("a query has one set of values").into());
        }
        let count = reader.count("value count")?;
        let values = self.read_values(reader, count, prepared)?;
        // Absent in what some clients send.
        let timeout = if reader.is_empty() { 0 } else { reader.int("query timeout")? };
        let rows = if reader.is_empty() { 0 } else { reader.int("max rows")? };
        let limits = QueryLimits {
            timeout_s: u32::try_from(timeout.max(0)).unwrap_or(u32::MAX),
            rows_max: u64::try_from(rows).unwrap_or(0),
        };
        Ok((values, limits))
    }

    fn read_values(
        &self,
        reader: &mut ItemReader<'_>,
        count: usize,
        prepared: &Prepared<<E::Backend as Backend>::Statement>,
    ) -> Result<Vec<Value>, Fault> {
        let parameters: &[ParameterDescription] = prepared.metadata().map_or(&[], |metadata| &metadata.parameters);
        if count != parameters.len() {
            let text = format!("The statement has {} parameters, {count} values were sent", parameters.len());
            return Err(SqlError::execute(466, text).into());
        }
        let mut values = Vec::with_capacity(count);
        for parameter in parameters {
            let item = reader.need_raw("value")?;
            let value = match self.streams.resolve(item.payload()) {
                Some(content) => content?,
                None => values::decode(item, Some(parameter.iris_type))?,
            };
            values.push(value);
        }
        Ok(values)
    }

    pub(super) fn execute_update(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let prepared = self.recall(head.statement_id)?;
        let sets = self.read_sets(&mut ItemReader::new(body), &prepared)?;
        let counts = self.run_update(head.statement_id, &prepared, &sets)?;
        self.reply(head, |out| counts.iter().for_each(|&count| put_int(out, count)))
    }

    pub(super) fn direct_update(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let mut reader = ItemReader::new(body);
        let text = read_text(&mut reader)?;
        self.results.close(head.statement_id);
        // Clients read a row count out of the reply, whatever its status.
        self.keep(head.statement_id, text).map_err(|error| Fault::Batch(error, vec![0]))?;
        let prepared = self.recall(head.statement_id)?;
        let sets = self.read_sets(&mut reader, &prepared)?;
        // DU's client wants its own reply on success only; the counts of a failed batch stand alone.
        let counts = self.run_update(head.statement_id, &prepared, &sets)?;
        let mut reply = Body::new();
        if let Some(metadata) = prepared.metadata() {
            // Never a feature item here (facts, section 8.1), never columns.
            metadata.put(reply.out(), false);
        }
        for count in counts {
            put_int(reply.out(), count);
        }
        Ok(self.link.send(head, STATUS_OK, &mut reply)?)
    }

    /// PU's part: keys wanted, an unknown 0, sets, values per set, the values of all sets.
    fn read_sets(
        &mut self,
        reader: &mut ItemReader<'_>,
        prepared: &Prepared<<E::Backend as Backend>::Statement>,
    ) -> Result<Sets, Fault> {
        let keys = reader.text("generated keys")?;
        reader.need_raw("option")?;
        let count = count_of(reader.int("sets")?, "sets")?;
        let per_set = count_of(reader.int("value count")?, "value count")?;
        let total = count.checked_mul(per_set).ok_or(ListError::OutOfRange("sets"))?;
        let fits = if per_set == 0 { count <= EMPTY_SETS_MAX } else { total <= VALUES_MAX.min(reader.rest().len()) };
        if !fits {
            return Err(ListError::OutOfRange("sets").into());
        }
        let sets = (0..count).map(|_| self.read_values(reader, per_set, prepared)).collect::<Result<_, _>>()?;
        Ok(Sets { keys, sets })
    }

    /// Runs all sets and remembers the row ids they made, if the client wants them.
    fn run_update(
        &mut self,
        statement_id: u32,
        prepared: &Prepared<<E::Backend as Backend>::Statement>,
        sets: &Sets,
    ) -> Result<Vec<i64>, Fault> {
        self.results.close(statement_id);
        self.keys = None;
        let outcome = if sets.keys.is_empty() {
            self.run_sets(statement_id, prepared, &sets.sets)
        } else {
            self.run_sets_for_keys(statement_id, prepared, sets)
        };
        self.streams.drop_uploads();
        self.last_count = outcome.as_ref().map_or(0, |counts| counts.iter().sum());
        outcome
    }

    /// One by one, since the engine tells the last row id only.
    fn run_sets_for_keys(
        &mut self,
        statement_id: u32,
        prepared: &Prepared<<E::Backend as Backend>::Statement>,
        Sets { keys, sets }: &Sets,
    ) -> Result<Vec<i64>, Fault> {
        let inserts = self.statements.get(&statement_id).is_some_and(|statement| is_insert(&statement.text));
        // A number names a column by its place; the row id has no other name then.
        let named = keys.parse::<i64>().is_err();
        let column = if named { keys.clone() } else { String::new() };
        let mut generated = GeneratedKeys { column, ids: Vec::new() };
        let mut counts = Vec::with_capacity(sets.len());
        for set in sets {
            match self.run_sets(statement_id, prepared, std::slice::from_ref(set)) {
                Ok(one) => {
                    let count = one.first().copied().unwrap_or(0);
                    counts.push(count);
                    if inserts && count > 0 {
                        generated.ids.extend(self.backend.last_identity());
                    }
                }
                Err(Fault::Sql(error) | Fault::Batch(error, _)) => {
                    counts.resize(sets.len(), 0);
                    return Err(Fault::Batch(error, counts));
                }
                Err(fault) => return Err(fault),
            }
        }
        self.keys = Some(generated);
        Ok(counts)
    }

    fn run_sets(
        &mut self,
        statement_id: u32,
        prepared: &Prepared<<E::Backend as Backend>::Statement>,
        sets: &[Vec<Value>],
    ) -> Result<Vec<i64>, Fault> {
        let statement = match prepared {
            Prepared::Engine(statement) => statement,
            Prepared::Cancel(cancel) => {
                for set in sets {
                    self.cancel_query(cancel.job(set)?)?;
                }
                return Ok(vec![0; sets.len()]);
            }
            Prepared::RowIdProcedure => return Err(SqlError::execute(464, "A procedure is run by SU or SQ").into()),
        };
        let backend = &mut self.backend;
        if statement.is_query() {
            // A client that took it for something else: it runs, the rows are counted.
            let mut counts = Vec::with_capacity(sets.len());
            for set in sets {
                let mut count = 0;
                self.job.running(statement_id, || {
                    backend.query(statement, set, 0, 0, &mut |_| {
                        count += 1;
                        std::ops::ControlFlow::Continue(())
                    })
                })?;
                counts.push(count);
            }
            return Ok(counts);
        }
        self.job.running(statement_id, || backend.update(statement, sets)).map_err(|(error, mut counts)| {
            counts.resize(sets.len(), 0);
            Fault::Batch(error, counts)
        })
    }

    /// EB: texts with their literals, without kinds. On an error every text still needs a count.
    pub(super) fn batch_of_texts(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let Some((count, rest)) = body.split_first_chunk::<4>() else {
            return Err(malformed("batch without a size").into());
        };
        let mut reader = ItemReader::new(rest);
        reader.need_raw("option")?;
        let texts = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
        if texts > rest.len() {
            return Err(ListError::OutOfRange("batch size").into());
        }
        let mut counts = Vec::new();
        for _ in 0..texts {
            match self.run_batch_text(head.statement_id, &mut reader) {
                Ok(count) => counts.push(count),
                Err(Fault::Sql(error) | Fault::Batch(error, _)) => {
                    counts.resize(texts, 0);
                    return Err(Fault::Batch(error, counts));
                }
                Err(fault) => return Err(fault),
            }
        }
        self.reply(head, |out| counts.iter().for_each(|&count| put_int(out, count)))
    }

    fn run_batch_text(&mut self, statement_id: u32, reader: &mut ItemReader<'_>) -> Result<i64, Fault> {
        let pieces = reader.count("text pieces")?;
        let mut text = String::new();
        for _ in 0..pieces {
            text.push_str(&reader.text("text")?);
        }
        let sets = reader.int("sets")?;
        let count = reader.count("value count")?;
        if sets != 1 {
            return Err(malformed("a text of a batch has one set of values").into());
        }
        // Literals as text, their class is not told.
        let kinds = vec![ParameterKind::StringLiteral; count];
        let prepared = self.understand(&text, &kinds)?;
        let values = self.read_values(reader, count, &prepared)?;
        Ok(self.run_sets(statement_id, &prepared, &[values])?.first().copied().unwrap_or(0))
    }

    /// GG: the row ids of the last update. One message, whose status must be 100.
    pub(super) fn generated_keys(&mut self, head: Head) -> Result<(), Fault> {
        let keys = self.keys.take();
        let mut reply = Body::new();
        let out = reply.out();
        match keys {
            Some(keys) if !keys.ids.is_empty() => {
                put_columns(out, &[key_column(&keys.column)]);
                keys.ids.iter().for_each(|&id| put_int(out, id));
            }
            _ => put_int(out, 0),
        }
        Ok(self.link.send(head, STATUS_END, &mut reply)?)
    }

    /// DX: DQ's request and its first reply; the rows wait for FX.
    pub(super) fn scroll_direct(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let mut reader = ItemReader::new(body);
        let text = read_text(&mut reader)?;
        self.keep(head.statement_id, text)?;
        let prepared = self.run_scroll(head, &mut reader)?;
        let mut reply = Body::new();
        self.put_prepared(reply.out(), prepared.metadata(), true);
        Ok(self.link.send(head, STATUS_OK, &mut reply)?)
    }

    /// EX: PQ's request, empty reply.
    pub(super) fn scroll_execute(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        self.run_scroll(head, &mut ItemReader::new(body))?;
        self.done(head)
    }

    fn run_scroll(
        &mut self,
        head: Head,
        reader: &mut ItemReader<'_>,
    ) -> Result<<E::Backend as Backend>::Statement, Fault> {
        let prepared = self.recall(head.statement_id)?;
        let (values, limits) = self.read_query(reader, &prepared)?;
        let Prepared::Engine(statement) = prepared else {
            return Err(SqlError::execute(464, "Only a query has a scrollable result").into());
        };
        if !statement.is_query() {
            return Err(SqlError::execute(464, "Only a query has a scrollable result").into());
        }
        self.gather(head, &statement, &values, limits)?;
        Ok(statement)
    }
}

impl Cancel {
    fn job(&self, values: &[Value]) -> Result<u32, SqlError> {
        let value = match (self.job, values.first()) {
            (Some(job), _) => Some(job),
            (None, Some(Value::Int(number))) => u32::try_from(*number).ok(),
            (None, Some(Value::Text(text))) => text.trim().parse().ok(),
            (None, Some(Value::Decimal(number))) if number.scale == 0 => u32::try_from(number.mantissa).ok(),
            _ => None,
        };
        value.ok_or_else(|| SqlError::execute(400, "CANCEL QUERY needs a process id"))
    }
}

/// `CANCEL QUERY pid [IDENTIFIED BY id] [TIMEOUT n]`, with numbers or parameters. The options are accepted: a connection
/// of this server runs one statement, and stopping it takes no time.
fn cancel_of(text: &str, kinds: &[ParameterKind]) -> Option<Cancel> {
    let mut words = text.split_whitespace();
    let mut is = |word: &str| words.next().is_some_and(|next| next.eq_ignore_ascii_case(word));
    if !(is("CANCEL") && is("QUERY")) {
        return None;
    }
    let job = words.next().and_then(|word| word.parse().ok());
    let parameter = ParameterDescription { iris_type: IrisType::INTEGER, precision: 10, scale: 0, nullable: 1 };
    let metadata = StatementMetadata { columns: Vec::new(), parameters: vec![parameter; kinds.len()], cacheable: true };
    Some(Cancel { job, metadata })
}

fn forgotten(text: &str) -> SqlError {
    SqlError::execute(i32::from(STATUS_FORGOTTEN), text)
}

fn is_insert(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("INSERT"))
}

fn key_column(name: &str) -> ColumnDescription {
    let name = if name.is_empty() { "ID" } else { name };
    ColumnDescription {
        name: name.to_owned(),
        iris_type: IrisType::BIGINT,
        precision: 19,
        scale: 0,
        nullable: 0,
        label: name.to_owned(),
        table: String::new(),
        schema: String::new(),
        auto_increment: true,
        row_id: false,
    }
}
