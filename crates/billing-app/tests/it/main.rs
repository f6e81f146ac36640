//! What the use cases do, over fakes of all ports that keep the same promises as the real ones.

/// Fails the test unless a result is this error.
macro_rules! fails {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            Err(other) => panic!("it failed otherwise: {other:?}"),
            Ok(_) => panic!("it did not fail"),
        }
    };
}

mod advance_clock;
mod archive_usage;
mod authenticate;
mod auto_top_up;
mod book_due_credits;
mod browse;
mod buy_credits;
mod calls;
mod change_access;
mod change_subscription;
mod check_quota;
mod clean_up;
mod clear_duplicates;
mod configure_credits;
mod consume_credits;
mod deliver_webhooks;
mod discounts;
mod emails;
mod give_bonus;
mod grant_credits;
mod grant_to_many;
mod hold_credits;
mod identities;
mod invoices;
mod open_checkout;
mod open_portal;
mod process_webhooks;
mod read_account;
mod rebuild_usage;
mod receive_webhook;
mod record_usage;
mod record_usage_batch;
mod refund_credits;
mod register_organization;
mod run_job;
mod scene;
mod seed_catalogue;
mod start_subscription;
mod tend_webhooks;
mod top_up_credits;
mod transfer_credits;
mod trials;
mod watched;
mod webhook_metrics;
