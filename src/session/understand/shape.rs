//! The coders of a step's rows, kept with the statement.

use std::rc::Rc;
use std::sync::Arc;

use crate::iris::StatementMetadata;
use crate::sql::ScriptStep;
use crate::types::Style;
use crate::wire::PgError;

use super::context::{ShardContext, Understood};
use super::rows::{Formats, RowShape};

/// Those that an earlier run of the statement has made.
///
/// # Errors
/// 08P01: `formats` fits neither none, one nor all columns.
pub(crate) fn kept_shape(
    understood: &Understood,
    formats: &Formats,
    style: &Arc<Style>,
) -> Result<Option<Rc<RowShape>>, Box<PgError>> {
    let kept = understood.extra.shape(formats, style);
    if let Some(shape) = &kept {
        formats.check(shape.columns_count())?;
    }
    Ok(kept)
}

/// The coders of a step's rows; those last made are kept with the statement, by formats and style.
pub(crate) fn row_shape(
    understood: &Understood,
    step: &ScriptStep,
    metadata: &StatementMetadata,
    formats: &Formats,
    context: &ShardContext,
    style: &Arc<Style>,
) -> Result<Rc<RowShape>, Box<PgError>> {
    if let Some(shape) = kept_shape(understood, formats, style)? {
        return Ok(shape);
    }
    let described = understood.extra.described();
    let tables = context.tables.borrow();
    let shape = Rc::new(RowShape::new(&step.plan, metadata, described.as_deref(), formats, &tables, style)?);
    understood.extra.keep_shape(formats, &shape);
    Ok(shape)
}
