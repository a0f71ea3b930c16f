//! A session for tests of the runtime: BEGIN, COMMIT, ROLLBACK and `SET name = milliseconds` as such; `panic` panics;
//! `ASK sql` asks the oracle, whose first value becomes the tag;
//! everything else goes to IRIS as it is. Replies are reduced to CommandComplete, ErrorResponse and ReadyForQuery.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::conversation::Conversation;
use crate::bridge::to_pg;
use crate::catalog::{OraclePurpose, OracleRequest};
use crate::iris::{IrisStatement, Reply, Request};
use crate::session::{Effect, Event, Identity, SessionCounters, SessionOptions, Step};
use crate::wire::{Frame, Limits, PgError, Phase, SendBuf, StartupPacket, TransactionStatus, WireError};

pub(super) struct PlainSession {
    identity: Identity,
    is_ready: bool,
    status: TransactionStatus,
    iris_open: bool,
    /// BEGIN..COMMIT ends with the reply that is awaited.
    ends: bool,
    timeouts: HashMap<String, u64>,
    effects: Vec<Effect>,
    queries_count: u64,
}

impl PlainSession {
    fn ready(&mut self, out: &mut SendBuf) -> Step {
        out.put_ready_for_query(self.status);
        Step::Flush
    }

    fn complete(&mut self, out: &mut SendBuf) -> Step {
        out.put_command_complete("OK");
        self.ready(out)
    }

    fn fail(&mut self, error: &PgError, out: &mut SendBuf) -> Step {
        out.put_error_response(error);
        if self.status == TransactionStatus::InTransaction {
            self.status = TransactionStatus::Failed;
        }
        self.ready(out)
    }

    fn query(&mut self, sql: &str, out: &mut SendBuf) -> Step {
        match sql {
            "panic" => panic!("asked for"),
            _ if sql.starts_with("ASK ") => {
                // As sessions ask: only what stands in a transaction can be interrupted.
                let frames = ["BEGIN", sql.trim_start_matches("ASK "), "ROLLBACK"].map(|sql| {
                    let length = u32::try_from(sql.len() + 5).unwrap();
                    [b"Q", &length.to_be_bytes()[..], sql.as_bytes(), b"\0"].concat()
                });
                Step::Ask(OracleRequest {
                    purpose: OraclePurpose::Setting,
                    frames: frames.concat().into(),
                    syncs_count: 3,
                })
            }
            "BEGIN" => {
                self.status = TransactionStatus::InTransaction;
                self.complete(out)
            }
            "COMMIT" | "ROLLBACK" => {
                self.status = TransactionStatus::Idle;
                if !self.iris_open {
                    return self.complete(out);
                }
                self.ends = true;
                Step::Submit(if sql == "COMMIT" { Request::Commit } else { Request::Rollback })
            }
            _ => match sql.strip_prefix("SET ").and_then(|rest| rest.split_once(" = ")) {
                Some((name, value)) => {
                    self.timeouts.insert(name.to_owned(), value.parse().unwrap());
                    self.complete(out)
                }
                None => {
                    let in_transaction = self.status == TransactionStatus::InTransaction;
                    self.iris_open |= in_transaction;
                    Step::Submit(Request::Execute {
                        statement: Rc::new(IrisStatement {
                            key: sql.bytes().fold(7, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())),
                            text: sql.to_owned(),
                            kinds: Vec::new(),
                            is_query: sql.starts_with("SELECT"),
                        }),
                        values: Vec::new(),
                        values_per_set: 0,
                        sets: 1,
                        rows_max: 0,
                        in_transaction,
                    })
                }
            },
        }
    }
}

impl Conversation for PlainSession {
    type Context = Limits;

    fn context(options: &SessionOptions, _: Arc<AtomicU64>, _: Arc<SessionCounters>) -> Limits {
        options.limits.clone()
    }

    fn limits(context: &Limits) -> &Limits {
        context
    }

    fn new(_: &Rc<Limits>, identity: Identity) -> Self {
        Self {
            identity,
            is_ready: false,
            status: TransactionStatus::Idle,
            iris_open: false,
            ends: false,
            timeouts: HashMap::new(),
            effects: Vec::new(),
            queries_count: 0,
        }
    }

    fn phase(&self) -> Phase {
        if self.is_ready { Phase::Authenticated } else { Phase::Startup }
    }

    fn on_frame(&mut self, frame: Frame<'_>, _: Option<u8>, out: &mut SendBuf) -> Step {
        if !self.is_ready {
            return match StartupPacket::parse(frame.body) {
                Ok(StartupPacket::CancelRequest { pid, key }) => Step::Cancel { pid, key: key.to_vec() },
                Ok(StartupPacket::Startup { .. }) => {
                    self.is_ready = true;
                    out.put_authentication_ok();
                    out.put_backend_key_data(self.identity.pid, &self.identity.secret[..4]);
                    self.effects.push(Effect::CancelKey(4));
                    self.ready(out)
                }
                Ok(_) => {
                    out.put_encryption_refused();
                    Step::Flush
                }
                Err(error) => self.on_fatal(&error.to_pg(), out),
            };
        }
        match frame.tag {
            b'Q' => {
                self.queries_count += 1;
                let sql = std::str::from_utf8(frame.body).unwrap().trim_end_matches('\0').to_owned();
                self.query(&sql, out)
            }
            _ => Step::Close,
        }
    }

    fn on_event(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step {
        if std::mem::take(&mut self.ends) {
            self.iris_open = false;
        }
        match event {
            Event::Iris(Reply::Failed { error, .. }) => self.fail(&to_pg(&error), out),
            Event::Iris(_)
            | Event::Flushed
            | Event::Mirrored(_)
            | Event::Waited(_)
            | Event::Sequence(_)
            | Event::Admitted(_)
            | Event::Frame(_)
            | Event::Notified(_) => self.complete(out),
            Event::Oracle(Ok(answer)) => {
                out.put_command_complete(&first_value(&answer));
                self.ready(out)
            }
            Event::Oracle(Err(error)) => self.fail(&error, out),
            Event::Lost(error) => {
                self.iris_open = false;
                self.fail(&error, out)
            }
        }
    }

    fn on_wire_error(&mut self, error: &WireError, out: &mut SendBuf) -> Step {
        self.on_fatal(&error.to_pg(), out)
    }

    fn on_fatal(&mut self, error: &PgError, out: &mut SendBuf) -> Step {
        out.put_error_response(error);
        Step::Close
    }

    fn keeps_lease(&self) -> bool {
        self.iris_open
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn in_transaction_block(&self) -> bool {
        self.status != TransactionStatus::Idle
    }

    fn is_authenticated(&self) -> bool {
        self.is_ready
    }

    fn statement(&self) -> Option<u64> {
        Some(self.queries_count)
    }

    fn timeout_ms(&self, name: &str) -> u64 {
        self.timeouts.get(name).copied().unwrap_or(0)
    }

    fn statement_timeout_ms(&self) -> u64 {
        self.timeout_ms("statement_timeout")
    }
}

/// The first column of the first row, or the first error.
fn first_value(mut answer: &[u8]) -> String {
    while let Some(frame) = Frame::cut_backend(answer, u32::MAX).unwrap() {
        match frame.tag {
            b'D' => return String::from_utf8_lossy(&frame.body[6..]).into_owned(),
            b'E' => return String::from_utf8_lossy(frame.body).replace('\0', " "),
            _ => answer = &answer[frame.wire_len()..],
        }
    }
    String::new()
}
