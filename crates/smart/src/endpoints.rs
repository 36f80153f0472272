//! Every endpoint of the authorization server with its path: what routes, discovery documents and the CapabilityStatement
//! are made from, so that none can name what another does not serve.

/// A path below the server's origin and the methods it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-3.1>
    Authorize,
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>
    Token,
    /// <https://www.rfc-editor.org/rfc/rfc7662>
    Introspect,
    /// <https://www.rfc-editor.org/rfc/rfc7009>
    Revoke,
    /// <https://www.rfc-editor.org/rfc/rfc9126>
    PushedAuthorizationRequest,
    /// <https://www.rfc-editor.org/rfc/rfc7591>
    Register,
    /// <https://www.rfc-editor.org/rfc/rfc7517>
    Jwks,
    /// Where an EHR makes a launch context.
    Launch,
    /// Where an EHR's look is told (`smart_style_url`).
    Style,
    /// <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html>
    Brands,
    OpenIdConfiguration,
    /// Below the FHIR base.
    SmartConfiguration,
    SignIn,
    SecondFactor,
    /// First and further factors of one's own account.
    Enrol,
    ChoosePatient,
    Approve,
    /// The apps that may act for whoever is signed in (`management_endpoint`).
    Apps,
    /// Whoever is signed in, and where.
    Sessions,
    SignOut,
    /// An app's developer asks for a registration.
    Developer,
    /// The registry of clients, for administrators.
    Clients,
    /// People's accounts, for administrators.
    Accounts,
    /// Shared computers, for staff.
    Computers,
    /// Somebody opens a record to themselves in an emergency.
    BreakGlass,
    /// The same for apps.
    BreakGlassGrants,
    /// Who may see a patient's own record, for that patient to say.
    Consents,
    /// What privacy officers have to look at.
    Reviews,
    /// The audit log, for auditors and privacy officers.
    AuditLog,
    /// Who may do what, to be kept or revoked until a deadline.
    AccessReviews,
    /// Where an upstream OpenID provider sends people back.
    Upstream,
}

impl Endpoint {
    pub const ALL: [Endpoint; 31] = [
        Endpoint::Authorize,
        Endpoint::Token,
        Endpoint::Introspect,
        Endpoint::Revoke,
        Endpoint::PushedAuthorizationRequest,
        Endpoint::Register,
        Endpoint::Jwks,
        Endpoint::Launch,
        Endpoint::Style,
        Endpoint::Brands,
        Endpoint::OpenIdConfiguration,
        Endpoint::SmartConfiguration,
        Endpoint::SignIn,
        Endpoint::SecondFactor,
        Endpoint::Enrol,
        Endpoint::ChoosePatient,
        Endpoint::Approve,
        Endpoint::Apps,
        Endpoint::Sessions,
        Endpoint::SignOut,
        Endpoint::Developer,
        Endpoint::Clients,
        Endpoint::Accounts,
        Endpoint::Computers,
        Endpoint::BreakGlass,
        Endpoint::BreakGlassGrants,
        Endpoint::Consents,
        Endpoint::Reviews,
        Endpoint::AuditLog,
        Endpoint::AccessReviews,
        Endpoint::Upstream,
    ];

