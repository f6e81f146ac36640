//! What administrators do.

pub(crate) mod api_keys;
pub(crate) mod bulk_grants;
pub(crate) mod credit_settings;
pub(crate) mod grants;
pub(crate) mod inbox;
pub(crate) mod organizations;
