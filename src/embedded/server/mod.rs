//! The superserver side of the IRIS protocol: listener, login, statements, pages, streams.
