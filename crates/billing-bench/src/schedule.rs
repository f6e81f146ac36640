//! What is measured, and in which order.

use crate::{pgbench::Script, target::Work};

/// Something that is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Work over HTTP.
    Http(Work, Who),
    /// A script by pgbench: on the hot organization or on all, by many clients or one.
    Sql(Script, Who),
    /// Binary COPY of usage.
    Copy,
}

/// Who asks, and about whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// All connections, about organizations picked at random.
    All,
    /// All connections, about one organization.
    Hot,
    /// One connection.
    Alone,
    /// All connections, to two servers.
    Both,
    /// All connections, about a hundred times as many organizations.
    Grown,
}

pub(crate) const HELLO: Step = Step::Http(Work::Hello, Who::All);
pub(crate) const CONSUME: Step = Step::Http(Work::Consume, Who::All);
pub(crate) const CONSUME_HOT: Step = Step::Http(Work::Consume, Who::Hot);
pub(crate) const CONSUME_BOTH: Step = Step::Http(Work::Consume, Who::Both);
pub(crate) const CONSUME_GROWN: Step = Step::Http(Work::Consume, Who::Grown);
pub(crate) const CONSUME_ALONE: Step = Step::Http(Work::Consume, Who::Alone);
pub(crate) const HELLO_ALONE: Step = Step::Http(Work::Hello, Who::Alone);
pub(crate) const SETTLE: Step = Step::Http(Work::Settle, Who::All);
pub(crate) const CHECK: Step = Step::Http(Work::Check, Who::All);
pub(crate) const RECORD: Step = Step::Http(Work::Record, Who::All);
pub(crate) const BATCH: Step = Step::Http(Work::Batch, Who::All);
pub(crate) const WEBHOOK: Step = Step::Http(Work::Webhook, Who::All);
pub(crate) const CLASSIC: Step = Step::Sql(Script::Classic, Who::All);
pub(crate) const CLASSIC_HOT: Step = Step::Sql(Script::Classic, Who::Hot);
pub(crate) const CALL_ALONE: Step = Step::Sql(Script::Call, Who::Alone);

/// A machine drifts, and tables grow: what is compared stands side by side, mostly with the
/// reference on both sides. Webhooks come last: their effects go on when the load is over.
const ALWAYS: &[Step] = &[
    HELLO,
    CONSUME,
    HELLO,
    CHECK,
    HELLO,
    CONSUME,
    CLASSIC,
    CONSUME,
    SETTLE,
    CONSUME,
    RECORD,
    CONSUME,
    CONSUME_BOTH,
    CONSUME,
    CONSUME_HOT,
    CLASSIC_HOT,
    CONSUME_HOT,
    BATCH,
    Step::Copy,
    BATCH,
    HELLO_ALONE,
    CONSUME_ALONE,
    CALL_ALONE,
    HELLO,
    WEBHOOK,
    HELLO,
];

/// What takes minutes to prepare.
const LONG: &[Step] = &[CONSUME, CONSUME_GROWN];

/// The steps of a run, without those for which something is missing.
pub(crate) fn steps(full: bool, is_there: impl Fn(Step) -> bool) -> Vec<Step> {
    let long = if full { LONG } else { &[] };
    let mut steps: Vec<_> = ALWAYS.iter().chain(long).copied().filter(|it| is_there(*it)).collect();
    steps.dedup();
    steps
}

impl Step {
    /// What to call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http(work, who) => match (work, who) {
                (Work::Hello, Who::Alone) => "hello, 1 connection",
                (Work::Hello, Who::All | Who::Hot | Who::Both | Who::Grown) => "hello",
                (Work::Consume, Who::All) => "consume",
                (Work::Consume, Who::Hot) => "consume, 1 organization",
                (Work::Consume, Who::Alone) => "consume, 1 connection",
                (Work::Consume, Who::Both) => "consume, 2 servers",
                (Work::Consume, Who::Grown) => "consume, 1 M organizations",
                (Work::Settle, _) => "hold + settle",
                (Work::Check, _) => "check-quota",
                (Work::Record, _) => "check-and-record",
                (Work::Batch, _) => "usage, batches of 100",
                (Work::Webhook, _) => "webhook",
            },
            Self::Sql(Script::Classic, Who::Hot) => "SQL transaction, 1 organization",
            Self::Sql(Script::Classic, _) => "SQL transaction",
            Self::Sql(Script::Call, _) => "plpgsql call, 1 client",
            Self::Copy => "binary COPY of usage",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_leaves_no_repetition() {
        let all = steps(true, |_| true);
        assert_eq!(all.len(), ALWAYS.len() + LONG.len());
        let some = steps(false, |step| matches!(step, HELLO | CONSUME));
        assert_eq!(some, [HELLO, CONSUME, HELLO, CONSUME, HELLO]);
    }
}
