//! What must always hold, checked on a running system.

use anyhow::ensure;
use billing_postgres::INVARIANTS;

use crate::{banner, wiring::Wired};

/// Says of every invariant whether it holds; an error where one does not.
pub(crate) async fn examine(wired: Wired) -> anyhow::Result<()> {
    let violations = wired.database().violations().await?;
    wired.close().await?;
    for (invariant, _) in INVARIANTS {
        match violations.iter().find(|violation| violation.invariant == *invariant) {
            None => banner::say(&format!("holds   {invariant}")),
            Some(violation) => {
                banner::say(&format!("BROKEN  {invariant}\n        {}", violation.rows));
            }
        }
    }
    ensure!(violations.is_empty(), "{} invariants are broken", violations.len());
    Ok(())
}
