//! The header `Ward-Break-Glass` of a request to the FHIR base: by what it names one patient's record is open in an emergency (R22).

use crate::headers::BREAK_GLASS;
use crate::server::Service;
use crate::smart::one_header;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use ward_access::Caller;
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_resources::{Call, glass_is_over};

/// Puts into the Call what is open by the header. What the answer says of it; `None`: there is no header, or the Call is for everybody.
/// Errors: nothing is open by it, or that cannot be told now.
pub async fn opened(
    request: &HttpRequest,
    service: &Service,
    caller: &Caller,
    call: &mut Call,
) -> Result<Option<HeaderValue>> {
    let sent = one_header(request.headers(), &BREAK_GLASS);
    let sent = sent.map_err(|why| Failure::new(Kind::Invalid, why))?;
    let Some(id) = sent.filter(|_| !call.interaction.is_public()) else {
        return Ok(None);
    };
    let now_s = service.engine.now_us() / 1_000_000;
    let found = service.auth.broken_glass(caller, id, now_s).await;
    let found = found.map_err(|_| {
        let text = "whether the glass is broken cannot be read from the store; try again";
        Failure::new(Kind::Unavailable, text)
    })?;
    let glass = found.ok_or_else(glass_is_over)?;
    let banner = format!("{id}; until={}", instant_text(glass.until_us));
    call.break_glass = Some(glass);
    Ok(HeaderValue::from_str(&banner).ok())
}
