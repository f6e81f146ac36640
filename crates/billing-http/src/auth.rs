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

use crate::{problem::Problem, route::Access, state::Http};

/// Lets a request through only if its key has the scope that the route needs.
///
/// It runs before anything of the request is looked at, so that strangers learn nothing.
pub(crate) async fn admit<B: MessageBody + 'static>(
    access: Access,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match admitted(access, request.request()).await {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

async fn admitted(access: Access, request: &HttpRequest) -> Result<(), Problem> {
    if access == Access::Public {
        return Ok(());
    }
    let http = request.app_data::<Data<Http>>().ok_or_else(forgotten)?;
    let caller = http.billing.authenticate(bearer(request)?).await?;
    tracing::Span::current().record("api_key", caller.public.as_str());
    match access {
        Access::Public => {}
        Access::Read => caller.may_read()?,
        Access::Write => caller.may_write()?,
        Access::Admin => caller.may_administer()?,
    }
    request.extensions_mut().insert(caller);
    Ok(())
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
