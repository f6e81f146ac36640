//! Units of work: one session, given out as the repositories that use cases ask for.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AccessKeys, Catalogues, Checkouts, Credits, InboxMarks, Organizations, Payments, Scope,
        Store, Subscriptions, UnitOfWork, Usage,
    },
};
use billing_domain::event::Event;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::{Database, error::failed, schema::outbox, session::Session};

/// An open unit of work. Dropped before its commit, its session ends and nothing has happened.
pub(crate) struct PostgresUnit {
    session: Session,
}

impl PostgresUnit {
    /// The connection on which it works.
    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        self.session.connection()
    }

    /// Writes down what happened, for others to be told.
    pub(crate) async fn publish(&mut self, events: &[Event]) -> Result<(), Error> {
        for event in events {
            let told = serde_json::to_value(&event.what).map_err(anyhow::Error::from)?;
            let kind = told.get("type").and_then(|it| it.as_str()).unwrap_or_default();
            let row = (
                outbox::organization_id.eq(event.organization_id.0),
                outbox::event_id.eq(event.id.0),
                outbox::at.eq(event.at),
                outbox::kind.eq(kind.to_owned()),
                outbox::data.eq(told.get("data").cloned().unwrap_or_default()),
            );
            let insert = diesel::insert_into(outbox::table).values(row);
            insert.execute(self.connection()).await.map_err(failed)?;
        }
        Ok(())
    }
}

use diesel::ExpressionMethods;

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

    fn payments(&mut self) -> &mut dyn Payments {
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

    fn access_keys(&mut self) -> &mut dyn AccessKeys {
        self
    }

    fn inbox(&mut self) -> &mut dyn InboxMarks {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), Error> {
        self.session.commit().await
    }
}
