//! Values that only the session knows.

use crate::sql::SessionValue;
use crate::types::{Datum, Encoder, PgType, local_us};
use crate::wire::{Format, PgError, SqlState};

use super::context::ShardContext;
use crate::session::client::Client;

/// # Errors
/// Those of the setting functions: 42704.
pub(crate) fn session_value(
    value: &SessionValue,
    client: &mut Client,
    shard: &ShardContext,
) -> Result<Datum<'static>, Box<PgError>> {
    let text = |text: String| Ok(Datum::Owned(text));
    match value {
        SessionValue::CurrentUser | SessionValue::SessionUser => text(client.user.clone()),
        SessionValue::Database => text(client.database.clone()),
        SessionValue::CurrentSchema => {
            let path = client.path();
            Ok(path.into_iter().next().map_or(Datum::Null, Datum::Owned))
        }
        SessionValue::CurrentSchemas { implicit } => {
            let mut path = client.path();
            if *implicit && !path.iter().any(|schema| schema == "pg_catalog") {
                path.insert(0, "pg_catalog".to_owned());
            }
            text(format!("{{{}}}", path.join(",")))
        }
        SessionValue::Version => text(shard.version()),
        SessionValue::BackendPid => Ok(Datum::Int(client.identity.pid.into())),
        SessionValue::Setting { name, missing_ok } => match client.settings.show(name) {
            Ok(value) => text(value),
            Err(_) if *missing_ok => Ok(Datum::Null),
            Err(error) => Err(error),
        },
        SessionValue::SetConfig { .. } => {
            Err(PgError::error(SqlState::INTERNAL_ERROR, "a parameter's value is not the session's to know"))
        }
        SessionValue::ClientAddress => address(client.identity.client_address.map(|a| a.ip().to_string())),
        SessionValue::ClientPort => port(client.identity.client_address),
        SessionValue::ServerAddress => address(client.identity.server_address.map(|a| a.ip().to_string())),
        SessionValue::ServerPort => port(client.identity.server_address),
        SessionValue::StartTime => Ok(Datum::Timestamp(client.started_us())),
        SessionValue::LocalTime(oid) => {
            let now_us = client.transaction_time_us();
            let local_us = local_us(&client.settings.style().zone, now_us);
            // ISO text, whatever the client's styles: IRIS casts it.
            let mut bytes = Vec::new();
            Encoder::select(PgType::new(*oid), Format::Text)?.encode(&Datum::Timestamp(local_us), &mut bytes)?;
            text(String::from_utf8_lossy(&bytes).into_owned())
        }
        SessionValue::TransactionId => {
            Ok(Datum::Int(i64::try_from(client.transactions_count()).unwrap_or(i64::MAX).saturating_add(1)))
        }
        SessionValue::RandomUuid => text(random_uuid()?),
        SessionValue::Drawn(n) => match client.drawn.get(usize::from(*n)) {
            Some(value) => Ok(Datum::Int(*value)),
            None => Err(PgError::error(SqlState::INTERNAL_ERROR, "a value of a sequence was not drawn")),
        },
        SessionValue::Random => {
            // 53 random bits are a double in [0, 1) exactly.
            let bits = u64::from_le_bytes(random()?) >> 11;
            #[allow(clippy::cast_precision_loss, reason = "a double is what is asked for")]
            Ok(Datum::Double(bits as f64 / (1_u64 << 53) as f64))
        }
    }
}

fn random<const N: usize>() -> Result<[u8; N], Box<PgError>> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "no random numbers from the system"))?;
    Ok(bytes)
}

/// RFC 9562, version 4.
fn random_uuid() -> Result<String, Box<PgError>> {
    let bits = u128::from_be_bytes(random()?);
    let bits = bits & !(0xF << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

fn address(text: Option<String>) -> Result<Datum<'static>, Box<PgError>> {
    Ok(text.map_or(Datum::Null, Datum::Owned))
}

fn port(address: Option<std::net::SocketAddr>) -> Result<Datum<'static>, Box<PgError>> {
    Ok(address.map_or(Datum::Null, |a| Datum::Int(a.port().into())))
}
