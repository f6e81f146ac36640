//! The ledger on PostgreSQL against the domain's model of it: random sequences at once, through
//! writers and units of work of several servers, that are cut off, restarted and asked again.
//!
//! `BILLING_SOAK_SEQUENCES` says how many sequences, `BILLING_SOAK_SEED` repeats those of a run.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod admin;
mod plan;
mod servers;
mod world;

// What the domain tests itself with.
#[path = "../../../billing-domain/src/credits/tests/builders.rs"]
mod builders;
#[path = "../../../billing-domain/src/credits/tests/random.rs"]
mod random;
#[path = "../../../billing-domain/src/credits/tests/model.rs"]
mod reference;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use billing_domain::{
    credits::*,
    event::What,
    id::{DecisionId, GrantId, HoldId, OrganizationId},
};
use builders::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{scratch::Scratch, seeds};
use {
    plan::{Plan, plan},
    servers::Servers,
    world::Worlds,
};

const SEQUENCES: u32 = 256;
/// So many sequences are played at once.
const PLAYERS: u32 = 12;
/// A sequence that fails is made smaller by so many more tries.
const SHRINKS: u32 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn random_sequences_end_as_the_model_says() {
    let (sequences, seed) = (seeds::count("BILLING_SOAK_SEQUENCES", SEQUENCES), seeds::seed());
    seeds::tell(&format!("{sequences} sequences: BILLING_SOAK_SEED={seed}"));
    let scratch = Scratch::new().await;
    let servers = Arc::new(Servers::start(&scratch).await);
    let played = Arc::new(AtomicUsize::new(0));
    let fails = Arc::new(OnceLock::new());
    let players: Vec<_> = (0..PLAYERS)
        .map(|player| {
            let (servers, runtime, played) = (servers.clone(), Handle::current(), played.clone());
            let fails = fails.clone();
            let cases = sequences / PLAYERS + u32::from(player < sequences % PLAYERS);
            thread::spawn(move || {
                let mut runner = runner(seed, player, cases);
                let tried = runner.run(&plan(), |plan| {
                    // While one makes its failure smaller, the others rest.
                    if fails.get().is_some_and(|other| *other != player) {
                        return Ok(());
                    }
                    played.fetch_add(1, Ordering::Relaxed);
                    let ended = runtime.block_on(play(&servers, &plan));
                    if ended.is_err() && *fails.get_or_init(|| player) != player {
                        return Ok(());
                    }
                    ended.map_err(TestCaseError::fail)
                });
                tried.map_err(|failed| format!("seed {seed}, player {player}: {failed}"))
            })
        })
        .collect();
    let ended = tokio::task::spawn_blocking(|| {
        players.into_iter().map(|player| player.join().unwrap()).collect::<Vec<_>>()
    });
    let failed: Vec<_> = ended.await.unwrap().into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(servers.violations().await, []);
    seeds::tell(&format!("{} played: {}", played.load(Ordering::Relaxed), servers.told()));
}

/// The same sequences for the same seed.
fn runner(seed: u64, player: u32, cases: u32) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..12].copy_from_slice(&player.to_le_bytes());
    let config =
        Config { cases, max_shrink_iters: SHRINKS, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Plays a sequence on two new organizations.
async fn play(servers: &Servers, plan: &Plan) -> Result<(), String> {
    let organizations = servers.register().await?;
    let mut worlds = Worlds::new();
    for flight in plan.flights(organizations) {
        let flown = servers.fly(&flight).await?;
        worlds.follow(&flight, &flown)?;
    }
    for (of, organization) in organizations.into_iter().enumerate() {
        let found = servers.books(organization).await;
        worlds.agree(of, &found)?;
        servers.explain(organization).await?;
    }
    Ok(())
}
