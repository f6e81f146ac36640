use std::sync::Arc;

use async_trait::async_trait;
use billing_app::{
    Billing, Error, Ports, RecordUsage, Settings,
    ports::{ArchiveFolder, ArchivedMonth, Lines, NewFile},
};
use billing_domain::{id::OrganizationId, usage::UsageOperation};
use billing_testkit::MemoryStore;
use time::{Duration, macros::date};

use crate::scene::{Scene, a_generation, ports};

/// The same installation with another folder.
fn with_folder(scene: &Scene, archive_folder: Option<Arc<dyn ArchiveFolder>>) -> Billing {
    let ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    Billing::new(Ports { archive_folder, ..ports }, Settings::default())
}

/// Something was used in March, and half a year later in September.
async fn used(scene: &Scene) -> OrganizationId {
    let acme = scene.acme().await;
    for days in [0, 1, 180] {
        let operation = UsageOperation::Track;
        let usage = RecordUsage { quantity: 3, operation, ..a_generation(acme) };
        scene.clock.advance(Duration::days(days));
        scene.billing.record_usage(usage).await.expect("it is counted");
    }
    acme
}

#[tokio::test]
async fn old_months_are_put_away_and_counting_anew_is_the_same() {
    let scene = Scene::new();
    let acme = used(&scene).await;
    let march = date!(2026 - 03 - 01);
    assert_eq!(scene.billing.archivable_usage().await.unwrap(), [march]);
    let nowhere = with_folder(&scene, None);
    assert_eq!(nowhere.archive_old_usage().await.unwrap(), []);
    assert_eq!(scene.store.counted(acme).len(), 3);

    let archived = scene.billing.archive_old_usage().await.unwrap();
    let file = "usage-events-2026-03-2.jsonl".to_owned();
    assert_eq!(archived, [ArchivedMonth { month: march, file, events: 2, total: 6 }]);
    assert_eq!(scene.store.counted(acme).len(), 1);
    let rebuilt = scene.billing.rebuild_usage(acme).await.unwrap();
    assert!(rebuilt.is_as_before() && rebuilt.events == 3, "{rebuilt:?}");
    assert_eq!(scene.billing.archive_old_usage().await.unwrap(), []);
}

/// A disk that forgets the last line.
struct Forgetful(MemoryStore);

#[async_trait]
impl ArchiveFolder for Forgetful {
    async fn begin(&self) -> Result<Box<dyn NewFile>, Error> {
        self.0.begin().await
    }

    async fn read(&self, name: &str, line: &mut Lines<'_>) -> Result<(), Error> {
        let mut first = true;
        let mut all_but_one = |text: &str| {
            if core::mem::take(&mut first) { Ok(()) } else { line(text) }
        };
        self.0.read(name, &mut all_but_one).await
    }
}

#[tokio::test]
async fn nothing_is_removed_when_the_file_is_not_what_was_written() {
    let scene = Scene::new();
    let acme = used(&scene).await;
    let billing = with_folder(&scene, Some(Arc::new(Forgetful(scene.store.clone()))));
    assert!(billing.archive_old_usage().await.is_err());
    assert_eq!(scene.store.counted(acme).len(), 3);
    assert!(billing.rebuild_usage(acme).await.unwrap().is_as_before());
}
