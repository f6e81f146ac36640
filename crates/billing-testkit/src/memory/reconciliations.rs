//! What we have of what gateways have, and the book of where the two differ.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        DifferenceFilter, DifferenceStatus, FoundDifference, Known, Look, NewDifference,
        NewReconciliation, Page, Reconciliation, ReconciliationEnd, ReconciliationQueries,
        Reconciliations, Wanted,
    },
};
use billing_domain::{
    checkout::{CheckoutStatus, Purpose},
    credits::{CreditCommand, CreditOutcome, Origin, Revoke, Source},
    gateway::{Gateway, GatewayRef},
    id::{DifferenceId, OrganizationId, ReconciliationId},
    invoice::{InvoiceStatus, Issuer},
    payment::{Payment, PaymentStatus},
    reconciliation::{Difference, DifferenceKind, Standing, Terms, Thing},
    subscription::{Status, Subscription},
};
use time::OffsetDateTime;

use super::{MemoryStore, ledgers::at_most, world::World};

#[async_trait]
impl ReconciliationQueries for MemoryStore {
    async fn known(&self, gateway: Gateway, wanted: &[Wanted]) -> Result<Vec<Known>, Error> {
        self.shared.read(|world| wanted.iter().filter_map(|it| known(world, gateway, it)).collect())
    }

    async fn unfinished(
        &self,
        gateway: Gateway,
        after: Option<(Thing, String)>,
        limit: i64,
    ) -> Result<Vec<(Thing, String)>, Error> {
        self.shared.read(|world| {
            let mut all = unfinished(world, gateway);
            all.sort_by(|one, other| (one.0.name(), &one.1).cmp(&(other.0.name(), &other.1)));
            let passed = |it: &(Thing, String)| {
                after.as_ref().is_some_and(|(thing, id)| (it.0.name(), &it.1) <= (thing.name(), id))
            };
            all.into_iter().filter(|it| !passed(it)).take(at_most(limit)).collect()
        })
    }

    async fn ledger_differences(
        &self,
        gateway: Gateway,
        overdue_since: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, Difference)>, Error> {
        self.shared.read(|world| {
            let mut all = ledger(world, gateway);
            all.extend(overdue(world, gateway, overdue_since));
            all.sort_by(|one, other| one.1.cmp(&other.1));
            all.truncate(at_most(limit));
            all
        })
    }
}

fn known(world: &World, gateway: Gateway, wanted: &Wanted) -> Option<Known> {
    let reference = GatewayRef::new(gateway, wanted.id.as_str());
    let Wanted { thing, id, checkout_id } = wanted.clone();
    let (organization_id, standing) = match thing {
        Thing::Payment => {
            let it = world.payments.values().find(|it| it.reference == reference)?;
            let sums = (it.amount, it.refunded);
            (it.organization_id, Some(Standing::payment(id.as_str(), it.status, sums)))
        }
        Thing::Subscription => {
            let mut duplicates = world.duplicates.iter();
            if let Some(it) = duplicates.find(|it| it.reference == reference) {
                (it.organization_id, None)
            } else {
                let is_it = |it: &&Subscription| it.billed_by.reference() == Some(&reference);
                let it = world.subscriptions.values().find(is_it)?;
                let terms = Terms {
                    price_id: Some(it.price_id),
                    quantity: it.quantity,
                    period: it.period,
                    cancel_at_period_end: it.cancel_at_period_end,
                };
                let standing = Standing::subscription(id.as_str(), &it.status, terms);
                (it.organization_id, Some(standing))
            }
        }
        Thing::Invoice => {
            let it = world.invoices.values().find(|it| match &it.issuer {
                Issuer::Gateway { reference: named, .. } => *named == reference,
                Issuer::Us => false,
            })?;
            (it.organization_id, Some(Standing::invoice(id.as_str(), it.status, it.paid)))
        }
        Thing::Checkout => {
            let it = world.checkouts.get(&checkout_id?)?;
            (it.organization_id, Some(Standing::checkout(id.as_str(), it.status.name())))
        }
    };
    Some(Known { organization_id, thing, id, standing })
}

