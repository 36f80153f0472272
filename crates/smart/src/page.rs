//! What the pages say, without a word of HTML: `http` renders each model. A page's form leads back to the path it is shown at
//! unless it names another.

mod access_reviews;
mod audit;
mod consents;
mod reviews;

pub use access_reviews::{
    AccessReviewPart, AccessReviewRow, AccessReviewShown, AccessReviews, NewAccessReview,
    ReviewItemRow,
};
pub use audit::{
    AUDIT_KINDS, AUDIT_OUTCOMES, AccessMap, AuditChoice, AuditDetail, AuditFilter, AuditList,
    AuditLog, AuditReport, AuditRow, AuditShown, ProofStatus, Timeline, TimelinePoint, TimelineRow,
    Volume, VolumeBar,
};
pub use consents::{ConsentForm, ConsentPreview, ConsentShown, Consents, EffectShown, RuleShown};
pub use reviews::{Review, ReviewPart, Reviews};

/// What stands in every form: who may send it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent: a path with its query, such as `/auth/approve?tx=…`.
    pub action: String,
    /// The hidden field `csrf`.
    pub csrf: String,
    /// Where the answer to this form may lead outside this server: the redirect URI of the app that waits, or an upstream
    /// provider's authorization endpoint. Browsers hold `form-action` against redirects too, so the page's policy names it.
    pub leads_to: Option<String>,
    /// Origins of an EHR that may show this page within its own. Empty: nobody may (S30).
    pub framed_by: Vec<String>,
}

impl Form {
    /// A form whose answer stays on this server.
    pub fn new(action: impl Into<String>, csrf: impl Into<String>) -> Form {
        Form {
            action: action.into(),
            csrf: csrf.into(),
            leads_to: None,
            framed_by: Vec::new(),
        }
    }

    /// The same form, on a page that an EHR of these origins may show within its own.
    pub fn framed_by(self, origins: &[String]) -> Form {
        Form {
            framed_by: origins.to_vec(),
            ..self
        }
    }

    /// The same form, whose answer may lead to `uri`.
    pub fn leading_to(self, uri: Option<String>) -> Form {
        Form {
            leads_to: uri,
            ..self
        }
    }
}

/// Who is signed in, for the head of a page and its navigation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    /// Sees the registry of clients and the accounts too.
    pub administers: bool,
    /// Works here, and sets up shared computers.
    pub is_staff: bool,
    /// May open records in an emergency.
    pub breaks_glass: bool,
    /// Has a record of their own here, and says who may see it.
    pub is_patient: bool,
    /// Looks after consents and accesses.
    pub reviews: bool,
    /// Reads the audit log.
    pub audits: bool,
}

#[derive(Clone, Debug)]
pub enum Page {
    SignIn(SignIn),
    Invitation(Invitation),
    SecondFactor(SecondFactor),
    EnrolTotp(EnrolTotp),
    RecoveryCodes(RecoveryCodes),
    Factors(Factors),
    ChoosePatient(ChoosePatient),
    Approve(Approve),
    Apps(Apps),
    Sessions(Sessions),
    Developer(Developer),
    Clients(Clients),
    Client(ClientDetail),
    Confirm(Confirm),
    Accounts(Accounts),
    Computers(Computers),
    BreakGlass(BreakGlass),
    Consents(Consents),
    ConsentForm(ConsentForm),
    ConsentPreview(ConsentPreview),
    Reviews(Reviews),
    AuditLog(Box<AuditLog>),
    AccessReviews(AccessReviews),
    AccessReview(Box<AccessReviewShown>),
    Message(Message),
}

/// User name and password, a passkey, or another provider. One text for every failure (C22).
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Fields `username`, `password`.
    pub form: Form,
    /// What was typed before, so that it need not be typed again.
    pub username: String,
    pub error: Option<String>,
    /// Whose server it is.
    pub organization: String,
    /// The app that waits for the sign-in.
    pub app: Option<String>,
    /// Challenge for a passkey, base64url: the script posts the field `passkey` (JSON of the assertion) to the same form.
    pub passkey_challenge: Option<String>,
    pub rp_id: String,
    /// Names and links of upstream providers.
    pub upstream: Vec<(String, String)>,
    /// `false`: the fields for user name and password are left out.
    pub takes_password: bool,
    /// Field `shared`: several people use this computer, so the session locks soon and ends the one before.
    pub shared: bool,
    /// Name of the shared computer that this browser is: then there is no field `shared`.
    pub computer: Option<String>,
}

