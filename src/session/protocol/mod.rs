//! Messages of the client: which statement they mean, and how what comes of it is framed.

pub mod bounds;
pub mod by_name;
pub mod cursors;
pub mod executing;
pub mod extended;
pub mod names;
pub mod notifications;
pub mod open;
pub mod portal;
pub mod portals;
pub mod ready;
pub mod simple;
pub mod startup;