fn unfinished(world: &World, gateway: Gateway) -> Vec<(Thing, String)> {
    let mut found = Vec::new();
    for it in world.payments.values().filter(|it| it.reference.gateway == gateway) {
        if matches!(it.status, PaymentStatus::Pending | PaymentStatus::Unknown) {
            found.push((Thing::Payment, it.reference.id.clone()));
        }
    }
    for it in world.subscriptions.values().filter(|it| it.is_live()) {
        let here = it.billed_by.reference().filter(|reference| reference.gateway == gateway);
        found.extend(here.map(|reference| (Thing::Subscription, reference.id.clone())));
    }
    for it in world.invoices.values() {
        let open = matches!(it.status, InvoiceStatus::Draft | InvoiceStatus::Open);
        if let Issuer::Gateway { reference, .. } = &it.issuer
            && open
            && reference.gateway == gateway
        {
            found.push((Thing::Invoice, reference.id.clone()));
        }
    }
    for it in world.checkouts.values().filter(|it| it.gateway == gateway) {
        if let CheckoutStatus::Open(page) = &it.status {
            found.push((Thing::Checkout, page.session.id.clone()));
        }
    }
    found
}

fn ledger(world: &World, gateway: Gateway) -> Vec<(OrganizationId, Difference)> {
    let mut found = Vec::new();
    for payment in world.payments.values().filter(|it| it.reference.gateway == gateway) {
        found.extend(of_pack(world, payment).map(|it| (payment.organization_id, it)));
    }
    for (organization, book) in &world.credits {
        let given = book.entries.iter().filter_map(|entry| {
            let Origin::Grant(source) = &entry.origin else { return None };
            (source.kind == "checkout").then_some(source)
        });
        for source in given {
            let mut all = world.checkouts.values();
            let checkout = all.find(|it| it.id.to_string() == source.id && it.gateway == gateway);
            let Some(checkout) = checkout else { continue };
            let id = match &checkout.status {
                CheckoutStatus::Completed(_) => continue,
                CheckoutStatus::Open(page) => page.session.id.clone(),
                CheckoutStatus::Pending | CheckoutStatus::Expired => checkout.id.to_string(),
            };
            let difference =
                differs(Thing::Checkout, id, DifferenceKind::NoPayment, checkout.status.name());
            found.push((*organization, difference));
        }
    }
    for it in world.subscriptions.values() {
        let reference = it.billed_by.reference().filter(|it| it.gateway == gateway);
        let lacks = reference.filter(|_| lacks_period(world, it));
        let no_grant = |id: String| {
            differs(Thing::Subscription, id, DifferenceKind::NoGrant, it.status.name())
        };
        found.extend(lacks.map(|it_is| (it.organization_id, no_grant(it_is.id.clone()))));
    }
    for it in world.invoices.values() {
        let Issuer::Gateway { reference, .. } = &it.issuer else { continue };
        let payment = it.payment_id.and_then(|id| world.payments.get(&id));
        let paid = payment.is_some_and(|by| by.status.captured() && by.amount == it.paid);
        let counts = it.status == InvoiceStatus::Paid && !it.paid.is_zero();
        if counts && reference.gateway == gateway && !paid {
            let id = reference.id.clone();
            let kind = DifferenceKind::InvoicePayment;
            found.push((it.organization_id, differs(Thing::Invoice, id, kind, "paid")));
        }
    }
    found
}

