//! Lists, a page at a time.

use billing_app::ports::Page;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;

/// A page of a list, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// What is on the page.
    pub(crate) data: Vec<T>,
    /// Whether more follow: ask again with `starting_after` set to the id of the last one.
    pub(crate) has_more: bool,
}

/// Which page.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub(crate) limit: i64,
    /// The id of the last one on the page before.
    pub(crate) starting_after: Option<String>,
}

pub(crate) const fn ten() -> i64 {
    10
}

/// Asks for one more than is shown, to know whether more follow.
pub(crate) fn page<C>(limit: i64, starting_after: Option<&str>) -> Result<Page<C>, Problem>
where
    C: core::str::FromStr,
{
    if !(1..=100).contains(&limit) {
        return Err(Problem::invalid("limit", "must be from 1 to 100"));
    }
    let after = starting_after.map(str::parse).transpose();
    let after = after.map_err(|_| {
        Problem::invalid("starting_after", "must be the id of the last one on the page before")
    })?;
    Ok(Page { after, limit: limit + 1 })
}

impl<T> List<T> {
    /// All there is.
    pub(crate) fn all(data: Vec<T>) -> Self {
        Self { data, has_more: false }
    }

    /// What was found with one more than is shown.
    pub(crate) fn of<R, C>(found: Vec<R>, page: Page<C>, shown: impl FnMut(R) -> T) -> Self {
        let most = usize::try_from(page.limit - 1).unwrap_or_default();
        let has_more = found.len() > most;
        Self { data: found.into_iter().take(most).map(shown).collect(), has_more }
    }
}
