//! Emails: letters in words, and the way to a mail server.

mod arabic;
mod english;
mod page;
mod phrases;
mod smtp;
mod values;
mod words;

pub use self::{
    smtp::{InvalidSmtp, Smtp},
    words::Writer,
};
