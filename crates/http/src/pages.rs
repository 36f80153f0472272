//! The pages that people see: every model of `ward_smart::page` as HTML. They work without JavaScript, except passkeys.

mod access_reviews;
mod accounts;
mod approve;
mod apps;
mod attribute;
mod audit_charts;
mod audit_log;
mod audit_report;
mod break_glass;
mod choose_patient;
mod client;
mod client_parts;
mod clients;
mod computers;
mod confirm;
mod consent_form;
mod consent_preview;
mod consents;
mod developer;
mod enrol_totp;
mod factors;
mod facts;
pub mod files;
mod form;
mod html;
mod invitation;
mod layout;
mod message;
mod passkey;
pub mod policy;
mod qr;
pub mod read;
mod recovery_codes;
mod reviews;
mod second_factor;
mod sessions;
mod sign_in;
mod table;
mod tag;

#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;

pub use audit_report::pdf;
use ward_smart::Page;

/// The whole document.
pub fn render(page: &Page) -> String {
    match page {
        Page::SignIn(model) => sign_in::render(model),
        Page::Invitation(model) => invitation::render(model),
        Page::SecondFactor(model) => second_factor::render(model),
        Page::EnrolTotp(model) => enrol_totp::render(model),
        Page::RecoveryCodes(model) => recovery_codes::render(model),
        Page::Factors(model) => factors::render(model),
        Page::ChoosePatient(model) => choose_patient::render(model),
        Page::Approve(model) => approve::render(model),
        Page::Apps(model) => apps::render(model),
        Page::Sessions(model) => sessions::render(model),
        Page::Developer(model) => developer::render(model),
        Page::Clients(model) => clients::render(model),
        Page::Client(model) => client::render(model),
        Page::Confirm(model) => confirm::render(model),
        Page::Accounts(model) => accounts::render(model),
        Page::Computers(model) => computers::render(model),
        Page::BreakGlass(model) => break_glass::render(model),
        Page::Consents(model) => consents::render(model),
        Page::ConsentForm(model) => consent_form::render(model),
        Page::ConsentPreview(model) => consent_preview::render(model),
        Page::Reviews(model) => reviews::render(model),
        Page::AuditLog(model) => audit_log::render(model),
        Page::AccessReviews(model) => access_reviews::render_all(model),
        Page::AccessReview(model) => access_reviews::render_one(model),
        Page::Message(model) => message::render(model),
    }
}
