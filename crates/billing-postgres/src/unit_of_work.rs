//! Units of work: one session, given out as the repositories that use cases ask for.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AccessKeys, AutoTopUps, Catalogues, ChangeRequests, Checkouts, Collections, Credits,
        Discounts, Duplicates, Emails, Identities, InboxMarks, Invoices, Organizations,
        OutboxCursors, Payments, PendingItems, Renewals, Scope, Store, Subscriptions, Trials,
        UnitOfWork, Usage, WebhookEndpoints,
    },
};
use billing_domain::event::Event;
use diesel::{dsl::Limit, query_dsl::methods::LimitDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl, methods::LoadQuery};

use crate::{Database, error::failed, outbox::EventColumns, session::Session, statement::unless};

/// An open unit of work. Dropped before its commit, its session ends and nothing has happened.
pub(crate) struct PostgresUnit {
    session: Session,
}

impl PostgresUnit {
    /// The connection on which it works.
    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        self.session.connection()
    }

    /// The first row of a query, as the record that it stands for.
    pub(crate) async fn record<'query, Row, Query, Record>(
        &mut self,
        query: Query,
    ) -> Result<Option<Record>, Error>
    where
        Query: LimitDsl,
        Limit<Query>: LoadQuery<'query, AsyncPgConnection, Row> + Send + 'query,
        Row: Send,
        Record: TryFrom<Row, Error = Error>,
    {
        let row: Vec<Row> = query.limit(1).load(self.connection()).await.map_err(failed)?;
        row.into_iter().next().map(TryInto::try_into).transpose()
    }

    /// Writes down what happened, for others to be told.
    pub(crate) async fn publish(&mut self, events: &[Event]) -> Result<(), Error> {
        let mut columns = EventColumns::default();
        columns.add(events)?;
        unless(columns.is_empty(), self.connection(), columns.statement()).await.map_err(failed)
    }
}

#[async_trait]
impl Store for Database {
    async fn begin(&self, scope: Scope) -> Result<Box<dyn UnitOfWork>, Error> {
        Ok(Box::new(PostgresUnit { session: self.session(scope).await? }))
    }
}

#[async_trait]
impl UnitOfWork for PostgresUnit {
    fn organizations(&mut self) -> &mut dyn Organizations {
        self
    }

    fn checkouts(&mut self) -> &mut dyn Checkouts {
        self
    }

    fn subscriptions(&mut self) -> &mut dyn Subscriptions {
        self
    }

    fn change_requests(&mut self) -> &mut dyn ChangeRequests {
        self
    }

    fn pending_items(&mut self) -> &mut dyn PendingItems {
        self
    }

    fn duplicates(&mut self) -> &mut dyn Duplicates {
        self
    }

    fn payments(&mut self) -> &mut dyn Payments {
        self
    }

    fn invoices(&mut self) -> &mut dyn Invoices {
        self
    }

    fn collections(&mut self) -> &mut dyn Collections {
        self
    }

    fn discounts(&mut self) -> &mut dyn Discounts {
        self
    }

    fn auto_top_ups(&mut self) -> &mut dyn AutoTopUps {
        self
    }

    fn trials(&mut self) -> &mut dyn Trials {
        self
    }

    fn renewals(&mut self) -> &mut dyn Renewals {
        self
    }

    fn credits(&mut self) -> &mut dyn Credits {
        self
    }

    fn usage(&mut self) -> &mut dyn Usage {
        self
    }

    fn catalogue(&mut self) -> &mut dyn Catalogues {
        self
    }

    fn webhook_endpoints(&mut self) -> &mut dyn WebhookEndpoints {
        self
    }

    fn outbox(&mut self) -> &mut dyn OutboxCursors {
        self
    }

    fn access_keys(&mut self) -> &mut dyn AccessKeys {
        self
    }

    fn emails(&mut self) -> &mut dyn Emails {
        self
    }

    fn identities(&mut self) -> &mut dyn Identities {
        self
    }

    fn inbox(&mut self) -> &mut dyn InboxMarks {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), Error> {
        self.session.commit().await
    }
}