/// What is wrong with the credits of a pack.
fn of_pack(world: &World, payment: &Payment) -> Option<Difference> {
    let checkout = world.checkouts.get(&payment.checkout_id?)?;
    let Purpose::Credits { credits, .. } = checkout.purpose else { return None };
    if !payment.status.captured() {
        return None;
    }
    let share = i128::from(credits) * i128::from(payment.refunded.minor());
    let share = share.checked_div(payment.amount.minor().into()).unwrap_or_default();
    let disputed = payment.status == PaymentStatus::Disputed;
    let taken_back = if disputed { credits } else { i64::try_from(share).unwrap_or(credits) };
    let mut account = world.credits.get(&payment.organization_id)?.account.clone();
    let source = Source::new("checkout", checkout.id.to_string());
    let revoke = CreditCommand::Revoke(Revoke { source, total: taken_back });
    let CreditOutcome::Revoked(more) = account.apply(&revoke, payment.created_at) else {
        return None;
    };
    let kind = match more {
        None => DifferenceKind::NoGrant,
        Some(1..) => DifferenceKind::NoReversal,
        Some(_) => return None,
    };
    Some(differs(Thing::Payment, payment.reference.id.clone(), kind, payment.status.name()))
}

/// Whether a period is paid and its credits were not given.
fn lacks_period(world: &World, it: &Subscription) -> bool {
    let catalogue = world.catalogue.read();
    let included = catalogue.version(it.plan_version_id).map_or(0, |(_, v)| v.included_credits);
    let paid = world.invoices.values().any(|invoice| {
        invoice.subscription_id == Some(it.id)
            && invoice.period == Some(it.period)
            && invoice.status == InvoiceStatus::Paid
    });
    if it.status != Status::Active || included == 0 || !paid {
        return false;
    }
    let whole = format!("{}:{}", it.id, it.period.start.unix_timestamp());
    let book = world.credits.get(&it.organization_id);
    !book.is_some_and(|book| {
        [whole.clone(), format!("{whole}:0")].into_iter().any(|id| {
            let revoke = Revoke { source: Source::new("period", id), total: 0 };
            let mut account = book.account.clone();
            let known = account.apply(&CreditCommand::Revoke(revoke), it.observed_at);
            known != CreditOutcome::Revoked(None)
        })
    })
}

fn overdue(
    world: &World,
    gateway: Gateway,
    since: OffsetDateTime,
) -> Vec<(OrganizationId, Difference)> {
    let kind = DifferenceKind::Overdue;
    let payments = world.payments.values().filter(|it| {
        it.reference.gateway == gateway
            && it.created_at < since
            && matches!(it.status, PaymentStatus::Pending | PaymentStatus::Unknown)
    });
    let payments = payments.map(|it| {
        let id = it.reference.id.clone();
        (it.organization_id, differs(Thing::Payment, id, kind, it.status.name()))
    });
    let charges = world.checkouts.values().filter(|it| {
        it.gateway == gateway
            && it.created_at < since
            && it.paid_by.is_saved_method()
            && it.status == CheckoutStatus::Pending
    });
    let charges = charges.map(|it| {
        let id = it.id.to_string();
        (it.organization_id, differs(Thing::Checkout, id, kind, it.status.name()))
    });
    let duplicates = world
        .duplicates
        .iter()
        .filter(|it| it.reference.gateway == gateway && it.created_at < since && !it.settled);
    let duplicates = duplicates.map(|it| {
        let id = it.reference.id.clone();
        (it.organization_id, differs(Thing::Subscription, id, kind, "duplicate"))
    });
    payments.chain(charges).chain(duplicates).collect()
}

fn differs(thing: Thing, id: String, kind: DifferenceKind, ours: &str) -> Difference {
    Difference { thing, id, kind, ours: Some(ours.to_owned()), theirs: None }
}

#[async_trait]
impl Reconciliations for MemoryStore {
    async fn begin(&self, run: &NewReconciliation) -> Result<(), Error> {
        let kept = Reconciliation { began: run.clone(), ended: None };
        self.shared
            .write(|world| {
                world.reconciliations.insert(kept.began.id, kept);
                Ok(())
            })
            .await
    }

