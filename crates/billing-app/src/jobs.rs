//! What is done again and again, by one process at a time: the registry of jobs, and how each does
//! its work in steps.
//!
//! A new job is a line in [`JOBS`].

mod schedule;
mod steps;

use core::pin::Pin;

use time::{Duration, Weekday, macros::time};

pub use self::schedule::Schedule;
pub(crate) use self::steps::Steps;
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
        name: "due-credits",
        about: "Books what is due on idle accounts: starts, ends and notices of grants, holds that \
                time out",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.book_all_due_credits(steps)),
    },
    Job {
        name: "top-ups",
        about: "Buys credits for those who run low and asked for it",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.top_up_all_credits(steps)),
    },
    Job {
        name: "trials",
        about: "Reminds of the ends of trials, and ends them: by a first payment, or without one",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.end_all_due_trials(steps)),
    },
    Job {
        name: "renewals",
        about: "Charges the periods of subscriptions that our own engine bills, and ends those that \
                are not paid",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.renew_all_due_subscriptions(steps)),
    },
    Job {
        name: "change-requests",
        about: "Carries out what is wanted of subscriptions when it is due, and asks after changes \
                of which nothing was heard",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.carry_out_all_changes(steps)),
    },
    Job {
        name: "duplicates",
        about: "Ends subscriptions that were paid twice, and gives the money back",
        schedule: Schedule::Every(Duration::seconds(5)),
        work: |billing, steps| Box::pin(billing.clear_all_duplicates(steps)),
    },
    Job {
        name: "partitions",
        about: "Makes the monthly partitions of the coming months",
        schedule: Schedule::Daily(time!(0:30)),
        work: |billing, steps| Box::pin(billing.make_all_partitions(steps)),
    },
    Job {
        name: "usage-roll-up",
        about: "Adds new use to its days, which people look at",
        schedule: Schedule::Every(Duration::minutes(5)),
        work: |billing, steps| Box::pin(billing.roll_up_all_usage(steps)),
    },
    Job {
        name: "usage-archive",
        about: "Puts away months of use that are old enough, where a directory for them is set",
        schedule: Schedule::Weekly(Weekday::Sunday, time!(3:00)),
        work: |billing, steps| Box::pin(billing.archive_all_usage(steps)),
    },
];

impl Job {
    /// The one of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        JOBS.iter().find(|job| job.name == name)
    }
}

impl Billing {
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

    async fn book_all_due_credits(&self, steps: &Steps<'_>) -> Result<(), Error> {
        while let Some(_step) = steps.next(self).await? {
            let woken = self.book_due_credits().await?;
            steps.did(woken);
            if woken == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn top_up_all_credits(&self, steps: &Steps<'_>) -> Result<(), Error> {
        while let Some(_step) = steps.next(self).await? {
            let ended = self.top_up_credits().await?;
            steps.did(ended);
            if ended == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn end_all_due_trials(&self, steps: &Steps<'_>) -> Result<(), Error> {
        while let Some(_step) = steps.next(self).await? {
            let done = self.end_due_trials(DUE_AT_ONCE).await?;
            steps.did(done);
            if done == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn renew_all_due_subscriptions(&self, steps: &Steps<'_>) -> Result<(), Error> {
        while let Some(_step) = steps.next(self).await? {
            let done = self.renew_due_subscriptions(DUE_AT_ONCE).await?;
            steps.did(done);
            if done == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn carry_out_all_changes(&self, steps: &Steps<'_>) -> Result<(), Error> {
        if let Some(_step) = steps.next(self).await? {
            steps.did(self.carry_out_changes().await?);
        }
        Ok(())
    }

    async fn clear_all_duplicates(&self, steps: &Steps<'_>) -> Result<(), Error> {
        if let Some(_step) = steps.next(self).await? {
            steps.did(self.clear_duplicates().await?);
        }
        Ok(())
    }

    async fn make_all_partitions(&self, steps: &Steps<'_>) -> Result<(), Error> {
        if let Some(_step) = steps.next(self).await? {
            self.make_partitions().await?;
            steps.did(1);
        }
        Ok(())
    }

    async fn roll_up_all_usage(&self, steps: &Steps<'_>) -> Result<(), Error> {
        if let Some(_step) = steps.next(self).await? {
            steps.did(self.roll_up_usage().await?);
        }
        Ok(())
    }

    /// What fails is tried again next week: the events stay until then.
    async fn archive_all_usage(&self, steps: &Steps<'_>) -> Result<(), Error> {
        if let Some(_step) = steps.next(self).await? {
            steps.did(self.archive_old_usage().await?.len());
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
