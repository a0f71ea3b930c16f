//! A translated statement, with what a shard learns of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::Described;
use crate::iris::StatementMetadata;
use crate::sql::{Action, CachedTranslation, Plan};
use crate::types::Style;

use super::rows::{Formats, RowShape};

/// A translated statement with what was learnt of it since.
pub(crate) type Understood = CachedTranslation<Learnt>;

/// What a shard learns of a statement by preparing it.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// Per script step, once a connection has prepared it.
    metadata: RefCell<Vec<Option<Rc<StatementMetadata>>>>,
    /// The columns of its rows, by the formats they were asked for in; the latest last.
    shapes: RefCell<Vec<(Formats, Rc<RowShape>)>>,
    /// What PostgreSQL says of it, where that could be asked.
    described: RefCell<Option<Rc<Described>>>,
    /// IRIS does not give its sub-queries as PostgreSQL has them: its tables are fetched.
    is_simple: Cell<bool>,
}

/// Shapes kept of a statement: drivers ask for text or for binary, rarely for a mixture.
const SHAPES_MAX: usize = 4;

impl Learnt {
    /// The columns of its rows in these formats and this style.
    pub(in crate::session) fn shape(&self, formats: &Formats, style: &Arc<Style>) -> Option<Rc<RowShape>> {
        let shapes = self.shapes.borrow();
        let (_, shape) = shapes.iter().find(|(known, shape)| known.means(formats) && shape.serves(style))?;
        Some(Rc::clone(shape))
    }

    /// Whether its rows can be told in these formats, as far as that is known.
    pub(in crate::session) fn has_shape(&self, formats: &Formats) -> bool {
        self.shapes.borrow().iter().any(|(known, _)| known.means(formats))
    }

    pub(in crate::session) fn keep_shape(&self, formats: &Formats, shape: &Rc<RowShape>) {
        let mut shapes = self.shapes.borrow_mut();
        if shapes.len() >= SHAPES_MAX {
            shapes.remove(0);
        }
        shapes.push((formats.clone(), Rc::clone(shape)));
    }

    pub(in crate::session) fn described(&self) -> Option<Rc<Described>> {
        self.described.borrow().clone()
    }

    pub(in crate::session) fn set_described(&self, described: Rc<Described>) {
        *self.described.borrow_mut() = Some(described);
    }

    pub(in crate::session) fn is_simple(&self) -> bool {
        self.is_simple.get()
    }

    pub(in crate::session) fn set_simple(&self) {
        self.is_simple.set(true);
    }

    pub(in crate::session) fn metadata(&self, step: usize) -> Option<Rc<StatementMetadata>> {
        self.metadata.borrow().get(step).cloned().flatten()
    }

    pub(in crate::session) fn set_metadata(&self, step: usize, metadata: &Rc<StatementMetadata>) {
        let mut known = self.metadata.borrow_mut();
        if known.len() <= step {
            known.resize(step.saturating_add(1), None);
        }
        if let Some(slot) = known.get_mut(step) {
            *slot = Some(Rc::clone(metadata));
        }
    }
}

/// The IRIS statements of an action, in the order of their steps.
pub(crate) fn plans(action: &Action) -> impl Iterator<Item = &Plan> {
    let (steps, copy) = match action {
        Action::Script(steps) => (steps.as_slice(), None),
        Action::CopyFromStdin(copy) => (&[][..], Some(&copy.insert)),
        _ => (&[][..], None),
    };
    steps.iter().map(|step| &step.plan).chain(copy)
}
