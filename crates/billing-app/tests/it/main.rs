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

mod authenticate;
mod book_due_credits;
mod browse;
mod buy_credits;
mod calls;
mod change_access;
mod check_quota;
mod consume_credits;
mod give_bonus;
mod grant_credits;
mod open_checkout;
mod open_portal;
mod process_webhooks;
mod read_account;
mod receive_webhook;
mod record_usage;
mod register_organization;
mod scene;
mod seed_catalogue;
mod start_subscription;
mod watched;
