//! Columns of a query in another type or under other names: what set operations and queries around a query need.
//!
//! IRIS types the columns of a set operation by its first query (EXCEPT, INTERSECT) or by a ranking of its own (UNION),
//! so every query of one is given PostgreSQL's common types itself.

use crate::sql::schema::ColumnFacts;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::query::{Parts, Query};
use crate::sql::translate::context::scope::Column;
use crate::sql::translate::context::target::Target;
use crate::sql::translate::value::assign::{assigned, is_same};
use crate::types::{Oid, PgType};

/// Whether a column has to be converted for `types`.
fn needs_types(query: &Query, types: &[Ty]) -> bool {
    let shape = query.shape.as_deref().unwrap_or_default();
    shape.iter().zip(types).any(|(column, to)| is_converted(column.ty, *to))
}

/// `character(n)` beside other lengths: its blanks are part of the value.
fn loses_length(from: PgType, to: PgType) -> bool {
    from.oid == Oid::BPCHAR && to.oid == Oid::BPCHAR && from.typmod >= 0 && to.typmod < 0
}

/// Whether IRIS has to be told, beyond what is told by the values themselves.
fn is_converted(from: Ty, to: Ty) -> bool {
    let Ty::Known(to) = to else { return false };
    match from {
        Ty::Untyped | Ty::Parameter(_) => true,
        Ty::Any => false,
        Ty::Known(from) => {
            let whole = |oid: Oid| Ty::of(oid).is_integer();
            let text = |oid: Oid| Ty::of(oid).is_string();
            // IRIS would round all of them to the scale of one.
            let is_unbounded = to == PgType::new(Oid::NUMERIC);
            loses_length(from, to)
                || (from.oid != to.oid || is_unbounded)
                    && !(whole(from.oid) && whole(to.oid))
                    && !(text(from.oid) && text(to.oid))
        }
    }
}

impl Cx<'_> {
    /// A value in the type it shares with others of its column.
    pub(crate) fn in_common_type(&self, frag: Frag, to: Ty) -> Result<Frag> {
        let Ty::Known(pg_type) = to else { return Ok(frag) };
        if !is_converted(frag.ty, to) {
            return Ok(frag);
        }
        let sure = frag.not_null;
        let frag = if matches!(frag.ty, Ty::Known(from) if loses_length(from, pg_type)) {
            self.padded(frag).with_ty(to)
        } else if frag.ty.is_open() && frag.is_null() {
            self.cast(frag, pg_type)?
        } else if frag.ty.is_open() && to.is_string() && pg_type.typmod < 0 {
            // As long as a column it stands under, IRIS would cut it.
            let ty = Ty::of(pg_type.oid);
            Frag::cat(&[&"CAST(", &self.coerce(frag, pg_type), &" AS VARCHAR(3641144))"], ty)
        } else if frag.ty.is_open() {
            self.branch(frag, pg_type)
        } else if pg_type.oid == Oid::NUMERIC && (frag.ty.is_integer() || frag.ty.is(Oid::NUMERIC)) {
            // A whole number is a numeric to IRIS, but a column that begins with it is one of whole numbers, and one that
            // begins with a numeric has its scale.
            Frag::cat(&[&"CAST(", &frag, &" AS NUMERIC(38,19))"], Ty::NUMERIC)
        } else {
            self.cast(frag, PgType::new(pg_type.oid))?
        };
        Ok(if sure { frag.sure() } else { frag })
    }

    /// The query with its columns in these types.
    pub(crate) fn in_types(&self, mut query: Query, types: &[Ty], at: usize) -> Result<Query> {
        if !needs_types(&query, types) {
            return Ok(query);
        }
        if let Parts::Select { head, targets, .. } = &mut query.parts
            // What DISTINCT compares is what was written.
            && !head.text.contains("DISTINCT ")
            && !targets.iter().any(Target::is_star)
        {
            for (target, ty) in targets.iter_mut().zip(types) {
                let name = target.alias.clone().unwrap_or_default();
                let frag = self.in_common_type(target.frag.clone(), *ty)?;
                if frag.text != target.frag.text && name.is_empty() {
                    target.alias = Some(target.column_name());
                }
                target.frag = frag;
            }
            query.write();
            return Ok(query);
        }
        let shape = query.shape.clone().unwrap_or_default();
        let columns = std::mem::take(&mut query.columns);
        let is_one_row = query.is_one_row;
        let Some((inner, names)) = query.named() else {
            return Err(
                self.unsupported("a set operation of queries with * needs their columns, which are not known", at)
            );
        };
        let mut targets = Vec::new();
        for ((name, column), ty) in names.iter().zip(&shape).zip(types) {
            let mut frag = Frag::atom(name.clone(), column.ty);
            frag.not_null = !column.nullable;
            let frag = self.in_common_type(frag, *ty)?;
            targets.push(Target { alias: Some(column.iris_name()), ..Target::of_column(column, frag) });
        }
        let tail = Frag::cat(&[&" FROM (", &inner.frag, &") pgw"], Ty::Any);
        Ok(Query { columns, is_one_row, ..Query::of_parts(Frag::atom("SELECT ", Ty::Any), targets, tail) })
    }

    /// The query with its columns as those that an INSERT fills take them.
    ///
    /// # Errors
    /// 0A000 where IRIS cannot convert a value exactly, or the columns of the query are not known.
    pub(crate) fn assigned_query(&self, mut query: Query, columns: &[ColumnFacts], at: usize) -> Result<Query> {
        let unknown = || {
            self.unsupported("INSERT of a query with * needs its columns, which are not known", at)
                .hint("Name the columns: each is converted to the type of its target.")
        };
        if let Parts::Select { head, targets, .. } = &mut query.parts
            // What DISTINCT and LIMIT choose by is what was written.
            && ["SELECT ", "SELECT TOP ALL "].iter().any(|head_end| head.text.ends_with(head_end))
        {
            if targets.iter().any(Target::is_star) {
                return Err(unknown());
            }
            for (target, column) in targets.iter_mut().zip(columns) {
                target.frag = assigned(self, target.frag.clone(), Some(column))?;
            }
            query.write();
            return Ok(query);
        }
        let shape = query.shape.clone().ok_or_else(unknown)?;
        let fits = |(column, to): (&Column, &ColumnFacts)| match column.ty {
            Ty::Untyped => Ty::Known(to.pg_type).is_string(),
            ty => is_same(ty, to.pg_type),
        };
        if shape.iter().zip(columns).all(fits) {
            return Ok(query);
        }
        let (inner, names) = query.named().ok_or_else(unknown)?;
        let mut targets = Vec::new();
        for ((name, column), to) in names.iter().zip(&shape).zip(columns) {
            let mut frag = Frag::atom(name.clone(), column.ty);
            frag.not_null = !column.nullable;
            targets.push(Target::of_column(column, assigned(self, frag, Some(to))?));
        }
        let tail = Frag::cat(&[&" FROM (", &inner.frag, &") pgw"], Ty::Any);
        Ok(Query::of_parts(Frag::atom("SELECT ", Ty::Any), targets, tail))
    }
}