/// A new account's first page: a passkey (field `passkey`), or a password (fields `password`, `again`).
#[derive(Clone, Debug)]
pub struct Invitation {
    pub form: Form,
    pub username: String,
    pub name: String,
    pub error: Option<String>,
    /// base64url
    pub passkey_challenge: String,
    pub rp_id: String,
    /// base64url
    pub user_handle: String,
}

/// Field `code`: six digits, or a recovery code.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    pub form: Form,
    pub error: Option<String>,
    /// Where there are passkeys, as in [`SignIn`].
    pub passkey_challenge: Option<String>,
    pub rp_id: String,
    pub has_totp: bool,
    /// `false`: only a passkey is sure enough.
    pub takes_code: bool,
    /// What there is to do then, beside using one; field `decision` = `back`: to the app, without.
    pub only_passkey: Option<OnlyPasskey>,
}

/// Nobody is left at a page that asks for what they do not have.
#[derive(Clone, Debug)]
pub struct OnlyPasskey {
    /// The app that asks for a passkey; `None`: nobody does.
    pub app: Option<String>,
    /// There is one that could be used.
    pub has_one: bool,
    /// Where one is added; `None`: this server is addressed by number, for which there are none.
    pub add: Option<String>,
    /// Where it goes on when nobody asks for more.
    pub onward: String,
}

/// A new secret to be put into an authenticator app; field `code` proves that it was.
#[derive(Clone)]
pub struct EnrolTotp {
    pub form: Form,
    /// Base32 in groups of four.
    pub secret: String,
    /// `otpauth://…`
    pub uri: String,
    pub error: Option<String>,
}

/// Shown once; the form confirms that they are kept.
#[derive(Clone)]
pub struct RecoveryCodes {
    pub form: Form,
    pub codes: Vec<String>,
}

/// One's own factors: passkeys to add (fields `passkey`, `label`) and remove (field `remove`), a new TOTP secret and new
/// recovery codes (field `decision` = `totp`, `recovery-codes`).
#[derive(Clone, Debug)]
pub struct Factors {
    pub form: Form,
    pub person: Person,
    pub username: String,
    pub has_totp: bool,
    pub recovery_codes_left: usize,
    /// Id for `remove`, name, when it was added.
    pub passkeys: Vec<(String, String, String)>,
    pub passkey_challenge: String,
    pub rp_id: String,
    /// base64url
    pub user_handle: String,
    pub notice: Option<String>,
}

/// Field `patient` is the logical id chosen; `name` searches. Patients come in the order of their names, a page at a time.
#[derive(Clone, Debug)]
pub struct ChoosePatient {
    pub form: Form,
    pub app: String,
    pub searched: String,
    pub patients: Vec<PatientChoice>,
    /// `false`: there are too many to list all of them, and nothing was searched for.
    pub is_listed: bool,
    /// Where the pages before and after this one are.
    pub previous: Option<String>,
    pub next: Option<String>,
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct PatientChoice {
    pub id: String,
    pub name: String,
    pub birth_date: String,
    /// Medical record number or another identifier.
    pub identifier: String,
}

/// What an app asks for, in plain words. Fields: `scope` (repeated; what stays), `decision` (`approve` or `deny`).
#[derive(Clone, Debug)]
pub struct Approve {
    pub form: Form,
    pub app: AppShown,
    pub user: String,
    /// Name of the patient whose record it is about.
    pub patient: Option<String>,
    pub asked: Vec<Asked>,
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct AppShown {
    pub name: String,
    /// Who answers for the app.
    pub owner: String,
    pub contact: String,
    /// Where the answer is sent: host of the redirect URI.
    pub host: String,
    /// Whether an administrator of this server has checked who the owner is.
    pub verified: bool,
    pub registered: String,
}

/// One thing that an app asks for, to be allowed, dropped, or narrowed.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The value of the check box: the scope as it was asked for.
    pub scope: String,
    /// `Read your laboratory results, vital signs and other observations`
    pub words: String,
    /// More about it, in one sentence.
    pub detail: String,
    /// Cannot be dropped without dropping all (`openid`).
    pub fixed: bool,
    /// Access while nobody is there (`offline_access`): to be heeded more than the rest.
    pub away: bool,
    /// Narrower scopes that may be granted in its place: scope and words. Empty: none are offered (S34).
    pub parts: Vec<(String, String)>,
}

/// Apps that act for the person: each may be revoked (fields `grant`, `decision` = `revoke`).
#[derive(Clone, Debug)]
pub struct Apps {
    pub form: Form,
    pub person: Person,
    pub apps: Vec<AppGrant>,
    pub notice: Option<String>,
}

#[derive(Clone, Debug)]
pub struct AppGrant {
    pub grant: String,
    pub name: String,
    pub owner: String,
    pub patient: Option<String>,
    /// Plain words, one for each scope.
    pub may: Vec<String>,
    pub approved: String,
    pub last_used: Option<String>,
    pub offline: bool,
}

/// Where the person is signed in; fields `session`, `decision` = `end` or `end-others`; or `browser`, `decision` =
/// `forget-browser`.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub form: Form,
    pub person: Person,
    pub sessions: Vec<SessionShown>,
    /// In which the person has signed in with two factors.
    pub browsers: Vec<BrowserShown>,
    pub notice: Option<String>,
}

