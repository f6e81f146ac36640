//! Requests that carry an idempotency key.

use std::sync::Arc;

use billing_app::ports::{Answer, Begun, Clock, RequestKey};
use time::Duration;

use super::{Promise, stage::at_once};
use crate::{NOON, Stopped, Subject, builders::a_request_key};

const BODY: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];

fn an_answer() -> Answer {
    Answer { status: 422, body: vec![0, 0xff, b'{', b'}'] }
}

/// It runs once, and is answered with the same bytes ever after.
pub async fn a_request_is_answered_once(subject: &Subject) -> Promise {
    let (clock, key) = (Stopped::default(), a_request_key("once"));
    assert_eq!(subject.requests.begin(&key, BODY, clock.wall()).await?, Begun::Fresh);
    subject.requests.finish(&key, Some(&an_answer())).await?;
    for _ in 0..3 {
        let again = subject.requests.begin(&key, BODY, clock.wall()).await?;
        assert_eq!(again, Begun::Answered(an_answer()));
        clock.advance(Duration::days(9));
    }
    Ok(())
}

/// The key with another body is told so, whether the first one runs or is answered.
pub async fn a_key_belongs_to_one_body(subject: &Subject) -> Promise {
    let key = a_request_key("once");
    subject.requests.begin(&key, BODY, NOON).await?;
    assert_eq!(subject.requests.begin(&key, OTHER, NOON).await?, Begun::OtherBody);
    subject.requests.finish(&key, Some(&an_answer())).await?;
    assert_eq!(subject.requests.begin(&key, OTHER, NOON).await?, Begun::OtherBody);
    let again = subject.requests.begin(&key, BODY, NOON).await?;
    assert_eq!(again, Begun::Answered(an_answer()), "the first body still has its answer");
    Ok(())
}

/// Callers, routes and keys are told apart.
pub async fn requests_are_told_apart(subject: &Subject) -> Promise {
    let key = a_request_key("once");
    for key in [
        RequestKey { principal: "key_2".to_owned(), ..key.clone() },
        RequestKey { route: "POST /v1/checkouts".to_owned(), ..key.clone() },
        RequestKey { key: "twice".to_owned(), ..key.clone() },
        key,
    ] {
        assert_eq!(subject.requests.begin(&key, BODY, NOON).await?, Begun::Fresh);
        subject.requests.finish(&key, Some(&an_answer())).await?;
    }
    Ok(())
}

/// What is forgotten may run again, with any body.
pub async fn a_forgotten_request_runs_again(subject: &Subject) -> Promise {
    let key = a_request_key("again");
    for body in [BODY, BODY, OTHER] {
        assert_eq!(subject.requests.begin(&key, body, NOON).await?, Begun::Fresh);
        subject.requests.finish(&key, None).await?;
    }
    Ok(())
}

/// What nobody finished in a minute may be run by another, who then holds it for a minute.
pub async fn a_request_is_held_for_a_minute(subject: &Subject) -> Promise {
    let (clock, key) = (Stopped::default(), a_request_key("slow"));
    for _ in 0..2 {
        assert_eq!(subject.requests.begin(&key, BODY, clock.wall()).await?, Begun::Fresh);
        assert_eq!(subject.requests.begin(&key, BODY, clock.wall()).await?, Begun::Running);
        clock.advance(Duration::MINUTE - Duration::MICROSECOND);
        assert_eq!(subject.requests.begin(&key, BODY, clock.wall()).await?, Begun::Running);
        clock.advance(Duration::microseconds(2));
    }
    Ok(())
}

/// Of many at once, one runs.
pub async fn a_request_runs_once_at_the_same_time(subject: &Subject) -> Promise {
    let tasks = (0..12).map(|_| {
        let (requests, key) = (Arc::clone(&subject.requests), a_request_key("race"));
        async move { requests.begin(&key, BODY, NOON).await }
    });
    let begun = at_once(tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Fresh).count(), 1, "{begun:?}");
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Running).count(), 11, "{begun:?}");
    Ok(())
}

/// Old requests are forgotten, the oldest first, and run again then; younger ones stay.
pub async fn old_requests_are_forgotten(subject: &Subject) -> Promise {
    let keys = ["first", "second", "third", "fourth"].map(a_request_key);
    for (days, key) in (0..).zip(&keys) {
        let at = NOON + Duration::days(days);
        subject.requests.begin(key, BODY, at).await?;
        subject.requests.finish(key, Some(&an_answer())).await?;
    }
    let before = NOON + Duration::days(3);
    assert_eq!(subject.requests.forget(before, 2).await?, 2);
    assert_eq!(subject.requests.forget(before, 2).await?, 1);
    assert_eq!(subject.requests.forget(before, 2).await?, 0);
    let [first, .., last] = &keys;
    assert_eq!(subject.requests.begin(first, OTHER, before).await?, Begun::Fresh);
    assert_eq!(subject.requests.begin(last, BODY, before).await?, Begun::Answered(an_answer()));
    Ok(())
}
