//! What is done again and again, by one process at a time: the registry of jobs, and how each does
//! its work in steps.
//!
//! A new job is a line in [`JOBS`].

mod schedule;
mod steps;

use core::pin::Pin;

use time::{Duration, Weekday, macros::time};

pub use self::schedule::Schedule;
pub(crate) use self::steps::{Step, Steps};
use crate::{Billing, Error};

/// How many trials, or renewals, are looked up at once.
pub(crate) const DUE_AT_ONCE: i64 = 20;

/// Something that is done again and again, by one process at a time.
pub struct Job {
    /// Its name in paths, tables and messages.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// When it is due.
    pub schedule: Schedule,
    /// Does all that is to be done now, step by step.
    pub(crate) work: Work,
}

/// What a job does, between whose steps it asks whether to go on.
type Work = for<'a> fn(&'a Billing, &'a Steps<'a>) -> Working<'a>;
type Working<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Every job.
pub const JOBS: &[Job] = &[
    Job {
        name: "webhook-retry",
        about: "Processes webhooks that are due: those that failed, and those nobody was woken for",
        schedule: Schedule::Every(Duration::MINUTE),
        work: |billing, steps| Box::pin(billing.process_all_webhooks(steps)),
    },
    Job {
        name: "delivery-cleanup",
        about: "Forgets outgoing webhooks that came to an end a month ago",
        schedule: Schedule::Daily(time!(3:40)),
        work: |billing, steps| {
            Box::pin(steps.until_idle(billing, move || billing.forget_deliveries()))
        },
    },
    Job {
        name: "due-credits",
        about: "Books what is due on idle accounts: starts, ends and notices of grants, holds that \
                time out",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| {
            Box::pin(steps.until_idle(billing, move || billing.book_due_credits()))
        },
    },
    Job {
        name: "top-ups",
        about: "Buys credits for those who run low and asked for it",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| {
            Box::pin(steps.until_idle(billing, move || billing.top_up_credits()))
        },
    },
    Job {
        name: "trials",
        about: "Reminds of the ends of trials, and ends them: by a first payment, or without one",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| {
            Box::pin(steps.until_idle(billing, move || billing.end_due_trials(DUE_AT_ONCE)))
        },
    },
    Job {
        name: "collections",
        about: "Takes the money of invoices of ours: charges, tries again what failed, and gives up \
                in the end",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| {
            Box::pin(steps.until_idle(billing, move || billing.collect_due_invoices(DUE_AT_ONCE)))
        },
    },
    Job {
        name: "renewals",
        about: "Begins the periods of subscriptions that our own engine bills, with an invoice for \
                each, and ends those that are not paid",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| {
            Box::pin(
                steps.until_idle(billing, move || billing.renew_due_subscriptions(DUE_AT_ONCE)),
            )
        },
    },
    Job {
        name: "change-requests",
        about: "Carries out what is wanted of subscriptions when it is due, and asks after changes \
                of which nothing was heard",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(steps.once(billing, move || billing.carry_out_changes())),
    },
    Job {
        name: "emails",
        about: "Turns what happened into emails, and sends those that are due",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.send_all_emails(steps)),
    },
    Job {
        name: "duplicates",
        about: "Ends subscriptions that were paid twice, and gives the money back",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(steps.once(billing, move || billing.clear_duplicates())),
    },
    Job {
        name: "discount-reservations",
        about: "Frees discount codes that were reserved for checkouts that nobody paid",
        schedule: Schedule::Every(Duration::minutes(5)),
        work: |billing, steps| {
            Box::pin(steps.until_idle(billing, move || billing.release_reservations(DUE_AT_ONCE)))
        },
    },
    Job {
        name: "reconciliation",
        about: "Compares gateways, payments and the ledger, and heals what differs",
        schedule: Schedule::Every(Duration::HOUR),
        work: |billing, steps| Box::pin(billing.reconcile_by_schedule(steps)),
    },
    Job {
        name: "pending-payments",
        about: "Asks after payments under way, open invoices and open payment pages",
        schedule: Schedule::Every(Duration::minutes(30)),
        work: |billing, steps| Box::pin(billing.look_after_unfinished(steps)),
    },
    Job {
        name: "partitions",
        about: "Makes the monthly partitions of the coming months",
        schedule: Schedule::Daily(time!(0:30)),
        work: |billing, steps| {
            Box::pin(
                steps.once(
                    billing,
                    move || async move { billing.make_partitions().await.map(|()| 1) },
                ),
            )
        },
    },
    Job {
        name: "usage-roll-up",
        about: "Adds new use to its days, which people look at",
        schedule: Schedule::Every(Duration::minutes(5)),
        work: |billing, steps| Box::pin(steps.once(billing, move || billing.roll_up_usage())),
    },
    Job {
        name: "clean-up",
        about: "Forgets old answers to requests, and puts old webhooks away where a directory for \
                them is set",
        schedule: Schedule::Weekly(Weekday::Sunday, time!(4:00)),
        work: |billing, steps| Box::pin(steps.until_idle(billing, move || billing.clean_up())),
    },
    Job {
        name: "usage-archive",
        about: "Puts away months of use that are old enough, where a directory for them is set",
        // What fails is tried again next week: the events stay until then.
        schedule: Schedule::Weekly(Weekday::Sunday, time!(3:00)),
        work: |billing, steps| {
            Box::pin(
                steps.once(
                    billing,
                    move || async move { Ok(billing.archive_old_usage().await?.len()) },
                ),
            )
        },
    },
];

impl Job {
    /// The one of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        JOBS.iter().find(|job| job.name == name)
    }
}

impl Billing {
    async fn send_all_emails(&self, steps: &Steps<'_>) -> Result<(), Error> {
        while let Some(_step) = steps.next(self).await? {
            let relayed = self.relay_emails().await?;
            let progress = self.send_emails().await?;
            steps.did(progress.done);
            steps.failed(progress.failed);
            if relayed == 0 && !progress.any() {
                break;
            }
        }
        Ok(())
    }

    async fn process_all_webhooks(&self, steps: &Steps<'_>) -> Result<(), Error> {
        while let Some(_step) = steps.next(self).await? {
            let progress = self.process_webhooks().await?;
            steps.did(progress.done);
            steps.failed(progress.failed);
            if !progress.any() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_paths_and_differ() {
        for (n, job) in JOBS.iter().enumerate() {
            let fits = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            assert!(job.name.chars().all(fits), "{}", job.name);
            let before = JOBS.iter().take(n);
            assert!(before.map(|it| it.name).all(|it| it != job.name), "{}", job.name);
        }
    }
}
