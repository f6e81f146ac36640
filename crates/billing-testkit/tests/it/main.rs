//! The fakes keep what the ports promise, and the promises are all checked.

mod clock;
mod gateway;
mod list;
mod store;
