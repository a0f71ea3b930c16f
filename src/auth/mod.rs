//! How clients prove who they are to the gateway, and the gateway to a PostgreSQL. Sans IO.

mod method;
mod scram;
mod scram_client;
mod users;

pub use method::{AuthMethod, AuthStep, Authenticated, Exchange};
pub use scram::{
    ExpectClientFirst, ITERATIONS_DEFAULT, MECHANISM, MockSecret, SALT_BYTES_DEFAULT, ServerNonce, Verifier,
    hash_password,
};
pub use scram_client::{ExpectServerFinal, ScramClient};
pub use users::{UserFile, check_user};
