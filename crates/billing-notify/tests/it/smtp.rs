//! What a mail server says decides whether an email is sent again.

use billing_app::ports::{Attachment, MailError, Mailer as _, Message, Written};
use billing_domain::id::EmailId;
use billing_notify::email::{InvalidSmtp, Smtp};
use billing_testkit::NOON;
use uuid::Uuid;

use crate::server::{Fate, Server};

fn message() -> Message {
    Message {
        id: EmailId(Uuid::from_u128(7)),
        to: "ann@acme.test".to_owned(),
        date: NOON,
        written: Written {
            subject: "فاتورة INV-1\r\nBcc: eve@evil.test".to_owned(),
            html: "<p>Hello</p>".to_owned(),
            text: "Hello\n.\nthere".to_owned(),
            attachments: vec![Attachment {
                name: "invoice-1.pdf".to_owned(),
                media_type: "application/pdf",
                bytes: b"%PDF-1.7".to_vec(),
            }],
        },
    }
}

async fn sent(fate: Fate) -> (Result<(), MailError>, Vec<String>) {
    let server = Server::start(fate).await;
    let smtp = Smtp::new(&server.url, "Billing <billing@seller.test>").unwrap();
    let result = smtp.send(&message()).await;
    let got = server.got.lock().unwrap().clone();
    (result, got)
}

#[tokio::test]
async fn an_email_is_taken_whole() {
    let (result, got) = sent(Fate::Taken).await;
    assert_eq!(result, Ok(()));
    let [email] = got.as_slice() else { panic!("{got:?}") };
    for line in [
        "From: Billing <billing@seller.test>",
        "To: ann@acme.test",
        "Date: Sat, 14 Mar 2026 12:00:00 +0000",
        "Message-ID: <00000000000000000000000000000007@seller.test>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(email.lines().any(|it| it == line), "{line}: {email}");
    }
    assert!(!email.lines().any(|it| it.starts_with("Bcc")), "no header comes in by the subject");
    assert!(email.contains("text/plain") && email.contains("text/html"), "{email}");
    assert!(email.contains("multipart/alternative"), "{email}");
    assert!(email.contains("application/pdf") && email.contains("invoice-1.pdf"), "{email}");
}

#[tokio::test]
async fn what_the_server_says_decides() {
    for (fate, passing) in [
        (Fate::Answer("MAIL", "451 4.3.0 busy"), true),
        (Fate::Answer("RCPT", "450 4.2.1 try later"), true),
        (Fate::Answer("RCPT", "550 5.1.1 no such mailbox"), false),
        (Fate::Answer("DATA", "554 5.7.1 no"), false),
        (Fate::Answer(".", "552 5.3.4 too large"), false),
        (Fate::Answer(".", "452 4.3.1 disk full"), true),
        (Fate::Answer("MAIL", "530 5.7.0 log in first"), true),
        (Fate::Answer("EHLO", "nonsense"), true),
        (Fate::DropAfterData, true),
        (Fate::Drop, true),
    ] {
        let (result, _) = sent(fate).await;
        match (result, passing) {
            (Err(MailError::Passing(_)), true) | (Err(MailError::Refused(_)), false) => {}
            other => panic!("{fate:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_try_carries_the_same_id() {
    let server = Server::start(Fate::DropAfterData).await;
    let smtp = Smtp::new(&server.url, "billing@seller.test").unwrap();
    for _ in 0..2 {
        assert!(smtp.send(&message()).await.is_err());
    }
    let got = server.got.lock().unwrap();
    let ids = got.iter().map(|email| email.lines().find(|it| it.starts_with("Message-ID")));
    let ids: Vec<_> = ids.map(Option::unwrap).collect();
    assert_eq!((ids.len(), ids[0]), (2, ids[1]));
}

#[tokio::test]
async fn nobody_there_is_a_passing_trouble_and_a_bad_address_is_final() {
    let smtp = Smtp::new("smtp://127.0.0.1:1", "billing@seller.test").unwrap();
    assert!(matches!(smtp.send(&message()).await, Err(MailError::Passing(_))));
    for to in ["nobody", "", "a@b.test\r\nRCPT TO:<eve@evil.test>"] {
        let message = Message { to: to.to_owned(), ..message() };
        assert!(matches!(smtp.send(&message).await, Err(MailError::Refused(_))), "{to}");
    }
}

#[test]
fn a_password_needs_tls() {
    let from = "Billing <billing@seller.test>";
    for url in ["smtps://u:p@mail.test", "smtp://u:p@mail.test?tls=required", "smtp://mail.test:25"]
    {
        assert!(Smtp::new(url, from).is_ok(), "{url}");
    }
    for url in ["smtp://u:p@mail.test", "smtp://u:p@mail.test?tls=opportunistic"] {
        let refused = Smtp::new(url, from);
        assert!(matches!(refused, Err(InvalidSmtp::InTheClear)), "{url}");
    }
    for url in ["", "mail.test", "http://mail.test", "smtp://"] {
        assert!(matches!(Smtp::new(url, from), Err(InvalidSmtp::Url(_))), "{url}");
    }
    assert!(matches!(Smtp::new("smtp://mail.test", "nobody"), Err(InvalidSmtp::From(_))));
    let secret = Smtp::new("smtps://u:hush@mail.test", from).unwrap();
    assert!(!format!("{secret:?}").contains("hush"));
}
