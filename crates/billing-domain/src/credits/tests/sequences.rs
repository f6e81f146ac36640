//! What holds after any sequence of commands, whatever the clock does.

use proptest::prelude::*;

use super::{
    random::{for_something_else, settings, steps},
    sums::sums_agree,
    *,
};

fn booked(account: &CreditAccount, now: OffsetDateTime) -> CreditAccount {
    let mut account = account.clone();
    account.book(now);
    account
}

/// What an outcome must be when the command is repeated, after what was due since is booked.
fn repeated(outcome: CreditOutcome) -> CreditOutcome {
    match outcome {
        CreditOutcome::Consumed(first) => {
            CreditOutcome::Consumed(Consumed { replayed: true, ..first })
        }
        CreditOutcome::Held(first) => CreditOutcome::Held(Held { replayed: true, ..first }),
        CreditOutcome::Denied(first) => CreditOutcome::Denied(Denied { replayed: true, ..first }),
        CreditOutcome::Settled(first) => {
            CreditOutcome::Settled(Settled { replayed: true, ..first })
        }
        CreditOutcome::Released(first) => {
            CreditOutcome::Released(Released { replayed: true, ..first })
        }
        CreditOutcome::Refunded(first) => {
            CreditOutcome::Refunded(Refunded { replayed: true, ..first })
        }
        CreditOutcome::Sent(first) => {
            CreditOutcome::Sent(Sent { replayed: true, taken: vec![], ..first })
        }
        CreditOutcome::Granted { id, already: _ } => CreditOutcome::Granted { id, already: true },
        CreditOutcome::Revoked(more) => CreditOutcome::Revoked(more.map(|_| 0)),
        same @ (CreditOutcome::KeyReused
        | CreditOutcome::HoldRefused(_)
        | CreditOutcome::RefundRefused(_)
        | CreditOutcome::Configured(_)
        | CreditOutcome::Booked) => same,
    }
}

proptest! {
    #[test]
    fn sums_agree_after_every_command(settings in settings(), steps in steps()) {
        let mut account = set_up(settings);
        for (now, command) in &steps {
            let before = booked(&account, *now);
            let outcome = account.apply(command, *now);
            if matches!(
                outcome,
                CreditOutcome::KeyReused
                    | CreditOutcome::HoldRefused(_)
                    | CreditOutcome::RefundRefused(_)
                    | CreditOutcome::Booked
            ) {
                prop_assert_eq!(&account, &before, "nothing happened");
            }
            if matches!(outcome, CreditOutcome::Denied(_)) {
                prop_assert_eq!(&account.pending.entries, &before.pending.entries);
                prop_assert_eq!(account.grants(), before.grants());
            }
            sums_agree(&account, settings);
            prop_assert!(account.next_due_at().is_none_or(|due| due > *now), "all due is booked");
        }
    }

    #[test]
    fn a_repeated_command_changes_nothing_and_answers_the_same(
        settings in settings(),
        steps in steps(),
        later in 0_i64..20,
    ) {
        let mut account = set_up(settings);
        for (now, command) in &steps {
            let first = account.apply(command, *now);
            let then = *now + Duration::hours(12 * later);
            let before = booked(&account, then);
            let mut again = account.clone();
            let outcome = again.apply(command, then);
            let CreditOutcome::HoldRefused(HoldRefusal::TooMuch(_)) = first else {
                prop_assert_eq!(outcome, repeated(first));
                prop_assert_eq!(again, before);
                continue;
            };
            prop_assert!(matches!(outcome, CreditOutcome::HoldRefused(_)), "it may have timed out");
            prop_assert_eq!(again, before);
        }
    }

    #[test]
    fn a_key_used_for_something_else_changes_nothing(settings in settings(), steps in steps()) {
        let mut account = set_up(settings);
        for (now, command) in &steps {
            let first = account.apply(command, *now);
            // What is refused for what it asks may be asked again under the same key.
            let open = matches!(first, CreditOutcome::RefundRefused(_));
            let other = for_something_else(command.clone()).and_then(for_something_else);
            let Some(other) = other.filter(|_| !open) else { continue };
            let before = account.clone();
            prop_assert_eq!(account.apply(&other, *now), CreditOutcome::KeyReused);
            prop_assert_eq!(&account, &before);
        }
    }
}
