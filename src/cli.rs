//! Words from outside: subcommands, flags, the password prompt.
