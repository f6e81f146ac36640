//! The catalogue, read often and changed seldom: kept for a second.

use std::sync::{Arc, Mutex, PoisonError};

use billing_domain::catalogue::Catalogue;
use time::OffsetDateTime;

use crate::{Billing, Error, freshness::is_fresh, ports::CatalogueQueries};

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
        kept.as_ref().filter(|(read_at, _)| is_fresh(*read_at, wall)).map(|(_, it)| it.clone())
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
