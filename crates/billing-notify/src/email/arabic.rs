//! Letters in Arabic.

use super::phrases::{Names, Phrase, Phrases};

pub(super) const AR: Phrases = Phrases {
    trial_ends: Phrase {
        subject: "تنتهي تجربتك لخطة {plan} بعد {days} أيام",
        body: &[
            "تنتهي الفترة التجريبية لخطة {plan} في {date}.",
            "أضف وسيلة دفع قبل ذلك للاحتفاظ بكل ما تستخدمه الآن، وإلا فستنتقل إلى الخطة المجانية.",
        ],
    },
    trial_ends_tomorrow: Phrase {
        subject: "تنتهي تجربتك لخطة {plan} غدًا",
        body: &[
            "تنتهي الفترة التجريبية لخطة {plan} في {date}.",
            "أضف وسيلة دفع قبل ذلك للاحتفاظ بكل ما تستخدمه الآن، وإلا فستنتقل إلى الخطة المجانية.",
        ],
    },
    trial_has_ended: Phrase {
        subject: "انتهت تجربتك لخطة {plan}",
        body: &[
            "انتهت الفترة التجريبية لخطة {plan} في {date}. إذا كانت لديك وسيلة دفع محفوظة فسيتم تحصيل \
             الفترة الأولى منها الآن، وإلا فستنتقل إلى الخطة المجانية.",
        ],
    },
    payment_failed: Phrase {
        subject: "تعذّر تحصيل دفعتك لخطة {plan}",
        body: &[
            "لم نتمكن من تحصيل الدفعة الخاصة بخطة {plan}.",
            "يمكنك المتابعة حاليًا. يُرجى تحديث وسيلة الدفع حتى لا تنقطع الخدمة.",
        ],
    },
    payment_failed_again_at: Phrase {
        subject: "تعذّر تحصيل دفعتك لخطة {plan}",
        body: &[
            "لم نتمكن من تحصيل الدفعة الخاصة بخطة {plan}. سنحاول مجددًا في {date}.",
            "يمكنك المتابعة حاليًا. يُرجى تحديث وسيلة الدفع حتى لا تنقطع الخدمة.",
        ],
    },
    payment_recovered: Phrase {
        subject: "وصلت دفعتك لخطة {plan}",
        body: &["وصلت الدفعة الخاصة بخطة {plan} بعد أن تعذّر تحصيلها. شكرًا لك، كل شيء على ما يرام."],
    },
    payment_given_up: Phrase {
        subject: "لم نتمكن من تحصيل دفعتك لخطة {plan}",
        body: &[
            "حاولنا عدة مرات تحصيل الدفعة الخاصة بخطة {plan} ولن نحاول مجددًا من تلقاء أنفسنا.",
            "يُرجى تحديث وسيلة الدفع لسداد المبلغ المستحق.",
        ],
    },
    subscription_changed: Phrase {
        subject: "تغيّر اشتراكك",
        body: &["أصبح اشتراكك من الآن كما يلي."],
    },
    subscription_will_change: Phrase {
        subject: "سيتغيّر اشتراكك في خطة {plan} في {date}",
        body: &["يسري التغيير المطلوب في {date}، ويبقى كل شيء كما هو حتى ذلك الحين."],
    },
    subscription_change_failed: Phrase {
        subject: "لم يتغيّر اشتراكك في خطة {plan}",
        body: &["تعذّر إجراء التغيير المطلوب، ولم يتم تحصيل أي مبلغ مقابله."],
    },
    subscription_will_end: Phrase {
        subject: "ينتهي اشتراكك في خطة {plan} في {date}",
        body: &["لن يتم تجديد الاشتراك. يمكنك استخدامه حتى {date}، واستئنافه قبل ذلك."],
    },
    subscription_continues: Phrase {
        subject: "يستمر اشتراكك في خطة {plan}",
        body: &["كان الاشتراك سينتهي بنهاية الفترة، وسيتم تجديده من جديد."],
    },
    subscription_paused: Phrase {
        subject: "تم إيقاف اشتراكك في خطة {plan} مؤقتًا",
        body: &["أثناء الإيقاف المؤقت لا يتم تحصيل أي مبلغ ولا يمكن استخدام الاشتراك."],
    },
    subscription_resumed: Phrase {
        subject: "تم استئناف اشتراكك في خطة {plan}",
        body: &["كان الاشتراك موقوفًا مؤقتًا وأصبح نشطًا من جديد."],
    },
    subscription_cancelled: Phrase {
        subject: "تم إلغاء اشتراكك في خطة {plan}",
        body: &["انتهى الاشتراك وأصبحت على الخطة المجانية. يمكنك الاشتراك مجددًا في أي وقت."],
    },
    subscription_expired: Phrase {
        subject: "انتهى اشتراكك في خطة {plan}",
        body: &["لم يتم تجديد الاشتراك وأصبحت على الخطة المجانية. يمكنك الاشتراك مجددًا في أي وقت."],
    },
    duplicate_cancelled: Phrase {
        subject: "تم إلغاء اشتراك مكرر",
        body: &[
            "دفعت مقابل اشتراك ثانٍ بينما يكفي اشتراك واحد. ألغينا الاشتراك المكرر ونعيد ما دُفع مقابله.",
        ],
    },
    credits_low: Phrase {
        subject: "الرصيد المتبقي: {credits}",
        body: &["انخفض رصيدك إلى أقل من {threshold}. اشترِ رصيدًا إضافيًا حتى لا تنقطع الخدمة."],
    },
    credits_expiring: Phrase {
        subject: "تنتهي صلاحية {credits} من رصيدك في {date}",
        body: &["يمكن استخدام {credits} من رصيدك حتى {date}، ثم تنتهي صلاحيته."],
    },
    top_up_failed: Phrase {
        subject: "تعذّر الشراء التلقائي للرصيد",
        body: &["لم نتمكن من شراء رصيد لك. يُرجى التحقق من وسيلة الدفع."],
    },
    top_up_off: Phrase {
        subject: "تم إيقاف الشراء التلقائي للرصيد",
        body: &[
            "لم نتمكن من شراء رصيد لك ولن نحاول مجددًا من تلقاء أنفسنا.",
            "يُرجى تحديث وسيلة الدفع ثم تفعيل الشراء التلقائي من جديد.",
        ],
    },
    bonus_expiring: Phrase {
        subject: "تنتهي مكافأتك على {meter} في {date}",
        body: &["يمكن استخدام {remaining} من مكافأتك على {meter} حتى {date}، ثم تنتهي صلاحيتها."],
    },
    invoice_open: Phrase {
        subject: "فاتورة {number}",
        body: &["تجد الفاتورة {number} بمبلغ {amount} مرفقة. يُرجى سدادها قبل تاريخ الاستحقاق."],
    },
    invoice_paid: Phrase {
        subject: "فاتورة {number}: مدفوعة",
        body: &["شكرًا لدفعك {amount}. تجد الفاتورة {number} مرفقة."],
    },
    quota_reached: Phrase {
        subject: "استخدمت {percent}% من {meter}",
        body: &["تم استخدام {used} من أصل {limit}. يبدأ العدّ من جديد في {date}."],
    },
    quota_used_up: Phrase {
        subject: "استخدمت كامل {meter}",
        body: &[
            "تم استخدام {used} من أصل {limit}. يبدأ العدّ من جديد في {date}.",
            "للحصول على المزيد قبل ذلك يمكنك الانتقال إلى خطة أكبر.",
        ],
    },
    disputed: Phrase {
        subject: "اعتراض على دفعة: {organization}، {amount}",
        body: &["يعترض دافع على دفعة. أجب بوابة الدفع قبل انتهاء المهلة."],
    },
    webhook_dead: Phrase {
        subject: "فشل نهائي: {type} من {source}",
        body: &["فشلت معالجة إشعار نهائيًا، وهو ينتظر إصلاح السبب وإعادة المحاولة."],
    },
    webhook_failed: Phrase {
        subject: "فشل إشعار: {type} من {source}",
        body: &["فشلت معالجة إشعار مهم، وستعاد المحاولة تلقائيًا."],
    },
    credits_unusual: Phrase {
        subject: "استهلاك غير معتاد للرصيد: {organization}",
        body: &[
            "تم استهلاك {credits} من الرصيد خلال ساعة، ومتوسط الأيام السبعة الأخيرة {mean} في الساعة.",
        ],
    },
    names: Names {
        plan: "الخطة",
        quantity: "الكمية",
        amount: "المبلغ",
        date: "التاريخ",
        number: "الرقم",
        credits: "الرصيد",
        meter: "المقياس",
        used: "المستخدم",
        limit: "الحد",
        organization: "المؤسسة",
        payment: "الدفعة",
        webhook: "الإشعار",
        source: "من",
        kind: "النوع",
        error: "الخطأ",
    },
    footers: [
        "تصلك هذه الرسالة لأنها أُرسلت إلى عنوان الفوترة الخاص بـ {organization}.",
        "تصلك هذه الرسالة بصفتك مسؤولًا عن نظام الفوترة هذا.",
    ],
    open_billing: "فتح صفحة الفوترة",
    update_method: "تحديث وسيلة الدفع",
    open_invoice: "فتح الفاتورة",
};