    /// Below the origin; [`Endpoint::SmartConfiguration`] below the FHIR base.
    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Authorize => "/auth/authorize",
            Endpoint::Token => "/auth/token",
            Endpoint::Introspect => "/auth/introspect",
            Endpoint::Revoke => "/auth/revoke",
            Endpoint::PushedAuthorizationRequest => "/auth/par",
            Endpoint::Register => "/auth/register",
            Endpoint::Jwks => "/auth/jwks",
            Endpoint::Launch => "/auth/launch",
            Endpoint::Style => "/auth/style.json",
            Endpoint::Brands => "/auth/brands",
            Endpoint::OpenIdConfiguration => "/.well-known/openid-configuration",
            Endpoint::SmartConfiguration => "/.well-known/smart-configuration",
            Endpoint::SignIn => "/auth/sign-in",
            Endpoint::SecondFactor => "/auth/second-factor",
            Endpoint::Enrol => "/auth/enrol",
            Endpoint::ChoosePatient => "/auth/patient",
            Endpoint::Approve => "/auth/approve",
            Endpoint::Apps => "/auth/apps",
            Endpoint::Sessions => "/auth/sessions",
            Endpoint::SignOut => "/auth/sign-out",
            Endpoint::Developer => "/auth/developer",
            Endpoint::Clients => "/auth/clients",
            Endpoint::Accounts => "/auth/accounts",
            Endpoint::Computers => "/auth/computers",
            Endpoint::BreakGlass => "/auth/break-glass",
            Endpoint::BreakGlassGrants => "/auth/break-glass/grants",
            Endpoint::Consents => "/auth/consents",
            Endpoint::Reviews => "/auth/reviews",
            Endpoint::AuditLog => "/auth/audit",
            Endpoint::AccessReviews => "/auth/access-reviews",
            Endpoint::Upstream => "/auth/upstream",
        }
    }

    /// The methods it takes; any other is answered with 405.
    pub fn methods(self) -> &'static [&'static str] {
        match self {
            Endpoint::Token
            | Endpoint::Introspect
            | Endpoint::Revoke
            | Endpoint::PushedAuthorizationRequest
            | Endpoint::Register
            | Endpoint::Launch
            | Endpoint::SignOut => &["POST"],
            Endpoint::Jwks
            | Endpoint::Style
            | Endpoint::Brands
            | Endpoint::OpenIdConfiguration
            | Endpoint::SmartConfiguration
            | Endpoint::Upstream => &["GET", "HEAD"],
            _ => &["GET", "HEAD", "POST"],
        }
    }

    /// Name of the Record that a request leaves.
    pub fn interaction(self) -> &'static str {
        match self {
            Endpoint::Authorize => "authorize",
            Endpoint::Token => "token",
            Endpoint::Introspect => "introspect",
            Endpoint::Revoke => "revoke",
            Endpoint::PushedAuthorizationRequest => "pushed-authorization-request",
            Endpoint::Register => "register",
            Endpoint::Launch => "launch",
            Endpoint::Jwks
            | Endpoint::Style
            | Endpoint::Brands
            | Endpoint::OpenIdConfiguration
            | Endpoint::SmartConfiguration => "discovery",
            Endpoint::SignIn => "sign-in",
            Endpoint::SecondFactor => "second-factor",
            Endpoint::Enrol => "enrol",
            Endpoint::ChoosePatient => "choose-patient",
            Endpoint::Approve => "approve",
            Endpoint::Apps => "apps",
            Endpoint::Sessions => "sessions",
            Endpoint::SignOut => "sign-out",
            Endpoint::Developer => "developer",
            Endpoint::Clients => "clients",
            Endpoint::Accounts => "accounts",
            Endpoint::Computers => "computers",
            Endpoint::BreakGlass | Endpoint::BreakGlassGrants => "break-glass",
            Endpoint::Consents => "consents",
            Endpoint::Reviews => "reviews",
            Endpoint::AuditLog => "audit-log",
            Endpoint::AccessReviews => "access-reviews",
            Endpoint::Upstream => "upstream",
        }
    }

    /// Where clients prove who they are: what a request costs is theirs.
    pub fn is_for_known_clients(self) -> bool {
        matches!(
            self,
            Endpoint::Token
                | Endpoint::Introspect
                | Endpoint::Revoke
                | Endpoint::PushedAuthorizationRequest
                | Endpoint::Launch
        )
    }

    /// Metadata that anybody may read and keep.
    pub fn is_published(self) -> bool {
        self.interaction() == "discovery"
    }

    /// Answered with pages for people at a browser; the others are for clients, in JSON.
    pub fn is_for_people(self) -> bool {
        match self {
            Endpoint::Authorize
            | Endpoint::SignIn
            | Endpoint::SecondFactor
            | Endpoint::Enrol
            | Endpoint::ChoosePatient
            | Endpoint::Approve
            | Endpoint::Apps
            | Endpoint::Sessions
            | Endpoint::SignOut
            | Endpoint::Developer
            | Endpoint::Clients
            | Endpoint::Accounts
            | Endpoint::Computers
            | Endpoint::BreakGlass
            | Endpoint::Consents
            | Endpoint::Reviews
            | Endpoint::AuditLog
            | Endpoint::AccessReviews
            | Endpoint::Upstream => true,
            Endpoint::Token
            | Endpoint::Introspect
            | Endpoint::Revoke
            | Endpoint::PushedAuthorizationRequest
            | Endpoint::Register
            | Endpoint::Jwks
            | Endpoint::Launch
            | Endpoint::BreakGlassGrants
            | Endpoint::Style
            | Endpoint::Brands
            | Endpoint::OpenIdConfiguration
            | Endpoint::SmartConfiguration => false,
        }
    }

    /// The endpoint at a path below the origin.
    pub fn at(path: &str) -> Option<Endpoint> {
        Endpoint::ALL
            .into_iter()
            .filter(|endpoint| *endpoint != Endpoint::SmartConfiguration)
            .find(|endpoint| endpoint.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_is_taken_twice() {
        let mut paths: Vec<_> = Endpoint::ALL.iter().map(|e| e.path()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), Endpoint::ALL.len());
        assert_eq!(Endpoint::at("/auth/token"), Some(Endpoint::Token));
        assert_eq!(Endpoint::at("/.well-known/smart-configuration"), None);
    }
}
