use std::sync::{Mutex, atomic::AtomicUsize};

use super::*;
use crate::{accounts, billing::Billing, fake::serve, target::Book};

async fn billing(answers: impl crate::fake::Answers) -> Arc<dyn Target> {
    Arc::new(Billing::new(&serve(answers).await, "k", None).unwrap())
}

fn accounts(count: usize) -> Accounts {
    (0..count).map(|nth| Account::new(format!("o{nth}"), 1_000_000)).collect()
}

fn pressure(target: &Arc<dyn Target>) -> Pressure {
    let time = Duration::from_millis(50);
    Pressure { connections: 3, time, sites: vec![target.site().clone()] }
}

#[tokio::test]
async fn a_hold_and_its_settlement_are_one_unit_of_work() {
    // Settled are holds that were made, each of them once.
    let (held, settled) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (made, done) = (held.clone(), settled.clone());
    let target = billing(move |line, body| match line {
        "POST /api/billing/credits/holds" => {
            assert!(body.contains(r#""organization_id":"o"#), "{body}");
            let id = made.fetch_add(1, Relaxed);
            (201, format!(r#"{{"organization_id":"o1","hold_id":"{id}"}}"#))
        }
        _ => {
            done.lock().unwrap().push(line.to_owned());
            (200, r#"{"settled":1}"#.to_owned())
        }
    })
    .await;
    let accounts = accounts(4);
    let load = Load::new(&target, Work::Settle, (&accounts, 0..4)).unwrap();
    let measured = Arc::new(load).run(&pressure(&target)).await.unwrap();

    let mut settled = settled.lock().unwrap().clone();
    let (pairs, held) = (measured.latencies_us.len(), held.load(Relaxed));
    assert_eq!((pairs, measured.errors, settled.len()), (held, 0, held));
    settled.sort_unstable();
    settled.dedup();
    assert_eq!(settled.len(), held, "each hold is settled once");
    let booked = accounts.iter().map(|it| it.tally(Book::Credits).read().0);
    assert_eq!(usize::try_from(booked.sum::<i64>()).unwrap(), pairs);
}

#[tokio::test]
async fn what_a_server_does_not_know_it_does_not_offer() {
    for (status, offered) in [(404, false), (405, false), (200, true), (402, true)] {
        let target = billing(move |_, _| (status, r#"{"cost":1}"#.to_owned())).await;
        let load = Load::new(&target, Work::Consume, (&accounts(1), 0..1)).unwrap();
        assert_eq!(Arc::new(load).is_offered().await.unwrap(), offered, "{status}");
    }
    let target = billing(|_, _| (200, String::new())).await;
    assert!(Load::new(&target, Work::Webhook, (&accounts(1), 0..1)).is_none());
}

#[tokio::test]
async fn a_batch_counts_for_each_of_its_organizations() {
    let target = billing(|_, body| {
        assert_eq!(body.matches("organization_id").count(), 100);
        (200, r#"{"accepted":100,"duplicates":0,"rejected":[]}"#.to_owned())
    })
    .await;
    let accounts = accounts(100);
    let load = Load::new(&target, Work::Batch, (&accounts, 0..100)).unwrap();
    let measured = Arc::new(load).run(&pressure(&target)).await.unwrap();
    assert_eq!(measured.operations(), measured.latencies_us.len() as u128 * 100);
    for account in accounts.iter() {
        let (counted, _) = account.tally(Book::Uses).read();
        assert_eq!(usize::try_from(counted).unwrap(), measured.latencies_us.len());
    }
}

#[tokio::test]
async fn a_failure_may_have_been_done_and_a_loss_is_seen() {
    let target = billing(|line, _| match line {
        "POST /api/billing/credits/consume" => (500, String::new()),
        _ => (200, r#"{"balance":999998,"overdrawn":0}"#.to_owned()),
    })
    .await;
    let accounts = accounts(1);
    let load = Arc::new(Load::new(&target, Work::Consume, (&accounts, 0..1)).unwrap());
    assert!(load.run(&pressure(&target)).await.is_err(), "nothing succeeded");
    let (known, unknown) = accounts[0].tally(Book::Credits).read();
    assert!(known == 0 && unknown > 2);
    accounts::check(&target, &accounts, Book::Credits, 2).await.unwrap();
    accounts[0].tally(Book::Credits).acknowledged.store(3, Relaxed);
    accounts::check(&target, &accounts, Book::Credits, 2).await.unwrap_err();
}
