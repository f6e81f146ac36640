//! What a failure of the database means for the caller.

use std::time::Duration;

use billing_app::Error;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// When to try again after the database was away: PostgreSQL recovers in seconds.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The database cannot be reached.
pub(crate) fn unreachable(cause: anyhow::Error) -> Error {
    Error::Unavailable { what: "the database", retry_after: RETRY_AFTER, cause }
}

/// A statement failed.
pub(crate) fn failed(error: DieselError) -> Error {
    let DieselError::DatabaseError(kind, facts) = &error else {
        return Error::Internal(anyhow::Error::new(error).context("the database failed"));
    };
    match kind {
        DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
            unreachable(error.into())
        }
        DatabaseErrorKind::ReadOnlyTransaction => unreachable(error.into()),
        DatabaseErrorKind::SerializationFailure => Error::Conflict("the record"),
        DatabaseErrorKind::UniqueViolation => match facts.constraint_name() {
            Some("subscriptions_one_live" | "change_requests_one_open") => {
                Error::Conflict("the subscription")
            }
            Some(_) | None => Error::Conflict("the record"),
        },
        DatabaseErrorKind::Unknown if passes_by_itself(facts.message()) => {
            unreachable(error.into())
        }
        DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::ExclusionViolation
        | DatabaseErrorKind::Unknown
        | _ => Error::Internal(anyhow::Error::new(error).context("a statement failed")),
    }
}

/// Whether somebody else holds a lock for too long, while the database is well.
pub(crate) fn waited_for_a_lock(error: &Error) -> bool {
    let cause = |cause: &anyhow::Error| format!("{cause:#}").contains("lock timeout");
    matches!(error, Error::Unavailable { cause: it, .. } if cause(it))
}

/// Whether a message tells of something that passes: diesel does not hand over the SQLSTATE.
fn passes_by_itself(message: &str) -> bool {
    [
        "terminating connection",
        "the database system is",
        "canceling statement due to",
        "deadlock detected",
        "too many clients",
        "remaining connection slots",
        "no space left on device",
        "could not extend file",
    ]
    .iter()
    .any(|passing| message.to_lowercase().contains(passing))
}
