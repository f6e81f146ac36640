//! What a change of items in the middle of a period costs.

use serde_json::Value;

use crate::{
    json::Fields as _,
    stripe::{
        invoices::{collect, lines},
        periods::Rhythm,
        refusal::Refusal,
        subscriptions,
        turn::Turn,
    },
};

/// Writes the changed subscription and bills the change as asked, computed for an instant.
///
/// In the same rhythm the rest of the period is settled, at once or on the next invoice; another
/// rhythm begins a new period now, which is billed at once. A trial costs nothing either way.
pub(crate) fn settle(
    turn: &mut Turn<'_>,
    before: &Value,
    after: &mut Value,
    (behavior, at): (&str, i64),
) -> Result<(), Refusal> {
    let trial = after.text("status") == "trialing";
    let mut settled = Vec::new();
    if behavior != "none" && !trial {
        settled = rest_of(turn, before, after, (true, at))?;
    }
    if rhythm(before) != rhythm(after) && !trial {
        after.set("billing_cycle_anchor", turn.now);
        let end = subscriptions::next_boundary(after, turn.now)?;
        subscriptions::set_period(after, turn.now, end);
        collect::bill_later(turn, after.text("id"), settled);
        return collect::bill_period(turn, before, after, "subscription_update");
    }
    if behavior != "none" && !trial {
        settled.extend(rest_of(turn, after, before, (false, at))?);
    }
    if behavior == "always_invoice" && !settled.is_empty() {
        return collect::bill(turn, before, after, "subscription_update", settled);
    }
    subscriptions::save_change(turn, before, after);
    collect::bill_later(turn, after.text("id"), settled);
    Ok(())
}

/// A line for each item of one version that is not the same in the other.
fn rest_of(
    turn: &Turn<'_>,
    version: &Value,
    other: &Value,
    (credit, at): (bool, i64),
) -> Result<Vec<Value>, Refusal> {
    let others = other.list("items.data");
    let changed = version.list("items.data").iter().filter(|item| {
        let same = |other: &Value| {
            ["id", "price.id", "quantity"].iter().all(|path| other.at(path) == item.at(path))
        };
        !others.iter().any(same)
    });
    changed.map(|item| lines::of_rest(turn, version, item, (credit, at))).collect()
}

fn rhythm(subscription: &Value) -> Option<Rhythm> {
    Rhythm::of(subscription.at("items.data.0.price"))
}
