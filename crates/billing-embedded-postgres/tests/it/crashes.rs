use std::time::Instant;

use crate::keeper::{Keeper, Place, User, say};
use crate::processes::{kill, until, working_in};

/// A server in use, whose table must outlive what is done to it.
fn serving(name: &str, user: User) -> (Place, Keeper) {
    let place = Place::new(name, user);
    let keeper = place.start();
    place.query("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n");
    (place, keeper)
}

#[track_caller]
fn all_is_kept(place: &Place) {
    assert_eq!(place.query("SELECT count(*) FROM kept"), ["1000"]);
}

#[test]
fn postgres_ends_with_a_killed_parent() {
    for user in User::all() {
        let (place, mut keeper) = serving("parent", user);

        keeper.kill();
        let begun = Instant::now();
        place.is_deserted();
        say(&format!("{user:?}: gone after {:?}", begun.elapsed()));
        assert!(!place.data().join("postmaster.pid").exists(), "it did not end in order");
    }
}

#[test]
fn a_killed_postgres_is_started_again() {
    for user in User::all() {
        let (mut place, keeper) = serving("postgres", user);
        for _ in 0..2 {
            let before = place.postmaster();

            kill(before);
            let begun = Instant::now();
            until("another postmaster", || (place.postmaster() != before).then_some(()));
            say(&format!("{user:?}: back after {:?}", begun.elapsed()));
            all_is_kept(&place);
        }
        assert!(place.stop(keeper).success());
    }
}

#[test]
fn everything_killed_starts_again_at_once() {
    for user in User::all() {
        let (mut place, mut keeper) = serving("everything", user);

        keeper.kill();
        working_in(&place.data()).into_iter().for_each(kill);
        let keeper = place.start();
        all_is_kept(&place);
        assert!(place.stop(keeper).success());
    }
}

#[test]
fn backends_that_outlive_both_do_not_stand_in_the_way() {
    for user in User::all() {
        let (mut place, mut keeper) = serving("backends", user);
        let postmaster = place.postmaster();

        kill(postmaster);
        keeper.kill();
        let keeper = place.start();
        all_is_kept(&place);
        assert!(place.stop(keeper).success());
    }
}

#[test]
fn a_killed_parent_is_replaced_at_once() {
    for user in User::all() {
        let (mut place, mut keeper) = serving("replaced", user);

        keeper.kill();
        let keeper = place.start();
        all_is_kept(&place);
        assert!(place.stop(keeper).success());
    }
}

#[test]
fn a_killed_first_start_leaves_nothing_half_made() {
    for user in User::all() {
        let mut place = Place::new("first", user);
        let half = place.base.join("data.half");
        let mut keeper = place.start();

        until("initdb works", || half.join("base/1").exists().then_some(()));
        keeper.kill();
        assert!(!place.data().exists());

        let keeper = place.start();
        assert_eq!(place.query("SELECT 1"), ["1"]);
        assert!(!half.exists());
        assert!(place.stop(keeper).success());
    }
}
