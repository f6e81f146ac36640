//! What is said to the row of the clock, and to the rows of those who go by it.

use diesel::sql_types::{BigInt, Integer, Nullable, Uuid as SqlUuid};
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// How the clock stands, and who moves it. The row is held until it is said who believes it.
    HowItStands {} -> (BigInt, Nullable<SqlUuid>);
    "SELECT ahead_micros, CASE WHEN moving_until > clock_timestamp() THEN mover END \
     FROM sandbox_clock FOR SHARE"
}

statement! {
    /// This process goes by what it has just read.
    Believe { process: Uuid, seconds: i64, rests_for: Option<Uuid> } -> Integer;
    "INSERT INTO clock_followers AS known (process, believes_until, rests_for) VALUES ("
    [process: SqlUuid] ", clock_timestamp() + " [seconds: BigInt] " * interval '1 second', "
    [rests_for: Nullable<SqlUuid>]
    ") ON CONFLICT (process) DO UPDATE SET believes_until = excluded.believes_until, \
     rests_for = excluded.rests_for"
}

statement! {
    /// This process goes by the clock no more.
    Forget { process: Uuid } -> Integer;
    "DELETE FROM clock_followers WHERE process = " [process: SqlUuid]
}

statement! {
    /// Begins to move the clock, by a new right, where nobody does and nothing is real.
    Begin { seconds: i64 } -> SqlUuid;
    "UPDATE sandbox_clock SET mover = gen_random_uuid(), moving_until = clock_timestamp() + "
    [seconds: BigInt] " * interval '1 second' \
     WHERE (moving_until IS NULL OR moving_until <= clock_timestamp()) \
     AND EXISTS (SELECT FROM installation WHERE mode = 'sandbox') RETURNING mover"
}

statement! {
    /// Goes on moving the clock, for as long again.
    GoOn { right: Uuid, seconds: i64, ahead_micros: i64 } -> BigInt;
    "UPDATE sandbox_clock SET moving_until = clock_timestamp() + " [seconds: BigInt]
    " * interval '1 second', ahead_micros = GREATEST(ahead_micros, " [ahead_micros: BigInt]
    ") WHERE mover = " [right: SqlUuid]
    " AND moving_until > clock_timestamp() RETURNING ahead_micros"
}

statement! {
    /// The clock is moved no more.
    End { right: Uuid } -> Integer;
    "UPDATE sandbox_clock SET mover = NULL, moving_until = NULL WHERE mover = " [right: SqlUuid]
}

statement! {
    /// Forgets who was not heard of for long.
    Sweep {} -> Integer;
    "DELETE FROM clock_followers WHERE believes_until < clock_timestamp() - interval '1 hour'"
}

statement! {
    /// How many others may still go by what they have read before it is moved.
    Awake { process: Uuid, right: Uuid } -> BigInt;
    "SELECT count(*) FROM clock_followers WHERE believes_until > clock_timestamp() \
     AND process <> " [process: SqlUuid] " AND rests_for IS DISTINCT FROM " [right: SqlUuid]
}
