//! How long what was read may be believed without asking again: the same for everything kept.

use time::{Duration, OffsetDateTime};

/// How old an answer may be.
const STALE_AFTER: Duration = Duration::SECOND;
/// What is asked for at this age is read anew, while answers still come from memory: so that what
/// is much asked never goes stale, and nobody waits in a crowd.
pub(crate) const RENEW_AFTER: Duration = Duration::milliseconds(500);

/// Whether what was read at an instant of the wall clock may still be believed. When the clock was
/// set back, what was read in the future may not.
pub(crate) fn is_fresh(read_at: OffsetDateTime, wall: OffsetDateTime) -> bool {
    (Duration::ZERO..STALE_AFTER).contains(&(wall - read_at))
}
