//! Counters are counted anew, by an operator.

use billing_app::{Billing, Rebuilt, ports::Page};
use billing_domain::id::OrganizationId;

use crate::{banner, wiring::Wired};

const AT_ONCE: i64 = 100;

/// Counts the use of one organization anew, or of all, and says what was different.
pub(crate) async fn run(wired: Wired, only: Option<OrganizationId>) -> anyhow::Result<()> {
    let billing = wired.billing();
    let mut wrong = 0;
    match only {
        Some(organization) => wrong += one(&billing, organization).await?,
        None => {
            let mut after = None;
            loop {
                let page = Page { after, limit: AT_ONCE };
                let organizations = billing.list_organizations(page).await?;
                let Some(last) = organizations.last() else { break };
                after = Some(last.id);
                for organization in &organizations {
                    wrong += one(&billing, organization.id).await?;
                }
            }
        }
    }
    banner::say(&format!("{wrong} counters were different, and are corrected"));
    wired.close().await
}

async fn one(billing: &Billing, organization: OrganizationId) -> anyhow::Result<usize> {
    let Rebuilt { events, correction } = billing.rebuild_usage(organization).await?;
    for (key, counter) in &correction.counters {
        let (meter, window, start) = (&key.meter, key.window.name(), key.start);
        let used = counter.used;
        let of = format!("{organization} {meter} {window} from {start}");
        banner::say(&format!("corrected {of}: {used} by {events} events"));
    }
    let values = correction.missing_values.len() + correction.wrong_values.len();
    if values > 0 {
        banner::say(&format!("corrected {organization}: {values} distinct values"));
    }
    Ok(correction.counters.len())
}