#[derive(Clone, Debug)]
pub struct SessionShown {
    pub id: String,
    pub this_one: bool,
    pub workstation: String,
    pub begun: String,
    pub last_used: String,
    /// How it was signed in: `passkey`, `password and code`.
    pub how: String,
}

#[derive(Clone, Debug)]
pub struct BrowserShown {
    pub id: String,
    pub this_one: bool,
    pub name: String,
    /// Days of the first and of the last sign-in with two factors.
    pub since: String,
    pub last_used: String,
}

/// Fields as in RFC 7591: `client_name`, `kind` (`public`, `confidential`, `system`), `redirect_uris` (one a line), `scope`, `purpose_of_use`,
/// `jwks_uri`, `jwks`,
/// `contacts`, `owner`, `purpose`, `client_uri`, `launch_uri`.
#[derive(Clone, Debug)]
pub struct Developer {
    pub form: Form,
    /// Whoever is signed in, if anybody is.
    pub person: Option<Person>,
    /// What was typed before, by field.
    pub typed: Vec<(String, String)>,
    /// Field and what is wrong with it.
    pub errors: Vec<(String, String)>,
    /// The new client: its id, its secret (shown once), and what comes next.
    pub registered: Option<Registered>,
}

#[derive(Clone)]
pub struct Registered {
    pub client_id: String,
    pub client_secret: Option<String>,
    pub state: String,
}

/// The registry of clients; field `decision` = `replace-keys`: of this server, when somebody else may know one (X63).
#[derive(Clone, Debug)]
pub struct Clients {
    pub form: Form,
    pub person: Person,
    pub clients: Vec<ClientRow>,
    pub notice: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ClientRow {
    /// Where its page is.
    pub link: String,
    pub client_id: String,
    pub name: String,
    pub owner: String,
    pub kind: String,
    /// `active`, `suspended`, [`ClientRow::PENDING`], [`ClientRow::DUE`].
    pub state: String,
    pub last_used: Option<String>,
}

impl ClientRow {
    pub const PENDING: &str = "pending";
    pub const DUE: &str = "review is due";

    /// Waits for an administrator.
    pub fn waits(&self) -> bool {
        [Self::PENDING, Self::DUE].contains(&self.state.as_str())
    }
}

/// One client; field `decision` = `approve`, `suspend`, `resume`, `remove`, `may-launch`, `may-not-launch`, `new-secret`; `limits` with
/// the fields of [`Limits`]; or the word of one of its parts with the fields of that.
#[derive(Clone)]
pub struct ClientDetail {
    pub form: Form,
    pub person: Person,
    pub row: ClientRow,
    /// Label and value, in the order to be shown.
    pub facts: Vec<(String, String)>,
    pub limits: Limits,
    pub parts: Vec<PartShown>,
    /// Decision and its words.
    pub decisions: Vec<(String, String)>,
    pub notice: Option<String>,
    /// A new secret, shown once.
    pub secret: Option<String>,
}

/// What of a registration is set together, by one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientPart {
    /// Who answers for it and what it is for: `client_name`, `owner`, `purpose`, `contacts`, `client_uri`, `review_due` (a day).
    About,
    /// `scope`, `purpose_of_use`, `organization`, `clearance`; of apps `redirect_uris`, `launch_uri`, `approved_for_staff`; of systems `sees_labels`, `acts_for_user`, `role` (repeated),
    /// `acts_for_patient`; where it can prove itself `may_introspect`; of an EHR `frame_origins`.
    Rights,
    /// `token_endpoint_auth_method`, `jwks_uri`, `jwks`, `tokens_bound_to`, `require_par`, `fapi2`, `id_token_signed_response_alg`.
    Proof,
}

impl ClientPart {
    pub const ALL: [ClientPart; 3] = [ClientPart::About, ClientPart::Rights, ClientPart::Proof];

