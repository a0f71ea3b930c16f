//! Calls of functions the gateway carries out.

use crate::sql::plan::SleepKind;
use crate::sql::{AdvisoryOperation, Bind, Call, CallArgument, CallFunction, Template};
use crate::types::Oid;

/// `label: name(arguments), ..`; a label that is the name is left out, an expression stands in braces.
pub(super) fn shown(calls: &[Call], template: &Template) -> String {
    calls.iter().map(|call| one(call, template)).collect::<Vec<_>>().join(", ")
}

fn one(call: &Call, template: &Template) -> String {
    let name = name(call.function);
    let arguments: Vec<String> = call.arguments.iter().map(|argument| shown_argument(argument, template)).collect();
    let label = if call.label == name {
        String::new()
    } else if call.label.chars().all(|c| c.is_ascii_lowercase()) {
        format!("{}: ", call.label)
    } else {
        format!("\"{}\": ", call.label)
    };
    format!("{label}{name}({})", arguments.join(", "))
}

fn name(function: CallFunction) -> String {
    match function {
        CallFunction::Notify => "pg_notify".into(),
        CallFunction::Sequence(function) => format!("{function:?}").to_lowercase(),
        CallFunction::Sleep(SleepKind::Seconds) => "pg_sleep".into(),
        CallFunction::Sleep(SleepKind::For) => "pg_sleep_for".into(),
        CallFunction::Sleep(SleepKind::Until) => "pg_sleep_until".into(),
        CallFunction::Advisory(AdvisoryOperation::UnlockAll) => "pg_advisory_unlock_all".into(),
        CallFunction::Advisory(AdvisoryOperation::Unlock { is_shared }) => {
            format!("pg_advisory_unlock{}", if is_shared { "_shared" } else { "" })
        }
        CallFunction::Advisory(AdvisoryOperation::Lock { is_try, is_shared, is_transaction }) => format!(
            "pg_{}advisory_{}lock{}",
            if is_try { "try_" } else { "" },
            if is_transaction { "xact_" } else { "" },
            if is_shared { "_shared" } else { "" }
        ),
    }
}

fn shown_argument(argument: &CallArgument, template: &Template) -> String {
    let of_type = |oid: Oid| oid.base_name().unwrap_or("?");
    match argument {
        CallArgument::Null => "NULL".into(),
        CallArgument::Expression { sql, oid } => format!("{{{sql}:{}}}", of_type(*oid)),
        CallArgument::Value { bind: Bind::Parameter(n), .. } => format!("${n}"),
        CallArgument::Value { bind: Bind::TypedLiteral { literal, oid }, .. } => {
            let (kind, value) = template.literal(*literal).unwrap();
            let quote = if kind == crate::sql::LiteralKind::String { "'" } else { "" };
            format!("<{quote}{value}{quote}:{}>", of_type(*oid))
        }
        CallArgument::Value { bind: Bind::TypedConstant { text, oid }, .. } => {
            format!("<='{text}':{}>", of_type(*oid))
        }
        CallArgument::Value { bind, .. } => format!("{bind:?}"),
    }
}
