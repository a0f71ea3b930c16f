//! How clients prove who they are to the gateway, and the gateway to a PostgreSQL. Sans IO.

mod method;
mod scram;
mod scram_client;
mod users;

pub use method::AuthMethod;
pub(crate) use method::{AuthStep, Authenticated, Exchange};
pub use scram::{ExpectClientFirst, ServerNonce, Verifier};
pub(crate) use scram::{ITERATIONS_DEFAULT, MECHANISM, MockSecret, SALT_BYTES_DEFAULT, hash_password};
pub(crate) use scram_client::{ExpectServerFinal, ScramClient};
pub use users::UserFile;
pub(crate) use users::check_user;
