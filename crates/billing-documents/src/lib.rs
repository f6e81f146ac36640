#![doc = include_str!("../README.md")]

mod document;
mod html;
mod pdf;
mod shown;
mod words;

pub use self::{
    document::Document,
    html::{STYLE, html},
    pdf::pdf,
    shown::{amount, day, number},
};
