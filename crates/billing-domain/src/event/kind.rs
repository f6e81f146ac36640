//! What there is to say of a type of event.

use super::What;

/// A type of event, as those who are told of it know it.
pub struct EventType {
    /// Its public name.
    pub name: &'static str,
    /// The version of what it says: greater when a field goes or changes its meaning. New fields and
    /// new values come without a new version.
    pub version: u16,
    /// What happened, when one comes.
    pub about: &'static str,
    /// What it says.
    pub fields: &'static [Field],
    /// One of them.
    pub example: fn() -> What,
}

/// A field of what an event says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub kind: FieldKind,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means.
    pub about: &'static str,
}

/// What a field can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// A UUID.
    Id,
    /// A text; of a closed set only where `about` names it.
    Text,
    /// An instant of RFC 3339.
    Instant,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// An amount in minor units, with its currency.
    Money,
}

const fn field(name: &'static str, kind: FieldKind, about: &'static str) -> Field {
    Field { name, kind, nullable: false, about }
}

pub(super) const fn id(name: &'static str, about: &'static str) -> Field {
    field(name, FieldKind::Id, about)
}

pub(super) const fn text(name: &'static str, about: &'static str) -> Field {
    field(name, FieldKind::Text, about)
}

pub(super) const fn instant(name: &'static str, about: &'static str) -> Field {
    field(name, FieldKind::Instant, about)
}

pub(super) const fn integer(name: &'static str, about: &'static str) -> Field {
    field(name, FieldKind::Integer, about)
}

pub(super) const fn boolean(name: &'static str, about: &'static str) -> Field {
    field(name, FieldKind::Boolean, about)
}

pub(super) const fn money(name: &'static str, about: &'static str) -> Field {
    field(name, FieldKind::Money, about)
}

/// The same, but null where there is none.
pub(super) const fn or_null(field: Field) -> Field {
    Field { nullable: true, ..field }
}

/// A type in its first version.
pub(super) const fn kind(
    name: &'static str,
    about: &'static str,
    fields: &'static [Field],
    example: fn() -> What,
) -> EventType {
    EventType { name, version: 1, about, fields, example }
}
