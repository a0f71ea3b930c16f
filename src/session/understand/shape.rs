//! The coders of a step's rows, kept with the statement where they can be shared.

use std::rc::Rc;
use std::sync::Arc;

use crate::iris::StatementMetadata;
use crate::sql::ScriptStep;
use crate::types::Style;
use crate::wire::PgError;

use super::context::{ShardContext, Understood};
use super::rows::{Formats, RowShape};

/// The coders of a step's rows; those in text format are kept with the statement, for the style last asked for.
pub fn row_shape(
    understood: &Understood,
    step: &ScriptStep,
    metadata: &StatementMetadata,
    formats: &Formats,
    context: &ShardContext,
    style: &Arc<Style>,
) -> Result<Rc<RowShape>, Box<PgError>> {
    let described = understood.extra.described();
    if !formats.is_text() {
        return Ok(Rc::new(RowShape::new(
            &step.plan,
            metadata,
            described.as_deref(),
            formats,
            &context.tables.borrow(),
            style,
        )?));
    }
    formats.check(metadata.columns.len())?;
    if let Some(shape) = understood.extra.text_shape.borrow().as_ref().filter(|shape| shape.serves(style)) {
        return Ok(Rc::clone(shape));
    }
    let shape = Rc::new(RowShape::new(
        &step.plan,
        metadata,
        described.as_deref(),
        &Formats::text(),
        &context.tables.borrow(),
        style,
    )?);
    *understood.extra.text_shape.borrow_mut() = Some(Rc::clone(&shape));
    Ok(shape)
}
