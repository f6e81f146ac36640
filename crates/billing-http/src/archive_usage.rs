//! Old months of use are put away, by an operator.

use crate::{banner, wiring::Wired};

/// Puts away all months that are old enough, or only says which.
pub(crate) async fn run(wired: Wired, dry_run: bool) -> anyhow::Result<()> {
    let billing = wired.billing();
    if !billing.archives_usage() {
        banner::say("without BILLING_ARCHIVE_DIR nothing is archived, and nothing is removed");
    }
    for month in billing.archivable_usage().await? {
        let (year, month) = (month.year(), u8::from(month.month()));
        banner::say(&format!("{year}-{month:02} is old enough to be archived"));
    }
    if !dry_run {
        for month in billing.archive_old_usage().await? {
            banner::say(&format!("archived {} events in {}", month.events, month.file));
        }
    }
    wired.close().await
}
