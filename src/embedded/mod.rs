//! A strict IRIS stand-in: the superserver protocol and IRIS SQL over SQLite, std threads.
