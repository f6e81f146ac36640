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
    let billing = wired.billing();
    let (mailer, mail) = (billing.mailer(), billing.email_health().await);
    drop(billing);
    let mail = mail.map_err(|error| anyhow::anyhow!("{}", error.in_full()))?;
    wired.close().await?;
    if mailer.is_none() {
        let unsent = mail.unsent;
        banner::say(&format!(
            "WARNING emails are not sent: set SMTP_URL and EMAIL_FROM ({unsent} are kept as unsent)"
        ));
    }
    if mail.dead > 0 {
        banner::say(&format!("WARNING {} emails could not be sent", mail.dead));
    }
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
