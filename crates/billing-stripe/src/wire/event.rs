use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A notice of Stripe.
#[derive(Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Whose it is, where that is an account connected to ours.
    pub(crate) account: Option<String>,
    data: Option<EventData>,
}

#[derive(Deserialize)]
struct EventData {
    object: Option<Subject>,
}

/// What an event is about: anything at all, so nothing is required of it, and only what leads
/// somewhere is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Subject {
    id: Loose,
    object: Loose,
    pub(crate) customer: Loose,
    pub(crate) payment_intent: Loose,
    pub(crate) charge: Loose,
    pub(crate) subscription: Loose,
    pub(crate) released_subscription: Loose,
}

impl Event {
    /// What it is about; nothing in an event that only says where to look.
    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.data.as_ref()?.object.as_ref()
    }
}

impl Subject {
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.id()
    }

    /// Which kind of object it is.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.object.id() == Some(kind)
    }
}

/// A text, or the id of an object that came whole; nothing of whatever else.
#[derive(Default)]
pub(crate) struct Loose(Option<String>);

impl Loose {
    pub(crate) fn id(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Loose;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose(Some(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut id = Loose::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == "id" {
                id = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(id)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::default())
    }
}
