//! What documents say, in each language.

use billing_domain::{invoice::InvoiceStatus, locale::Locale, tax::NoTax};

/// The words of a language.
pub(crate) struct Words {
    pub(crate) invoice: &'static str,
    pub(crate) number: &'static str,
    pub(crate) status: &'static str,
    pub(crate) issued: &'static str,
    pub(crate) due_on: &'static str,
    pub(crate) paid_on: &'static str,
    pub(crate) period: &'static str,
    pub(crate) seller: &'static str,
    pub(crate) buyer: &'static str,
    pub(crate) tax_id: &'static str,
    pub(crate) description: &'static str,
    pub(crate) quantity: &'static str,
    pub(crate) unit_price: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) subtotal: &'static str,
    pub(crate) discount: &'static str,
    pub(crate) tax: &'static str,
    pub(crate) vat: &'static str,
    pub(crate) included: &'static str,
    pub(crate) credit: &'static str,
    pub(crate) total: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) due: &'static str,
    pub(crate) credit_note: &'static str,
    pub(crate) reverse_charge: &'static str,
    statuses: [&'static str; 5],
    months: [&'static str; 12],
}

const EN: Words = Words {
    invoice: "Invoice",
    number: "Number",
    status: "Status",
    issued: "Issued",
    due_on: "To be paid by",
    paid_on: "Paid on",
    period: "Period",
    seller: "From",
    buyer: "To",
    tax_id: "Tax number",
    description: "Description",
    quantity: "Quantity",
    unit_price: "Unit price",
    amount: "Amount",
    subtotal: "Subtotal",
    discount: "Discount",
    tax: "Tax",
    vat: "VAT",
    included: "included",
    credit: "Credit applied",
    total: "Total",
    paid: "Paid",
    due: "Amount due",
    credit_note: "Credit note",
    reverse_charge: "Reverse charge: the customer accounts for the VAT.",
    statuses: ["Draft", "Open", "Uncollectible", "Paid", "Void"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

const AR: Words = Words {
    invoice: "فاتورة",
    number: "الرقم",
    status: "الحالة",
    issued: "تاريخ الإصدار",
    due_on: "تاريخ الاستحقاق",
    paid_on: "تاريخ الدفع",
    period: "الفترة",
    seller: "من",
    buyer: "إلى",
    tax_id: "الرقم الضريبي",
    description: "الوصف",
    quantity: "الكمية",
    unit_price: "سعر الوحدة",
    amount: "المبلغ",
    subtotal: "المجموع الفرعي",
    discount: "خصم",
    tax: "ضريبة",
    vat: "ضريبة القيمة المضافة",
    included: "مشمولة",
    credit: "رصيد مستخدم",
    total: "الإجمالي",
    paid: "المدفوع",
    due: "المبلغ المستحق",
    credit_note: "إشعار دائن",
    reverse_charge: "احتساب عكسي: ضريبة القيمة المضافة مستحقة على العميل.",
    statuses: ["مسودة", "مستحقة الدفع", "غير قابلة للتحصيل", "مدفوعة", "ملغاة"],
    months: [
        "يناير",
        "فبراير",
        "مارس",
        "أبريل",
        "مايو",
        "يونيو",
        "يوليو",
        "أغسطس",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
    ],
};

/// The words of a language.
pub(crate) const fn words(locale: Locale) -> &'static Words {
    match locale {
        Locale::En => &EN,
        Locale::Ar => &AR,
    }
}

impl Words {
    /// What a status is called.
    pub(crate) const fn status_of(&self, status: InvoiceStatus) -> &'static str {
        let [draft, open, uncollectible, paid, void] = self.statuses;
        match status {
            InvoiceStatus::Draft => draft,
            InvoiceStatus::Open => open,
            InvoiceStatus::Uncollectible => uncollectible,
            InvoiceStatus::Paid => paid,
            InvoiceStatus::Void => void,
        }
    }

    /// What a month is called.
    pub(crate) fn month(&self, month: time::Month) -> &'static str {
        let nth = usize::from(u8::from(month)) - 1;
        self.months.get(nth).copied().unwrap_or_default()
    }

    /// What must stand on an invoice without tax.
    pub(crate) const fn note_on(&self, no_tax: NoTax) -> Option<&'static str> {
        match no_tax {
            NoTax::ReverseCharge => Some(self.reverse_charge),
            NoTax::NoSellerCountry | NoTax::NoBuyerCountry | NoTax::NoRate | NoTax::NotCharged => {
                None
            }
        }
    }
}
