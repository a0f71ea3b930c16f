//! A strict stand-in for InterSystems IRIS: the superserver protocol and IRIS SQL, over SQLite.
//!
//! For tests and for trying things out where no IRIS is at hand. It does what the manual of IRIS says, and what IRIS
//! refuses, it refuses with the same SQLCODE. [`engine`] runs SQL, [`server`] speaks to clients, one thread each.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use iris_protocol::{ConnectOptions, IrisConnection, Poll};
//! use iris_standin::engine::{Engine, EngineOptions};
//! use iris_standin::server::{Superserver, SuperserverOptions};
//!
//! // On a free port, with data that end with the engine.
//! let engine = Engine::open(EngineOptions::default())?;
//! let options = SuperserverOptions { address: "127.0.0.1:0".parse()?, ..SuperserverOptions::default() };
//! let server = Superserver::bind(options, engine)?.spawn()?;
//!
//! // Any client of IRIS can connect; here the protocol's own.
//! let mut stream = TcpStream::connect(server.local_addr())?;
//! let login = ConnectOptions { user: "_SYSTEM".into(), password: "SYS".into(), ..ConnectOptions::default() };
//! let mut connection = IrisConnection::new(login);
//! let mut out = Vec::new();
//! connection.start(&mut out)?;
//! let version = loop {
//!     stream.write_all(&out)?;
//!     out.clear();
//!     let received = stream.read(connection.spare_mut())?;
//!     connection.filled(received);
//!     if let Poll::Connected { server_version, .. } = connection.poll(&mut out)? {
//!         break server_version;
//!     }
//! };
//! assert!(version.starts_with("IRIS"));
//! server.shutdown()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! SQL alone needs no server:
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use iris_standin::engine::{Engine, EngineOptions, Value};
//!
//! let engine = Engine::open(EngineOptions::default())?;
//! let mut session = engine.connect("USER", "_SYSTEM", 1)?;
//! let statement = session.prepare("SELECT 6 * 7", &[])?;
//! let mut rows = Vec::new();
//! session.query(&statement, &[], 0, 0, &mut |row| {
//!     rows.push(row.to_vec());
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!(rows, [[Value::Int(42)]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs, unreachable_pub)]
#![warn(clippy::missing_errors_doc)]

pub mod engine;
pub mod kernels;
#[cfg(feature = "program")]
pub mod program;
pub mod server;