    async fn record(&self, look: &Look) -> Result<usize, Error> {
        self.shared.write(|world| Ok(world.record_look(look))).await
    }

    async fn end(&self, run: ReconciliationId, ended: &ReconciliationEnd) -> Result<(), Error> {
        self.shared
            .write(|world| {
                if let Some(kept) = world.reconciliations.get_mut(&run) {
                    kept.ended.get_or_insert_with(|| ended.clone());
                }
                Ok(())
            })
            .await
    }

    async fn runs(&self, page: Page<ReconciliationId>) -> Result<Vec<Reconciliation>, Error> {
        self.shared.read(|world| {
            let newest_first = world.reconciliations.iter().rev();
            let rest = newest_first.filter(|(id, _)| page.after.is_none_or(|after| **id < after));
            rest.take(at_most(page.limit)).map(|(_, run)| run.clone()).collect()
        })
    }

    async fn run(&self, id: ReconciliationId) -> Result<Option<Reconciliation>, Error> {
        self.shared.read(|world| world.reconciliations.get(&id).cloned())
    }

    async fn differences(
        &self,
        filter: DifferenceFilter,
        page: Page<DifferenceId>,
    ) -> Result<Vec<FoundDifference>, Error> {
        self.shared.read(|world| {
            let newest_first = world.differences.values().rev();
            let rest = newest_first.filter(|it| page.after.is_none_or(|after| it.id < after));
            let wanted = rest.filter(|it| {
                filter.found_in.is_none_or(|run| run == it.found_in)
                    && filter.status.is_none_or(|status| status == it.status)
            });
            wanted.take(at_most(page.limit)).cloned().collect()
        })
    }

    async fn open_count(&self) -> Result<i64, Error> {
        self.shared.read(|world| {
            let open = world.differences.values().filter(|it| it.status == DifferenceStatus::Open);
            i64::try_from(open.count()).unwrap_or(i64::MAX)
        })
    }
}

impl World {
    fn record_look(&mut self, look: &Look) -> usize {
        if look.dry_run {
            for new in look.healed.iter().chain(&look.left) {
                self.differences.insert(new.id, kept(look, new, DifferenceStatus::Seen));
            }
            return 0;
        }
        let left: Vec<_> = look.left.iter().map(|new| key(&new.difference)).collect();
        let mut were_open = Vec::new();
        for known in self.differences.values_mut() {
            let it = (known.difference.thing, known.difference.id.clone());
            let seen = look.at.contains(&it) && look.sees.contains(&known.difference.kind);
            if known.status != DifferenceStatus::Open || known.gateway != look.gateway || !seen {
                continue;
            }
            were_open.push(key(&known.difference));
            if !left.contains(&key(&known.difference)) {
                known.status = DifferenceStatus::Healed;
                known.healed_at = Some(look.looked_at);
            }
        }
        let is_new = |new: &&NewDifference| !were_open.contains(&key(&new.difference));
        for new in look.healed.iter().filter(is_new) {
            let healed_at = Some(look.looked_at);
            let it = FoundDifference {
                healed_at,
                why: None,
                ..kept(look, new, DifferenceStatus::Healed)
            };
            self.differences.insert(new.id, it);
        }
        let mut opened = 0;
        for new in look.left.iter().filter(is_new) {
            self.differences.insert(new.id, kept(look, new, DifferenceStatus::Open));
            self.events.extend(new.alert.clone());
            opened += 1;
        }
        opened
    }
}

fn key(it: &Difference) -> (Thing, String, DifferenceKind) {
    (it.thing, it.id.clone(), it.kind)
}

fn kept(look: &Look, new: &NewDifference, status: DifferenceStatus) -> FoundDifference {
    FoundDifference {
        id: new.id,
        found_in: look.run,
        gateway: look.gateway,
        organization_id: new.organization_id,
        difference: new.difference.clone(),
        status,
        why: new.why.clone(),
        found_at: look.looked_at,
        healed_at: None,
    }
}