    /// The value of `decision`.
    pub fn word(self) -> &'static str {
        match self {
            ClientPart::About => "about",
            ClientPart::Rights => "rights",
            ClientPart::Proof => "proof",
        }
    }
}

/// A part with what its fields hold. A field that is not among the values is none of this client's.
#[derive(Clone, Debug)]
pub struct PartShown {
    pub part: ClientPart,
    /// By field; one that holds several things comes several times, one that holds none with an empty text.
    pub values: Vec<(String, String)>,
    /// Field and what is wrong with it.
    pub errors: Vec<(String, String)>,
    /// Of fields that are chosen from a list: field, value, words.
    pub offered: Vec<(String, String, String)>,
}

/// Whether an administrator means what cannot be undone: the form is sent again with the field `sure` = `yes`.
#[derive(Clone, Debug)]
pub struct Confirm {
    pub form: Form,
    pub person: Person,
    pub question: String,
    /// What is lost.
    pub text: String,
    /// Decision and its words.
    pub decision: (String, String),
    /// Where nothing is changed.
    pub back: String,
}

/// Fields `requests_per_minute`, `patients_per_hour`, and for clients with a server of their own `addresses` (one a line) and
/// `certificate`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// By field.
    pub values: Vec<(String, String)>,
    /// Field and what is wrong with it.
    pub errors: Vec<(String, String)>,
    /// What holds for clients without a budget of their own.
    pub requests_of_installation: String,
    pub patients_of_installation: String,
    /// Whether there are fields for addresses and a certificate.
    pub binds: bool,
}

/// People's accounts; fields of the form for a new one: `decision` = `add`, `username`, `name`, `fhir_user`, `role`
/// (repeated); for one that is there: `username` and `decision`, one of its row's; to link one with a person of the upstream
/// provider: `decision` = `link`, `username`, `upstream_person`.
#[derive(Clone)]
pub struct Accounts {
    pub form: Form,
    pub person: Person,
    /// In the order in which they were added.
    pub accounts: Vec<AccountRow>,
    /// Field `find` of the search form: the user name that was looked for.
    pub sought: String,
    /// Links to where the list begins, when this is not there, and to where it goes on.
    pub first: Option<String>,
    pub next: Option<String>,
    pub roles: Vec<(String, String)>,
    pub error: Option<String>,
    /// A new account's link for its first sign-in, shown once.
    pub invitation: Option<String>,
    /// Name of the upstream provider.
    pub upstream: Option<String>,
}

#[derive(Clone, Debug)]
pub struct AccountRow {
    pub username: String,
    pub name: String,
    pub fhir_user: String,
    pub roles: String,
    pub factors: String,
    pub state: String,
    pub last_sign_in: Option<String>,
    /// Decision and its words.
    pub decisions: Vec<(String, String)>,
}

/// Shared computers, for staff; fields `name`: this browser is one from now on; `remove`: the id of one that no longer is.
#[derive(Clone, Debug)]
pub struct Computers {
    pub form: Form,
    pub person: Person,
    /// Name of the one that this browser is.
    pub here: Option<String>,
    /// Those that the person may remove.
    pub computers: Vec<ComputerRow>,
    /// What was typed before.
    pub typed: String,
    pub notice: Option<String>,
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ComputerRow {
    pub id: String,
    pub name: String,
    /// User name.
    pub set_up_by: String,
    /// Days.
    pub set_up: String,
    pub last_used: String,
}

/// One patient's record is opened in an emergency; fields `patient` (logical id), `reason_code`, `reason`; `end`: the id of one that is open.
#[derive(Clone, Debug)]
pub struct BreakGlass {
    pub form: Form,
    pub person: Person,
    /// As it was sent.
    pub patient: String,
    /// Where the person sees who that is.
    pub patient_name: Option<String>,
    /// Code and words of the usual reasons.
    pub reasons: Vec<(String, String)>,
    /// As they were sent.
    pub reason_code: String,
    pub reason: String,
    /// How long it lasts.
    pub minutes: u32,
    /// Field and what is wrong with it.
    pub errors: Vec<(String, String)>,
    pub notice: Option<String>,
    /// What is open to the person in this way.
    pub grants: Vec<GlassRow>,
}

#[derive(Clone, Debug)]
pub struct GlassRow {
    pub id: String,
    /// Logical id.
    pub patient: String,
    /// A moment.
    pub until: String,
    /// In the session of this browser.
    pub here: bool,
}

/// One thing to say: that something is done, or what went wrong and what to do.
#[derive(Clone, Debug)]
pub struct Message {
    pub title: String,
    pub text: String,
    pub is_error: bool,
    /// Text and target.
    pub link: Option<(String, String)>,
}
