//! The catalogue, read often and changed seldom: kept for a second.

use std::sync::{Arc, Mutex, PoisonError};

use billing_domain::catalogue::Catalogue;
use time::{Duration, OffsetDateTime};

use crate::{Billing, Error, ports::CatalogueQueries};

/// How old an answer may be.
const STALE_AFTER: Duration = Duration::SECOND;

pub(crate) struct CurrentCatalogue {
    queries: Arc<dyn CatalogueQueries>,
    kept: Mutex<Option<(OffsetDateTime, Arc<Catalogue>)>>,
}

impl CurrentCatalogue {
    pub(crate) fn new(queries: Arc<dyn CatalogueQueries>) -> Self {
        Self { queries, kept: Mutex::new(None) }
    }

    fn kept(&self, wall: OffsetDateTime) -> Option<Arc<Catalogue>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Also when the clock was set back: what is read in the future is stale.
        let fresh = |read_at| (Duration::ZERO..STALE_AFTER).contains(&(wall - read_at));
        kept.as_ref().filter(|(read_at, _)| fresh(*read_at)).map(|(_, it)| it.clone())
    }

    fn keep(&self, wall: OffsetDateTime, catalogue: Catalogue) -> Arc<Catalogue> {
        let catalogue = Arc::new(catalogue);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((wall, catalogue.clone()));
        catalogue
    }
}

impl Billing {
    /// What is on sale, at most a second old.
    pub async fn catalogue(&self) -> Result<Arc<Catalogue>, Error> {
        let wall = self.ports.clock.wall();
        if let Some(kept) = self.current_catalogue.kept(wall) {
            return Ok(kept);
        }
        let read = self.current_catalogue.queries.catalogue().await?;
        Ok(self.current_catalogue.keep(wall, read))
    }
}
