//! The enum types of the database, shared by all shards: made by CREATE TYPE, read back from descriptions of columns.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::UserTypes;
use crate::sql::{EnumChange, EnumSide, EnumType, RelationName};

/// By folded schema (empty for `public`) and name. Asked only when a statement names a type PostgreSQL does not have.
#[derive(Debug, Default)]
pub struct EnumTypes {
    /// These and all others that PostgreSQL has.
    pub(crate) kept: UserTypes,
    types: RwLock<HashMap<(String, String), EnumType>>,
}

fn key(schema: Option<&str>, name: &str) -> (String, String) {
    let schema = schema.filter(|schema| *schema != "public").unwrap_or_default();
    (schema.to_owned(), name.to_owned())
}

impl EnumTypes {
    pub fn get(&self, name: &RelationName) -> Option<EnumType> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        types.get(&key(name.schema.as_deref(), &name.name)).cloned()
    }

    /// Types that descriptions tell of. One made or changed by a statement of this process is newer than any of them.
    pub fn adopt(&self, found: impl IntoIterator<Item = EnumType>) {
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        for declared in found {
            types.entry(key(declared.schema.as_deref(), &declared.name)).or_insert(declared);
        }
    }

    /// What a statement did that the mirror has taken.
    pub fn apply(&self, change: &EnumChange) {
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        let of = |name: &RelationName| key(name.schema.as_deref(), &name.name);
        match change {
            EnumChange::Create(declared) => {
                types.insert(key(declared.schema.as_deref(), &declared.name), declared.clone());
            }
            EnumChange::Drop(names) => {
                for name in names {
                    types.remove(&of(name));
                }
            }
            EnumChange::Rename { name, to } => {
                if let Some(declared) = types.remove(&of(name)) {
                    let declared = EnumType { name: to.clone(), ..declared };
                    types.insert(key(declared.schema.as_deref(), to), declared);
                }
            }
            EnumChange::RenameValue { name, from, to } => {
                let labels = types.get_mut(&of(name)).map(|declared| declared.labels.as_mut_slice());
                if let Some(label) = labels.unwrap_or_default().iter_mut().find(|label| *label == from) {
                    label.clone_from(to);
                }
            }
            EnumChange::AddValue { name, label, neighbor } => {
                let Some(declared) = types.get_mut(&of(name)) else { return };
                if declared.labels.contains(label) {
                    return;
                }
                let place = neighbor.as_ref().and_then(|(side, neighbor)| {
                    let at = declared.labels.iter().position(|label| label == neighbor)?;
                    Some(if *side == EnumSide::After { at.saturating_add(1) } else { at })
                });
                declared.labels.insert(place.unwrap_or(declared.labels.len()), label.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_change_and_go() {
        let name = |name: &str| RelationName { schema: Some("public".to_owned()), name: name.to_owned() };
        let mood = |labels: &[&str]| EnumType {
            schema: None,
            name: "mood".to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let types = EnumTypes::default();
        types.apply(&EnumChange::Create(mood(&["sad", "happy"])));
        types.adopt([mood(&["old"])]);
        let neighbor = Some((EnumSide::Before, "happy".to_owned()));
        types.apply(&EnumChange::AddValue { name: name("mood"), label: "ok".to_owned(), neighbor });
        types.apply(&EnumChange::AddValue { name: name("mood"), label: "ok".to_owned(), neighbor: None });
        types.apply(&EnumChange::RenameValue { name: name("mood"), from: "sad".to_owned(), to: "low".to_owned() });
        assert_eq!(types.get(&name("mood")).unwrap().labels, ["low", "ok", "happy"]);
        types.apply(&EnumChange::Rename { name: name("mood"), to: "state".to_owned() });
        assert_eq!(types.get(&name("mood")), None);
        assert_eq!(types.get(&name("state")).unwrap().name, "state");
        types.apply(&EnumChange::Drop(vec![name("state")]));
        assert_eq!(types.get(&name("state")), None);
    }
}
