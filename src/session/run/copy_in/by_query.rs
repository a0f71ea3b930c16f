//! Rows of a COPY that one INSERT for all does not store: those of a table with rules that IRIS does not know of, of a COPY
//! with WHERE, and with defaults among the data. A batch is a query over arrays of texts.

use std::collections::VecDeque;

use super::super::arrays::Elements;
use super::super::nested::{MakeCarrying, Nested, OwnStatement, RowForm};
use crate::iris::Request;
use crate::sql::CopyByQuery;
use crate::types::Oid;
use crate::wire::Format;

#[derive(Debug)]
pub(super) struct ByQuery {
    pub(super) make: MakeCarrying,
    insert: CopyByQuery,
    /// The batch: rows that have their defaults in the same columns, in the order of the data.
    groups: VecDeque<Group>,
    /// What stores a group.
    pub(super) nested: Option<Box<Nested>>,
    /// A value as a text.
    pub(super) text: Vec<u8>,
}

#[derive(Debug)]
struct Group {
    left_out: Vec<bool>,
    columns: Vec<Elements>,
    rows_count: usize,
}

impl ByQuery {
    pub(super) fn new(make: MakeCarrying, insert: CopyByQuery) -> Self {
        Self { make, insert, groups: VecDeque::new(), nested: None, text: Vec::new() }
    }

    /// The columns to put the next row's texts into, which has its defaults in those `left_out`.
    pub(super) fn row(&mut self, left_out: impl Iterator<Item = bool> + Clone) -> &mut [Elements] {
        let fits = self.groups.back().is_some_and(|group| group.left_out.iter().copied().eq(left_out.clone()));
        if !fits {
            let left_out: Vec<bool> = left_out.collect();
            let mut columns = Vec::new();
            columns.resize_with(left_out.len(), Elements::default);
            self.groups.push_back(Group { left_out, columns, rows_count: 0 });
        }
        match self.groups.back_mut() {
            Some(group) => {
                group.rows_count = group.rows_count.saturating_add(1);
                &mut group.columns
            }
            None => &mut [],
        }
    }

    /// What stores the next rows of the batch.
    pub(super) fn next_statement(&mut self) -> Option<OwnStatement> {
        let Group { left_out, columns, rows_count } = self.groups.pop_front()?;
        let given = columns.into_iter().zip(&left_out).filter(|(_, is_left_out)| !**is_left_out);
        let array = |column: Elements| (Format::Binary, Some(column.into_array(Oid::TEXT, rows_count).concat()));
        let values: Vec<_> = given.map(|(column, _)| array(column)).collect();
        let types = vec![Oid::TEXT_ARRAY; values.len()];
        let sql = self.insert.insert(&left_out);
        let offset = self.insert.offset(&sql);
        Some(OwnStatement { offset, ..OwnStatement::new(sql, types, values, RowForm::Carried) })
    }

    /// The result left open on the lease when this is given up.
    pub(super) fn take_result(&mut self) -> Option<Request> {
        self.nested.as_mut()?.take_result()
    }
}
