//! Two processes on one database.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::{
    api::{Answer, pay, until},
    folder::Folder,
    invariants,
    load::Load,
    process::{Server, Setup},
    scratch::Scratch,
    sql::Sql,
};

/// The secret with which the second server's webhooks are signed.
pub(crate) const SECRET: &str = "whsec_walkthrough";

/// A server with a sandbox, and one that takes webhooks of our own and asks the same sandbox.
pub(crate) struct Pair {
    pub(crate) first: Server,
    pub(crate) second: Server,
    pub(crate) sql: Sql,
    scratch: Scratch,
    folders: [Folder; 2],
}

impl Pair {
    pub(crate) async fn new(name: &str) -> Self {
        let (scratch, folders) = (Scratch::new().await, [Folder::new(name), Folder::new(name)]);
        let first = Setup::on(&scratch, folders[0].path()).start().await;
        // Two secrets, as while one replaces the other.
        let secrets = format!("whsec_earlier, {SECRET}");
        let second = Setup::on(&scratch, folders[1].path()).paying_at(first.sandbox(), &secrets);
        let second = second.start().await;
        let sql = Sql::at(&scratch.admin_url);
        Self { first, second, sql, scratch, folders }
    }

    /// A checkout that is paid on the page, by organization and session.
    pub(crate) async fn paid(&self) -> (String, String) {
        let organization = self.first.api.organization("Payer").await;
        let page = self.first.api.checkout(&organization, "starter").await.expect(201);
        let session = page.text("/session_id");
        pay(self.first.sandbox(), &session, "success").await.unwrap();
        (organization, session)
    }

    /// A command of an operator on their database.
    pub(crate) fn command(&self) -> Setup {
        Setup::on(&self.scratch, self.folders[0].path())
    }

    /// Waits until there is nothing to be done but retries, and looks whether all holds.
    pub(crate) async fn stop(self) {
        until("no webhook waits", async || {
            let waiting = "SELECT count(*) FROM webhooks WHERE status = 'received'";
            (self.sql.number(waiting) == 0).then_some(())
        })
        .await;
        invariants::hold(&self.sql);
        self.second.stop().await;
        self.first.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_spends_more_than_there_is_at_two_servers() {
    let pair = Pair::new("spend").await;
    let api = [&pair.first.api, &pair.second.api];
    let organization = api[0].organization("Spender").await;
    api[0].give(&organization, 1000).await;
    let uses = (0..64).map(async |number: usize| {
        let (api, key) = (api[number % 2], format!("use-{}", number / 4));
        (number / 4, api.consume(&organization, &key).await)
    });
    let answers = join_all(uses).await;
    let denied = answers.iter().filter(|(_, answer)| answer.status == 402).count();
    assert_eq!(denied, 0, "16 keys, each asked for four times, cost 400");

    let uses = (0..60).map(async |number: usize| {
        api[number % 2].consume(&organization, &format!("rest-{number}")).await.status
    });
    let statuses = join_all(uses).await;
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(200), count(402)), (24, 36), "600 credits are 24 uses");
    let credits = api[1].get(&format!("/api/billing/credits/{organization}")).await;
    assert_eq!(credits.number("/balance"), 0);
    for (number, answer) in answers {
        let first = api[number % 2].consume(&organization, &format!("use-{number}")).await;
        assert_eq!(first.body, answer.body, "one decision per key, whoever is asked");
    }

    let load = Load::new(api[0]).await;
    let one = load.begin(api[0], 8, "one");
    let two = load.begin(api[1], 8, "two");
    load.more(300).await;
    load.stop(one).await;
    load.stop(two).await;
    load.settle(api[1]).await;
    load.is_in_the_ledger(&pair.sql);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_sold_once_at_two_servers() {
    let pair = Pair::new("sell").await;
    let api = [&pair.first.api, &pair.second.api];
    let organization = api[0].organization("Eager").await;
    let tries = (0..8).map(|number| api[number % 2].checkout(&organization, "starter"));
    let answers = join_all(tries).await;
    let opened = |answer: &Answer| match answer.status {
        409 => None,
        _ => Some(answer.clone().expect(201).text("/session_id")),
    };
    let sessions: BTreeSet<_> = answers.iter().filter_map(opened).collect();
    assert_eq!(sessions.len(), 1, "{sessions:?}");

    // The customer changes his mind on another tab, and pays on both pages.
    let other = api[1].checkout(&organization, "growth").await.expect(201).text("/session_id");
    let first = pay(pair.first.sandbox(), sessions.first().unwrap(), "success").await.unwrap();
    assert!(first.status >= 400, "the first page is closed: {}", first.body);
    pay(pair.first.sandbox(), &other, "success").await.unwrap();
    until("it is subscribed to what it paid for", async || {
        let live = api[0].get(&format!("/api/billing/subscription/{organization}")).await;
        (live.text("/status") == "active" && live.text("/plan") == "growth").then_some(())
    })
    .await;
    assert_eq!(pair.sql.number("SELECT count(*) FROM payments"), 1);
    pair.stop().await;
}
