//! What must always hold, checked on a running system.

use anyhow::ensure;
use billing_postgres::INVARIANTS;

use crate::{banner, wiring::Wired};

/// A part of what must hold.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// The ledgers of credits and of usage.
    Ledger,
}

impl Part {
    fn has(self, invariant: &str) -> bool {
        match self {
            Self::Ledger => invariant.starts_with(['L', 'U']),
        }
    }
}

/// Says of every invariant whether it holds; an error where one does not.
pub(crate) async fn examine(wired: Wired, part: Option<Part>) -> anyhow::Result<()> {
    let chosen = |invariant: &str| part.is_none_or(|part| part.has(invariant));
    let mut violations = wired.database().violations().await?;
    violations.retain(|violation| chosen(violation.invariant));
    wired.close().await?;
    for (invariant, _) in INVARIANTS.iter().filter(|(invariant, _)| chosen(invariant)) {
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
