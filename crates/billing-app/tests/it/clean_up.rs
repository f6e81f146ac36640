use std::sync::Arc;

use async_trait::async_trait;
use billing_app::{
    Billing, Error, Ports, Settings,
    ports::{About, ArchiveFolder, Lines, NewFile},
};
use billing_testkit::MemoryStore;
use time::Duration;

use crate::scene::{Scene, ports};

/// The same installation with another folder.
fn with_folder(scene: &Scene, archive_folder: Option<Arc<dyn ArchiveFolder>>) -> Billing {
    let ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    Billing::new(Ports { archive_folder, ..ports }, Settings::default())
}

/// Two webhooks were done with, and one waits; then the days passed.
async fn after(days: i64) -> Scene {
    let scene = Scene::new();
    scene.tell(About::Nothing).await;
    scene.tell(About::Nothing).await;
    scene.tell(About::Payment("pi_1".to_owned())).await;
    scene.clock.advance(Duration::days(days));
    scene
}

#[tokio::test]
async fn webhooks_are_put_away_after_90_days() {
    for (days, away) in [(90, 0), (91, 2)] {
        let scene = after(days).await;
        let (all, waiting) = (scene.webhooks().await, 1);
        assert_eq!(scene.billing.clean_up().await.unwrap(), away, "{days}");
        assert_eq!(scene.webhooks().await.len(), 2 - away + waiting, "{days}");
        assert_eq!(scene.billing.clean_up().await.unwrap(), 0, "{days}");
        let files = scene.store.files();
        assert_eq!(files.len(), usize::from(away > 0), "{days}");
        for text in files.values() {
            let mut ids = text.lines().map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["status"], "ignored");
                line["webhook_id"].as_str().unwrap().to_owned()
            });
            assert!(ids.all(|id| all.iter().any(|it| it.id.0.to_string() == id)));
        }
    }
}

#[tokio::test]
async fn without_a_folder_nothing_goes() {
    let scene = after(400).await;
    assert_eq!(with_folder(&scene, None).clean_up().await.unwrap(), 0);
    assert_eq!(scene.webhooks().await.len(), 3);
}

/// A disk that loses all.
struct Lossy(MemoryStore);

#[async_trait]
impl ArchiveFolder for Lossy {
    async fn begin(&self) -> Result<Box<dyn NewFile>, Error> {
        self.0.begin().await
    }

    async fn read(&self, _name: &str, _line: &mut Lines<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_goes_when_the_file_is_not_what_was_written() {
    let scene = after(400).await;
    let lossy = with_folder(&scene, Some(Arc::new(Lossy(scene.store.clone()))));
    assert!(lossy.clean_up().await.is_err());
    assert_eq!(scene.webhooks().await.len(), 3);
    assert_eq!(scene.billing.clean_up().await.unwrap(), 2, "the next run puts them away");
}
