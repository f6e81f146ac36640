//! Giving credits away.

use super::*;
use EntryKind::{Expired, Transferred};
use GrantKind::{Promotional, Purchased, Subscription};

/// Applies what was sent to the one who receives it.
fn receive(receiver: &mut CreditAccount, sent: &Sent, now: OffsetDateTime) {
    let ids = (100..).map(grant_id);
    for grant in grants(sent, ids, now) {
        assert!(matches!(receiver.give(grant, now), CreditOutcome::Granted { .. }));
    }
}

fn grants(
    sent: &Sent,
    mut ids: impl Iterator<Item = GrantId>,
    now: OffsetDateTime,
) -> Vec<NewGrant> {
    sent.grants(|| ids.next().unwrap(), now)
}

/// Ten purchased credits (1), and eight of a subscription that end after a while (2).
fn eighteen() -> CreditAccount {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    account.give(NewGrant { kind: Subscription, ..between(2, 0, 50, 8) }, NOON);
    account
}

#[test]
fn what_is_given_away_keeps_its_kind_and_its_end() {
    let mut giver = eighteen();
    let mut receiver = CreditAccount::new(a_friend());
    let gift = sent(giver.give_away("g", 13, 1));
    let ten = Taken { kind: Purchased, amount: 10, expires_at: None };
    let three = Taken { kind: Subscription, amount: 3, expires_at: Some(at(50)) };
    assert_eq!(gift.taken, [ten, three]);
    assert_eq!((gift.seq, gift.amount, gift.balance_after), (3, 13, 5));

    receive(&mut receiver, &gift, at(1));
    assert_eq!((giver.balance(), receiver.balance()), (5, 13), "nothing is made or lost");
    assert_eq!(giver.rows()[2..], [(Transferred, 1, -13, 5)]);
    assert_eq!(receiver.rows(), [(Transferred, 1, 10, 10), (Transferred, 1, 3, 13)]);
    let [first, second] = receiver.grants() else { panic!("two grants") };
    assert_eq!((first.kind, first.expires_at), (Purchased, None));
    assert_eq!((second.kind, second.expires_at), (Subscription, Some(at(50))));
    assert_eq!(first.source, Source::new(Source::TRANSFER, format!("{}:1", decision_id(9))));
    assert_eq!(second.source.id, format!("{}:2", decision_id(9)));

    receiver.book(at(50));
    assert_eq!(receiver.rows()[2..], [(Expired, 50, -3, 10)]);
}

#[test]
fn the_row_says_to_whom() {
    let mut giver = eighteen();
    sent(giver.give_away("g", 13, 1));
    let row = giver.last_row();
    let origin = Origin::Transfer { decision: decision_id(9), key: key("g"), to: a_friend() };
    assert_eq!((&row.origin, touches(&row.touched)), (&origin, vec![(1, -10), (2, -3)]));
}

#[test]
fn nobody_gives_away_what_is_owed_held_or_not_there() {
    let mut giver = eighteen();
    giver.settings.overdraft_limit = 100;
    held(giver.reserve_as(1, 5, 60, 0));
    assert_eq!(denied(giver.give_away("a", 14, 1)).available, 13);
    // Ten were purchased and are used: by the refund of the payment they are owed.
    consumed(giver.spend(6, at(1)));
    giver.take_back(1, 10, 1);
    assert_eq!((giver.balance(), giver.held, giver.overdrawn), (2, 5, 10));
    assert_eq!(denied(giver.give_away("b", 1, 2)).available, 0);
    assert_eq!(giver.rows().iter().filter(|row| row.0 == Transferred).count(), 0);
}

#[test]
fn exactly_what_there_is_may_be_given_away() {
    let mut giver = eighteen();
    giver.settings.overdraft_limit = 100;
    assert_eq!(denied(giver.give_away("a", 19, 1)).available, 18, "no overdraft");
    assert_eq!(sent(giver.give_away("b", 18, 1)).balance_after, 0);
    assert_eq!(denied(giver.give_away("c", 1, 1)).available, 0);
}

#[test]
fn a_repeated_transfer_gives_once_and_nothing_is_received_again() {
    let mut giver = eighteen();
    let first = sent(giver.give_away("g", 13, 1));
    let before = giver.clone();
    let again = sent(giver.give_away("g", 13, 9));
    assert_eq!(again, Sent { replayed: true, taken: vec![], ..first.clone() });
    assert_eq!(grants(&again, (0..).map(grant_id), at(9)), []);
    let mut to_another = a_gift("g", 13);
    to_another.to = OrganizationId(Uuid::max());
    for other in [a_gift("g", 12), to_another] {
        assert_eq!(giver.apply(&CreditCommand::Send(other), at(9)), CreditOutcome::KeyReused);
    }
    assert_eq!(giver, before);

    let mut receiver = CreditAccount::new(a_friend());
    receive(&mut receiver, &first, at(1));
    receive(&mut receiver, &first, at(2));
    assert_eq!(receiver.balance(), 13, "the transfer is the source, and gives once");
}

#[test]
fn a_denied_transfer_is_replayed_even_when_credits_have_arrived() {
    let mut giver = an_account();
    let first = denied(giver.give_away("g", 5, 0));
    giver.give(a_grant(1, Purchased, 10), at(1));
    assert_eq!(denied(giver.give_away("g", 5, 2)), Denied { replayed: true, ..first });
    assert_eq!(giver.balance(), 10);
}

#[test]
fn what_is_received_repays_what_is_owed_first() {
    let mut giver = eighteen();
    let mut receiver = CreditAccount::new(a_friend());
    receiver.settings.overdraft_limit = 4;
    consumed(receiver.spend(4, NOON));
    receive(&mut receiver, &sent(giver.give_away("g", 13, 1)), at(1));
    assert_eq!((receiver.balance(), receiver.overdrawn), (9, 0));
    assert_eq!((receiver.left_of(100), receiver.left_of(101)), (6, 3));
}

#[test]
fn what_is_given_on_is_taken_back_from_the_giver() {
    let mut giver = eighteen();
    let mut receiver = CreditAccount::new(a_friend());
    receive(&mut receiver, &sent(giver.give_away("g", 10, 1)), at(1));
    giver.take_back(1, 10, 2);
    assert_eq!((giver.balance(), giver.overdrawn, receiver.balance()), (-2, 10, 10));
}

#[test]
fn credits_end_as_they_would_have_when_they_are_received_late() {
    let mut giver = an_account();
    giver.give(NewGrant { kind: Promotional, ..between(1, 0, 50, 8) }, NOON);
    let gift = sent(giver.give_away("g", 8, 49));
    let mut receiver = CreditAccount::new(a_friend());
    receiver.give(a_grant(5, Purchased, 1), at(60));
    receive(&mut receiver, &gift, at(49));
    assert_eq!(receiver.rows()[1..], [(Transferred, 60, 8, 9), (Expired, 60, -8, 1)]);
}
