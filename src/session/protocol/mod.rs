//! Messages of the client: which statement they mean, and how what comes of it is framed.

pub(super) mod bounds;
pub(super) mod by_name;
pub(super) mod cursors;
pub(super) mod executing;
pub(super) mod extended;
pub(super) mod names;
pub(super) mod notifications;
pub(super) mod open;
pub(super) mod portal;
pub(super) mod portal_table;
pub(super) mod portals;
pub(super) mod ready;
pub(super) mod simple;
pub(super) mod startup;
