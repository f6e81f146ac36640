//! Where nothing is sent: refused when it is typed in, and again when something is to be sent.

use billing_app::ports::{NotSent, WebhookSender as _};
use billing_notify::webhooks::TargetRules;

use crate::{sender, to};

/// Addresses that say themselves what they are.
const PLAIN: &[&str] = &[
    // Not https.
    "http://93.184.216.34/",
    "http://product.example/",
    "ftp://93.184.216.34/",
    "file:///etc/passwd",
    "gopher://93.184.216.34/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "//93.184.216.34/",
    "product.example/hook",
    "https://",
    "",
    // Users, passwords, ports.
    "https://user@93.184.216.34/",
    "https://user:secret@93.184.216.34/",
    "https://93.184.216.34@127.0.0.1/",
    "https://93.184.216.34:22/",
    "https://93.184.216.34:80/",
    "https://93.184.216.34:5432/",
    "https://93.184.216.34:6379/",
    "https://93.184.216.34:9200/",
    // This machine, in every way in which it can be written.
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127\u{3002}0\u{3002}0\u{3002}1/",
    // Private networks and links.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://192.168.1.1:8443/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.1.1/",
    // The inside of clouds.
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://[::ffff:169.254.169.254]/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://[fd00:ec2::254]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    // Nobody's, everybody's, examples.
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://192.88.99.1/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fdff::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[2001::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[3fff::1]/",
];

/// What names may lead to.
const LOOKED_UP: &[&str] = &[
    "127.0.0.1",
    "10.1.2.3",
    "172.20.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "fd00:ec2::254",
    "fe80::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
];

fn is_forbidden<T: std::fmt::Debug>(answer: &Result<T, NotSent>) -> bool {
    matches!(answer, Err(NotSent::Forbidden(_)))
}

#[tokio::test]
async fn what_is_not_on_the_internet_is_refused() {
    assert!(PLAIN.len() + LOOKED_UP.len() >= 60);
    let sender = sender(TargetRules::default(), &[&["93.184.216.34"]]);
    for url in PLAIN {
        let (checked, sent) = (sender.check(url).await, sender.send(&to(url)).await);
        assert!(is_forbidden(&checked), "{url}: {checked:?}");
        assert!(is_forbidden(&sent), "{url}: {sent:?}");
    }
}

#[tokio::test]
async fn names_that_lead_there_are_refused() {
    const URL: &str = "https://product.example/hook";
    for address in LOOKED_UP {
        let sender = sender(TargetRules::default(), &[&[address]]);
        let (checked, sent) = (sender.check(URL).await, sender.send(&to(URL)).await);
        assert!(is_forbidden(&checked), "{address}: {checked:?}");
        assert!(is_forbidden(&sent), "{address}: {sent:?}");
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_later_is_refused_then() {
    const URL: &str = "https://rebind.example/hook";
    let sender = sender(TargetRules::default(), &[&["93.184.216.34"], &["127.0.0.1"]]);
    assert_eq!(sender.check(URL).await, Ok(()));
    let sent = sender.send(&to(URL)).await;
    assert!(is_forbidden(&sent), "{sent:?}");
}

#[tokio::test]
async fn what_is_on_the_internet_is_accepted() {
    let sender = sender(TargetRules::default(), &[&["10.0.0.1", "93.184.216.34"]]);
    for url in [
        "https://product.example/hook?of=billing",
        "https://PRODUCT.example:8443/",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        "https://198.20.0.1/",
    ] {
        assert_eq!(sender.check(url).await, Ok(()), "{url}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_yet_may_be_typed_in() {
    let sender = sender(TargetRules::default(), &[]);
    assert_eq!(sender.check("https://soon.example/").await, Ok(()));
    let sent = sender.send(&to("https://soon.example/")).await;
    assert!(matches!(sent, Err(NotSent::Failed(_))), "{sent:?}");
}

#[tokio::test]
async fn this_machine_is_reached_where_that_is_wanted_and_nothing_else() {
    let rules = TargetRules { this_machine: true, ..TargetRules::default() };
    let sender = sender(rules, &[&["127.0.0.1"]]);
    for url in ["http://127.0.0.1:3000/", "http://localhost:3000/", "https://[::1]:3000/"] {
        assert_eq!(sender.check(url).await, Ok(()), "{url}");
    }
    for url in ["http://product.example/", "https://product.example/", "http://10.0.0.1/"] {
        assert!(is_forbidden(&sender.check(url).await), "{url}");
    }
}
