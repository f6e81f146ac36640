//! What must hold in every database, whatever happened to it, checked past row-level security.

use billing_postgres::INVARIANTS;

use crate::sql::Sql;

/// Panics with everything that does not hold.
#[track_caller]
pub(crate) fn hold(sql: &Sql) {
    let violated = INVARIANTS.iter().filter_map(|(name, query)| {
        let found = sql.rows(query);
        (!found.is_empty()).then(|| format!("{name}: {found:?}"))
    });
    let violated: Vec<_> = violated.collect();
    assert!(violated.is_empty(), "{}", violated.join("\n"));
}
