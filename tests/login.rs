//! Logging in: SCRAM-SHA-256 with a user file made by `hash-password`, and who is refused.

mod common;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use common::client::{Client, DATABASE};
use common::message::{PROTOCOL_3_0, query, startup};
use common::{Server, temporary_directory};

fn user_line(user: &str, password: &str) -> String {
    let mut process = Command::new(env!("CARGO_BIN_EXE_iris-pgwire"))
        .args(["hash-password", "--user", user])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(line.contains(user) && line.contains("SCRAM-SHA-256$") && !line.contains(password), "{line}");
    line
}

#[test]
fn scram() {
    let directory = temporary_directory();
    let users = directory.join("users");
    fs::write(&users, user_line("alice", "correct horse") + &user_line("bob", "batt\u{e9}ry")).unwrap();
    let server = Server::gateway(&["--auth", "scram", "--users", &users.to_string_lossy()]);
    let log_in = |user: &str, password: &str| {
        let mut client = Client::open(server.address);
        client.send(&startup(PROTOCOL_3_0, &[("user", user), ("database", DATABASE)]));
        client.try_login(password).map(|_| client)
    };
    for (user, password) in [("alice", "correct horse"), ("bob", "batt\u{e9}ry")] {
        let mut client = log_in(user, password).map_err(|error| error.line()).unwrap();
        assert_eq!(client.parameters["session_authorization"], user);
        assert_eq!(client.ok("select 1 as a")[1], "Row '1'");
    }
    // A wrong password and an unknown user look the same.
    let refused = [("alice", "wrong"), ("nobody", "correct horse"), ("alice", "")]
        .map(|(user, password)| log_in(user, password).err().expect("refused"));
    for error in &refused {
        assert_eq!(error.sqlstate().as_deref(), Some("28P01"));
        assert_eq!(error.field(b'S').as_deref(), Some("FATAL"));
    }
    let words = |index: usize, user: &str| refused[index].field(b'M').unwrap().replace(user, "USER");
    assert_eq!(words(0, "alice"), words(1, "nobody"));

    // Nothing is answered before the login is done.
    let mut client = Client::open(server.address);
    client.send(&startup(PROTOCOL_3_0, &[("user", "alice"), ("database", DATABASE)]));
    assert_eq!(client.receive().tag, b'R');
    client.send(&query("select 1"));
    let lines = client.until_closed();
    assert!(lines.len() == 1 && lines[0].starts_with("Error "), "{lines:?}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn an_unknown_database_is_refused() {
    let server = Server::gateway(&[]);
    let mut client = Client::open(server.address);
    client.send(&startup(PROTOCOL_3_0, &[("user", "_SYSTEM"), ("database", "NO_SUCH_NAMESPACE")]));
    let Err(error) = client.try_login("SYS") else { panic!("not refused") };
    assert_eq!(error.sqlstate().as_deref(), Some("3D000"));
}
