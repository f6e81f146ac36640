use proptest::prelude::*;
use time::macros::date;

use super::*;
use crate::currency::Currency;

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn a_sale(seller: &str, buyer: &str) -> TaxedSale<'static> {
    TaxedSale {
        seller: Some(country(seller)),
        buyer: Some(country(buyer)),
        tax_id: None,
        behavior: TaxBehavior::Inclusive,
        on: date!(2026 - 11 - 20),
        paid: Money::new(11_900, Currency::EUR),
    }
}

fn assessed(sale: &TaxedSale<'_>) -> Assessment {
    assess(&tax_rates(), sale).unwrap()
}

#[test]
fn an_inclusive_price_contains_its_tax() {
    let Assessment::Taxed(tax) = assessed(&a_sale("DE", "DE")) else { panic!("it is taxed") };
    assert_eq!((tax.amount.minor(), tax.taxable.unwrap().minor()), (1_900, 10_000));
    assert_eq!((tax.name.as_str(), tax.jurisdiction.as_deref()), ("VAT", Some("DE")));
    assert!(tax.inclusive);
    let paid = Money::new(11_400, Currency::EGP);
    let Assessment::Taxed(tax) = assessed(&TaxedSale { paid, ..a_sale("EG", "EG") }) else {
        panic!("it is taxed")
    };
    assert_eq!(tax.amount.minor(), 1_400);
}

#[test]
fn a_business_in_another_country_of_the_eu_pays_the_tax_itself() {
    let with = |seller, buyer, tax_id| {
        assessed(&TaxedSale { tax_id: Some(tax_id), ..a_sale(seller, buyer) })
    };
    let reverse = Assessment::Untaxed(NoTax::ReverseCharge);
    assert_eq!(with("DE", "FR", "FR 40 303 265 045"), reverse);
    assert_eq!(with("EG", "FR", "FR40303265045"), reverse);
    assert!(matches!(with("DE", "DE", "DE136695976"), Assessment::Taxed(_)), "at home");
    assert!(matches!(with("DE", "FR", "FR4030326504"), Assessment::Taxed(_)), "no such form");
    assert!(matches!(with("DE", "FR", "DE136695976"), Assessment::Taxed(_)), "of another country");
}

#[test]
fn what_is_not_known_is_not_taxed_and_says_why() {
    let de = a_sale("DE", "DE");
    let table = [
        (TaxedSale { seller: None, ..de }, NoTax::NoSellerCountry),
        (TaxedSale { buyer: None, ..de }, NoTax::NoBuyerCountry),
        (a_sale("DE", "US"), NoTax::NoRate),
        (TaxedSale { on: date!(2019 - 12 - 31), ..de }, NoTax::NoRate),
        (TaxedSale { behavior: TaxBehavior::Exclusive, ..de }, NoTax::NotCharged),
    ];
    for (sale, why) in table {
        assert_eq!(assessed(&sale), Assessment::Untaxed(why));
    }
    for why in NoTax::ALL {
        assert_eq!(why.name().parse(), Ok(why));
    }
}

#[test]
fn rates_hold_from_a_day_to_a_day() {
    let percent = |on| match assessed(&TaxedSale { on, ..a_sale("EE", "EE") }) {
        Assessment::Taxed(tax) => tax.percent.unwrap().to_string(),
        Assessment::Untaxed(why) => why.name().to_owned(),
    };
    assert_eq!(percent(date!(2025 - 06 - 30)), "22");
    assert_eq!(percent(date!(2025 - 07 - 01)), "24");
    assert_eq!(percent(date!(2023 - 07 - 01)), "no_rate");
}

#[test]
fn the_table_has_every_country_of_the_eu() {
    let rates = tax_rates();
    let of_the_eu =
        "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";
    for code in of_the_eu.split(' ').chain(["EG"]) {
        let found = rate(&rates, country(code), date!(2026 - 11 - 20));
        assert!(found.is_some_and(|rate| rate.valid_to.is_none()), "{code}");
    }
    assert_eq!(rates.len(), 31);
}

#[test]
fn numbers_of_businesses_have_a_form() {
    let table = [
        ("DE", "DE136695976", true),
        ("DE", "de 136-695-976", true),
        ("DE", "DE13669597", false),
        ("DE", "136695976", false),
        ("GR", "EL094259216", true),
        ("GR", "GR094259216", false),
        ("NL", "NL004495445B01", true),
        ("NL", "NL004495445C01", false),
        ("IE", "IE6388047V", true),
        ("ES", "ESX1234567X", true),
        ("AT", "ATU12345678", true),
        ("EG", "EG123456789", false),
        ("US", "US123456789", false),
        ("DE", "", false),
    ];
    for (code, text, valid) in table {
        assert_eq!(is_eu_vat_id(country(code), text), valid, "{text}");
    }
}

proptest! {
    #[test]
    fn the_share_and_the_rest_make_the_whole(minor in 0_i64..1_000_000_000_000) {
        let paid = Money::new(minor, Currency::EUR);
        let assessed = assessed(&TaxedSale { paid, ..a_sale("FI", "FI") });
        let Assessment::Taxed(tax) = assessed else { panic!("it is taxed") };
        prop_assert_eq!(tax.taxable.unwrap().plus(tax.amount).unwrap(), paid);
        prop_assert!((0..=minor).contains(&tax.amount.minor()));
    }
}
