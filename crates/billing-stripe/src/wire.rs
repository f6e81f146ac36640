//! The parts of Stripe's objects that are read, wherever a version of the API puts them.
//!
//! Unknown fields are skipped, and statuses stay text: every enum of Stripe is open.

mod checkout;
mod event;
mod invoice;
mod invoice_line;
mod payment;
mod subscription;

use std::{collections::BTreeMap, fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

pub(crate) use self::{
    checkout::Session,
    event::{Event, Subject},
    invoice::{Address, Invoice, InvoicePayment, Preview, PreviewLine, Tax},
    invoice_line::InvoiceLine,
    payment::{Charge, PaymentIntent},
    subscription::{Item, Schedule, Subscription},
};

/// An object of which only the id matters.
#[derive(Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: String,
}

/// A page with an address.
#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) url: String,
}

/// Objects of one kind.
#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// A linked object: its id, or the whole of it.
pub(crate) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

/// The id of a linked object, whichever way it came.
#[derive(Deserialize)]
#[serde(from = "Expandable<Identified>")]
pub(crate) struct Link(pub(crate) String);

impl From<Expandable<Identified>> for Link {
    fn from(link: Expandable<Identified>) -> Self {
        match link {
            Expandable::Id(id) => Self(id),
            Expandable::Object(object) => Self(object.id),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Expandable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdOrObject(PhantomData))
    }
}

struct IdOrObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for IdOrObject<T> {
    type Value = Expandable<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id or an object")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Self::Value, E> {
        Ok(Expandable::Id(id.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(Expandable::Object)
    }
}

/// What we sent along.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metadata(Option<BTreeMap<String, String>>);

impl Metadata {
    /// An id of ours; nothing where somebody else wrote it.
    pub(crate) fn id<T: FromStr>(&self, name: &str) -> Option<T> {
        self.0.as_ref()?.get(name)?.parse().ok()
    }
}
