//! Organizations: what is billed, be it a company or one person.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{currency::Currency, gateway::GatewayRef, id::OrganizationId, locale::Locale};

/// What is billed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Organization {
    /// Our id.
    pub id: OrganizationId,
    /// The product's own id of it; unique where present.
    pub external_id: Option<String>,
    /// What people call it.
    pub name: String,
    /// Where invoices and notices go.
    pub billing_email: Option<String>,
    /// Where it is at home.
    pub country: Option<Country>,
    /// What it pays in.
    pub currency: Currency,
    /// Under what number it pays tax.
    pub tax_id: Option<String>,
    /// The language in which it is written to.
    pub locale: Locale,
    /// When it came to be.
    pub created_at: OffsetDateTime,
}

/// Why a description of an organization is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidOrganization {
    /// The name is empty or too long.
    #[error("`name` must have 1 to 200 characters")]
    Name,
    /// The external id is empty or too long.
    #[error("`external_id` must have 1 to 200 characters")]
    ExternalId,
    /// The address cannot receive mail.
    #[error("`billing_email` must be an email address")]
    BillingEmail,
    /// The tax number is empty or too long.
    #[error("`tax_id` must have 1 to 50 characters")]
    TaxId,
}

impl Organization {
    /// Checks what people typed.
    pub fn validated(self) -> Result<Self, InvalidOrganization> {
        let sized = |text: &str| (1..=200).contains(&text.trim().chars().count());
        if !sized(&self.name) {
            return Err(InvalidOrganization::Name);
        }
        if self.external_id.as_deref().is_some_and(|id| !sized(id)) {
            return Err(InvalidOrganization::ExternalId);
        }
        if self.billing_email.as_deref().is_some_and(|email| !is_email(email)) {
            return Err(InvalidOrganization::BillingEmail);
        }
        let short = |id: &str| (1..=50).contains(&id.trim().chars().count());
        if self.tax_id.as_deref().is_some_and(|id| !short(id)) {
            return Err(InvalidOrganization::TaxId);
        }
        Ok(self)
    }
}

/// Whether a text has the shape of an address: the one real check is to send to it.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    plain && text.len() <= 254 && !local.is_empty() && host.contains('.') && !host.starts_with('.')
}

/// An organization as one gateway knows it: one per organization and gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Customer {
    /// Whose customer it is.
    pub organization_id: OrganizationId,
    /// What the gateway calls it.
    pub reference: GatewayRef,
    /// When it was recorded.
    pub created_at: OffsetDateTime,
}

/// A country of ISO 3166-1, by its two letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// No country has this code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a country of ISO 3166-1 (two capital letters)")]
pub struct UnknownCountry(pub String);

const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI \
    BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY \
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN \
    GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
    PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN \
    VU WF WS YE YT ZA ZM ZW";
/// Countries that pay in euro.
const EURO: &str = "AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC ME MT NL PT SI SK SM VA";

impl Country {
    /// Its two capital letters.
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The currency in which prices are shown there by default: EGP, EUR, else USD.
    pub fn currency(self) -> Currency {
        match self.code() {
            "EG" => Currency::EGP,
            code if EURO.split_ascii_whitespace().any(|euro| euro == code) => Currency::EUR,
            _ => Currency::USD,
        }
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [a, b] if COUNTRIES.split_ascii_whitespace().any(|code| code == text) => {
                Ok(Self([*a, *b]))
            }
            _ => Err(UnknownCountry(text.to_owned())),
        }
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn acme() -> Organization {
        Organization {
            id: OrganizationId(Uuid::nil()),
            external_id: None,
            name: "Acme".to_owned(),
            billing_email: None,
            country: None,
            currency: Currency::USD,
            tax_id: None,
            locale: Locale::En,
            created_at: datetime!(2026-01-01 0:00 UTC),
        }
    }

    #[test]
    fn what_people_typed_is_checked() {
        assert!(acme().validated().is_ok());
        let named = |name: &str| Organization { name: name.to_owned(), ..acme() }.validated();
        assert_eq!(named("  "), Err(InvalidOrganization::Name));
        assert_eq!(named(&"x".repeat(201)), Err(InvalidOrganization::Name));
        for (tax_id, good) in [("DE136695976", true), (" ", false), (&*"x".repeat(51), false)] {
            let taxed = Organization { tax_id: Some(tax_id.to_owned()), ..acme() };
            assert_eq!(taxed.validated().is_ok(), good, "{tax_id}");
        }
        for (email, good) in [
            ("a@b.co", true),
            ("first.last+tag@sub.example.com", true),
            ("a@b", false),
            ("@b.co", false),
            ("a b@c.de", false),
            ("a@.de", false),
            ("none", false),
        ] {
            let described = Organization { billing_email: Some(email.to_owned()), ..acme() };
            assert_eq!(described.validated().is_ok(), good, "{email}");
        }
    }

    #[test]
    fn currencies_follow_the_country() {
        let currency = |code: &str| code.parse::<Country>().unwrap().currency();
        assert_eq!(currency("EG"), Currency::EGP);
        assert_eq!(currency("DE"), Currency::EUR);
        assert_eq!(currency("US"), Currency::USD);
        assert_eq!(currency("JP"), Currency::USD);
        assert!("de".parse::<Country>().is_err());
        assert!("ZZ".parse::<Country>().is_err());
    }
}
