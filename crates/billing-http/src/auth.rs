//! Who asks, and whether they may.

use core::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::AUTHORIZATION,
    middleware::Next,
    web::Data,
};
use billing_app::{Caller, Error, Missing};
use billing_domain::id::OrganizationId;

use crate::{
    problem::Problem,
    route::{Access, Manner, Route},
    state::Http,
};

/// Lets a request through only if its key has the scope that the route needs.
///
/// It runs before anything of the request is looked at, so that strangers learn nothing.
pub(crate) async fn admit<B: MessageBody + 'static>(
    route: Route,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match admitted(route, request.request()).await {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

async fn admitted(route: Route, request: &HttpRequest) -> Result<(), Problem> {
    if route.access == Access::Public {
        return Ok(());
    }
    let http = request.app_data::<Data<Http>>().ok_or_else(forgotten)?;
    if route.access == Access::Cron {
        return Ok(scheduler(http, request)?);
    }
    let caller = http.billing.authenticate(bearer(request)?).await?;
    tracing::Span::current().record("api_key", caller.public.as_str());
    match route.access {
        Access::Public | Access::Cron => {}
        Access::Read => caller.may_read()?,
        Access::Write => caller.may_write()?,
        Access::Admin => caller.may_administer()?,
    }
    if route.manner != Manner::Long
        && let Some(pass) = http.billing.enter().await?
    {
        // It lives as long as the request: the clock is not moved under it.
        request.extensions_mut().insert(pass);
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Whether another scheduler asks. Digests are compared, each time all of them.
fn scheduler(http: &Http, request: &HttpRequest) -> Result<(), Error> {
    let Some(digest) = &http.cron_digest else {
        return Err(Error::Unauthenticated(
            "no other scheduler may call: CRON_SECRET is not set on the server",
        ));
    };
    let given = bearer(request).map_err(|_| {
        Error::Unauthenticated("send CRON_SECRET in the header `Authorization: Bearer …`")
    })?;
    let given = http.billing.secrets().digest(given.as_bytes());
    let differences = given.iter().zip(digest).fold(0, |all, (one, other)| all | (one ^ other));
    if differences == 0 {
        Ok(())
    } else {
        Err(Error::Unauthenticated("the bearer is not CRON_SECRET"))
    }
}

/// The token of `Authorization: Bearer`.
fn bearer(request: &HttpRequest) -> Result<&str, Error> {
    const MISSING: Error =
        Error::Unauthenticated("send an API key in the header `Authorization: Bearer bk_…`");
    let mut sent = request.headers().get_all(AUTHORIZATION);
    let (Some(one), None) = (sent.next(), sent.next()) else { return Err(MISSING) };
    let (scheme, token) = one.to_str().ok().and_then(|it| it.split_once(' ')).ok_or(MISSING)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).ok_or(MISSING)
}

/// Who asks; only behind a route that is not public.
pub(crate) struct Known(pub(crate) Caller);

impl Known {
    /// The organization that a request is about: the one it names, else the one of the key.
    pub(crate) fn organization(
        &self,
        named: Option<OrganizationId>,
    ) -> Result<OrganizationId, Error> {
        match (named, self.0.organization_id) {
            (Some(named), _) => self.0.may_see(named).map(|()| named),
            (None, Some(own)) => Ok(own),
            (None, None) => Err(Error::invalid(
                "organization_id",
                "is required with a key for all organizations",
            )),
        }
    }
}

impl FromRequest for Known {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Caller>().cloned();
        ready(caller.map(Self).ok_or_else(forgotten))
    }
}

/// The organization in the path, if the caller may see it. Anything else is not found.
pub(crate) struct Owned(pub(crate) OrganizationId);

impl FromRequest for Owned {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(owned(request).map(Self))
    }
}

fn owned(request: &HttpRequest) -> Result<OrganizationId, Problem> {
    let named = request.match_info().get("org_id").and_then(|id| id.parse().ok());
    let id = named.ok_or(Error::NotFound(Missing::Organization))?;
    let extensions = request.extensions();
    extensions.get::<Caller>().ok_or_else(forgotten)?.may_see(id)?;
    Ok(id)
}

fn forgotten() -> Problem {
    Error::Internal(anyhow::anyhow!("a route that needs a caller is public")).into()
}
