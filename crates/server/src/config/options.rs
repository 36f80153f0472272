//! Every option with its default and its meaning: what `ward check-config` prints and the guide is made from.

/// One option: `section.key`, default as TOML, meaning.
pub struct OptionRow {
    pub name: &'static str,
    pub default: &'static str,
    pub meaning: &'static str,
}

const fn row(name: &'static str, default: &'static str, meaning: &'static str) -> OptionRow {
    OptionRow {
        name,
        default,
        meaning,
    }
}

pub const OPTIONS: &[OptionRow] = &[
    row(
        "server.listen",
        "\"127.0.0.1:8080\"",
        "Address and port of the FHIR listener. Without TLS only loopback addresses are taken.",
    ),
    row(
        "server.base_url",
        "\"\"",
        "Service base URL as clients see it; empty: <listen>/fhir, with https when TLS is on. Needed when server.listen stands for every address.",
    ),
    row(
        "server.metrics_listen",
        "\"off\"",
        "Loopback address of the Prometheus listener (/metrics), or \"off\".",
    ),
    row("server.workers", "0", "Worker threads; 0: one per core."),
    row(
        "server.keep_alive_s",
        "75",
        "Seconds an idle connection is kept.",
    ),
    row(
        "server.request_head_timeout_s",
        "10",
        "Seconds a client has to send the head of a request.",
    ),
    row(
        "server.drain_s",
        "0",
        "Seconds from a stop signal, when /health/ready turns 503, until listening ends: longer than a load balancer's check takes to notice. 0 where none is in front.",
    ),
    row(
        "server.shutdown_timeout_s",
        "20",
        "Seconds that open requests have at shutdown, once listening has ended.",
    ),
    row("server.connections_max", "10000", "Connections per worker."),
    row(
        "tls.certificate_file",
        "\"\"",
        "PEM file with the certificate of this server and those that lead to its authority; empty: no TLS. Read again when it changes.",
    ),
    row(
        "tls.key_file",
        "\"\"",
        "PEM file with the private key of that certificate. Read again when it changes.",
    ),
    row(
        "tls.client_ca_file",
        "\"\"",
        "PEM file with the authorities of client certificates; empty: clients are not asked for one. A client may come without.",
    ),
    row(
        "tls.development",
        "false",
        "TLS with a certificate of an authority that is made in the data folder (what --tls dev does); never for patients' data.",
    ),
    row(
        "tls.hsts_max_age_s",
        "31536000",
        "Seconds for which browsers shall use nothing but TLS (Strict-Transport-Security); 0: they are not told. Not sent in development.",
    ),
    row(
        "egress.ports",
        "[443, 8443]",
        "Ports that URLs of clients (jwks_uri and the like) may name.",
    ),
    row(
        "egress.loopback_http",
        "false",
        "Development: URLs of clients may also be http, and of any port, on this machine.",
    ),
    row(
        "store.data",
        "\"ward-data\"",
        "Folder of the embedded store, the audit log and the key file.",
    ),
    row(
        "store.database",
        "\"\"",
        "postgres:// URL; empty: the embedded SQLite store in the data folder.",
    ),
    row(
        "store.statement_timeout_ms",
        "30000",
        "Milliseconds after which a statement is cancelled.",
    ),
    row(
        "keys.master_file",
        "\"\"",
        "File with the master key (32 bytes, base64, mode 0600); empty: master.key in the data folder, created when absent.",
    ),
    row(
        "keys.master_environment",
        "\"\"",
        "Name of an environment variable with the master key; wins over the file.",
    ),
    row(
        "keys.master_command",
        "[]",
        "Program and arguments that print the master key; wins over both.",
    ),
    row(
        "search.full_text",
        "[]",
        "Resource types whose resources are indexed by their words, so that _text and _content of them are answered by the index: [\"Patient\", \"Condition\"]. The same on every node, or they undo each other's work. What is stored is brought up to it in the background (docs/guide/search.md).",
    ),
    row(
        "limits.body_bytes_max",
        "67108864",
        "Bytes of a request body, also after decompression (413).",
    ),
    row(
        "limits.page_entries_default",
        "20",
        "Entries of a search or history page when _count is absent.",
    ),
    row(
        "limits.page_entries_max",
        "1000",
        "Largest _count; larger ones are cut to it.",
    ),
    row(
        "limits.bundle_entries_max",
        "10000",
        "Entries of a batch or transaction (413).",
    ),
    row(
        "limits.bundle_answer_bytes_max",
        "268435456",
        "Bytes of the answers to a batch (further entries are refused, 422) or to the reads of a transaction (it fails, 422).",
    ),
    row(
        "limits.transaction_reads_max",
        "100",
        "GET and HEAD entries of a transaction that also writes (413).",
    ),
    row(
        "limits.body_part_timeout_s",
        "30",
        "Seconds until the next part of a request body must come (400).",
    ),
    row(
        "limits.page_link_lifetime_s",
        "86400",
        "Seconds for which the links of a page (next, previous) may be followed (400 afterwards).",
    ),
    row(
        "limits.rows_examined_max",
        "20000",
        "Resources that one search looks at for what no index decides (_content of types that are not in search.full_text, :text and the like) before it is refused (400).",
    ),
    row(
        "limits.costly_searches_per_client_max",
        "8",
        "Searches that no index bounds (_content, :contains, a sort that no index has and the like) under way at once for one client, half as many for one person who uses it (429 with Retry-After).",
    ),
    row(
        "limits.everything_entries_max",
        "1000",
        "Resources in one page of $everything.",
    ),
    row(
        "limits.write_attempts_max",
        "8",
        "How often a write that met a concurrent one is evaluated again before 409.",
    ),
    row(
        "rates.client_per_minute",
        "1200000",
        "Units of cost that one client may spend in a minute (429 with Retry-After beyond; each node counts by itself): a read costs 1, a write 5, a search 10, a system-wide search 20, a Bundle 50 and 1 for each KiB, a request to the authorization server in which it proves who it is 10. 0: no limit. A client's own budget takes its place.",
    ),
    row(
        "rates.user_per_minute",
        "600000",
        "The same for one user, whichever clients they use. 0: no limit.",
    ),
    row(
        "rates.address_per_minute",
        "0",
        "The same for one address (of IPv6 the /64). 0: no limit, as behind a proxy, where all come from one.",
    ),
    row(
        "rates.unauthenticated_per_minute",
        "120000",
        "Units of cost that one address (of IPv6 the /64) may spend in a minute at the endpoints of the authorization server where no client proves who it is: a page, a form or a request in a public client's name costs 10, a published document 1. A sign-in with consent takes about 80, so that 1,500 people can sign in from behind one address in each minute. 0: no limit.",
    ),
    row(
        "rates.failures_per_minute",
        "600",
        "Requests without a token that will do that one address may send in a minute; those with one are not held up by them. 0: no limit.",
    ),
    row(
        "rates.patients_per_hour",
        "0",
        "Patients of whom records may leave to one client within an hour of the clock (429 with Retry-After beyond), over all processes that share the database. Those that the client has seen in this hour stay open to it. 0: no limit. A client's own budget takes its place (docs/guide/signing-in.md).",
    ),
    row(
        "shifts.from_practitioner_role",
        "true",
        "Whether practitioners whose account names no role have those of their active PractitionerRoles, while on duty. Whoever may write PractitionerRole decides then who has which role.",
    ),
    row(
        "shifts.grace_minutes",
        "15",
        "Minutes after a shift for which its roles still hold, to hand over; at most 240.",
    ),
    row(
        "shifts.time_zone",
        "\"UTC\"",
        "What hours of the rota are told in: a name of the IANA database (Europe/Berlin) where the system has it, or a POSIX rule (CET-1CEST,M3.5.0,M10.5.0/3).",
    ),
    row(
        "shifts.role_codes",
        "[]",
        "Which role a PractitionerRole.code stands for, beside the codes doctor, nurse and pharmacist of R4; each is a system, a vertical bar, a code, = and the role (docs/guide/roles.md).",
    ),
    row(
        "shifts.bound_roles",
        "[]",
        "Roles that hold on duty only, by a PractitionerRole, also when an account names them: [\"nurse\"].",
    ),
    row(
        "consent.default",
        "\"permit_tpo\"",
        "What holds where no consent of a patient says anything: permit_tpo (treatment, payment and operations) or deny.",
    ),
    row(
        "consent.organization",
        "\"\"",
        "The Organization of this store that runs this server, e.g. Organization/h1: it keeps every resource that does not say otherwise, and people and clients of whom no organization is known belong to it. Empty: one that no consent can name. What its people see is no disclosure; what those of others see is.",
    ),
    row(
        "consent.default_purpose",
        "\"HOPERAT\"",
        "Purpose of use of callers of whom none is known: services that are registered for none and assert none. Empty: none, so that they see only what needs none.",
    ),
    row(
        "consent.verified_only",
        "false",
        "Whether of a Consent that nobody has verified only what it denies counts.",
    ),
    row(
        "consent.custodian_exemption",
        "true",
        "Whether those who treat a patient in the organization that keeps the record still see it when the patient opts out of sharing.",
    ),
    row(
        "consent.break_glass",
        "\"defaults\"",
        "How far breaking the glass reaches: defaults (what nobody but this server's defaults denies), opt_out (a patient's opt-out from sharing, too) or everything (whatever a patient denies, too).",
    ),
    row(
        "consent.starter_labels",
        "true",
        "Whether the rules of labels that Ward brings hold (docs/guide/labels.md).",
    ),
    row(
        "consent.label_files",
        "[]",
        "Files with further rules of labels, in order: a label or a rule takes the place of the one with its name before it. Every mistake is told at the start, with its line. Value sets are those of the R4 package.",
    ),
    row(
        "consent.staff_names_to_patients",
        "true",
        "Whether patients are told by name who of the staff saw their record ($access-report, $disclosures, AuditEvents); else by role and app.",
    ),
    row(
        "smart.open_registration",
        "false",
        "Whether anybody may ask for the registration of an app at /auth/register (RFC 7591). What is registered so waits for approval.",
    ),
    row(
        "smart.break_glass_minutes",
        "60",
        "How long a record stays open to whoever breaks the glass of it in an emergency, from 1 to 60: docs/guide/break-glass.md.",
    ),
    row(
        "smart.issuer_as_assertion_audience",
        "false",
        "Take the issuer as aud of client assertions, beside the URL of the endpoint they are sent to. FAPI 2.0 clients name it without this, and nothing else.",
    ),
    row(
        "smart.further_assertion_algorithms",
        "[]",
        "Signatures of client assertions beside RS384 and ES384: RS256, PS256, ES256, EdDSA. FAPI 2.0 clients have PS256, ES256 and EdDSA without it, and nothing else.",
    ),
    row(
        "upstream.issuer",
        "\"\"",
        "The OpenID provider that people may sign in with: the https:// URL that its discovery document names as its issuer; empty: none. See docs/guide/upstream.md.",
    ),
    row(
        "upstream.name",
        "\"\"",
        "As the sign-in page names it: \"Sign in with NAME\".",
    ),
    row(
        "upstream.client_id",
        "\"\"",
        "What this server is registered as there, with the redirect URI <origin>/auth/upstream.",
    ),
    row(
        "upstream.secret_file",
        "\"\"",
        "File with the client's secret (one line, mode 0600).",
    ),
    row(
        "upstream.secret_environment",
        "\"\"",
        "Name of an environment variable with the secret, in place of the file.",
    ),
    row(
        "upstream.scopes",
        "[\"profile\"]",
        "Scopes that are asked for beside openid.",
    ),
    row(
        "upstream.acr_values",
        "[]",
        "How people should sign in there (acr_values), such as what stands for two factors.",
    ),
    row(
        "upstream.parameters",
        "{}",
        "Further parameters of the authorization request, e.g. { aud = \"https://other.example/fhir\" } where the provider is a SMART server.",
    ),
    row(
        "upstream.person_claim",
        "\"sub\"",
        "Claim of the id_token that tells people apart. Only one whose values are never given to another person.",
    ),
    row(
        "upstream.name_claim",
        "\"name\"",
        "Claim that says how pages greet the person.",
    ),
    row(
        "upstream.fhir_user_claim",
        "\"\"",
        "Claim that says who the person is in the records, e.g. Practitioner/123; empty: an administrator says it here. It must not be one that people can change themselves.",
    ),
    row(
        "upstream.fhir_user_prefix",
        "\"\"",
        "What stands before the reference in that claim, e.g. https://other.example/fhir/.",
    ),
    row(
        "upstream.roles_claim",
        "\"\"",
        "Claim with the person's roles or groups, or the path to it (realm_access.roles); empty: an administrator gives roles here.",
    ),
    row(
        "upstream.roles",
        "{}",
        "Which of its values gives which role here, e.g. { ward-doctors = \"physician\" }. They replace the person's roles at each sign-in; other values give nothing.",
    ),
    row(
        "upstream.two_factor_acr",
        "[]",
        "Values of acr that say that the provider has seen two factors.",
    ),
    row(
        "upstream.two_factor_amr",
        "[\"mfa\"]",
        "Values of amr of which one says the same. Whoever comes with neither is asked for a second factor of this server's.",
    ),
    row(
        "upstream.unknown_people",
        "\"refuse\"",
        "Whoever signs in and has no account here: refuse, or create one.",
    ),
    row(
        "upstream.local_password",
        "true",
        "Whether the sign-in page still takes passwords of this server. Passkeys are taken in any case.",
    ),
    row(
        "upstream.private_hosts",
        "[]",
        "Hosts of the provider, with a port where it is not 443, that may have private addresses, e.g. [\"id.hospital.internal\"].",
    ),
    row(
        "upstream.ca_file",
        "\"\"",
        "PEM file with further authorities for the provider's certificate.",
    ),
    row(
        "organization.name",
        "\"Ward\"",
        "Who runs this server, as people see it where they sign in, and as apps list it (user-access brands).",
    ),
    row(
        "organization.website",
        "\"\"",
        "URL of the organization; empty: the origin of the service base URL.",
    ),
    row(
        "organization.portal",
        "\"\"",
        "URL of the portal where people sign in and find help; empty: the website.",
    ),
    row(
        "style.color_background",
        "\"#ffffff\"",
        "How apps that are launched should look (smart_style_url): background.",
    ),
    row("style.color_error", "\"#b3261e\"", "The same: errors."),
    row(
        "style.color_highlight",
        "\"#0b57d0\"",
        "The same: what is active.",
    ),
    row(
        "style.color_modal_backdrop",
        "\"#1f1f1f\"",
        "The same: behind what is in front.",
    ),
    row("style.color_success", "\"#146c2e\"", "The same: success."),
    row("style.color_text", "\"#1f1f1f\"", "The same: text."),
    row("style.dim_border_radius", "\"6px\"", "The same: corners."),
    row("style.dim_font_size", "\"16px\"", "The same: size of text."),
    row(
        "style.dim_spacing_size",
        "\"16px\"",
        "The same: space between things.",
    ),
    row(
        "style.font_family_body",
        "\"system-ui, sans-serif\"",
        "The same: font of text.",
    ),
    row(
        "style.font_family_heading",
        "\"system-ui, sans-serif\"",
        "The same: font of headings.",
    ),
    row(
        "integrity.reference_check",
        "\"transaction\"",
        "When literal references must resolve: never, transaction (inside transactions), always.",
    ),
    row(
        "integrity.delete_check",
        "true",
        "Refuse to delete what other resources refer to (409).",
    ),
    row(
        "integrity.conditional_delete_max",
        "1",
        "Resources one conditional delete may remove; 1 is 'single'.",
    ),
    row(
        "audit.origin",
        "\"\"",
        "Which audit log this is, and the name of its keys; empty: the host of the base URL and /ward/audit. A log that has a key keeps the name that it has.",
    ),
    row(
        "audit.anchor_folder",
        "\"\"",
        "Folder into which checkpoints of the audit log are appended, a file for each day; best on a disk of somebody else. Empty: none.",
    ),
    row(
        "audit.anchor_interval_s",
        "60",
        "Seconds between two checkpoints there.",
    ),
    row(
        "audit.witnesses",
        "[]",
        "Witnesses that sign checkpoints (c2sp.org/tlog-witness), each as its key, a space and its URL: [\"witness.example/w1+1a2b3c4d+BG… https://witness.example\"].",
    ),
    row(
        "audit.witness_interval_s",
        "600",
        "Seconds between two checkpoints that each witness is shown.",
    ),
    row(
        "audit.witnessed_logs",
        "[]",
        "Keys of audit logs of others that are signed here when they ask (POST /witness/add-checkpoint).",
    ),
    row(
        "audit.retention_years",
        "6",
        "Years after which records of the audit log are taken out of it, at least 6; 0: never (docs/guide/auditing.md#retention).",
    ),
    row(
        "audit.retention_rules",
        "[]",
        "Records that are kept longer or less long; the first rule that is met decides: interaction, subtype and outcome as in the event, and years or forever: [\"capabilities 1\", \"read/audit-log 10\", \"* serious forever\"].",
    ),
    row(
        "audit.retention_hold",
        "[]",
        "Whose records are not taken out by their age: [\"Patient/1\", \"Practitioner/2\", \"client:lab\"].",
    ),
    row(
        "audit_feed.syslog_listen",
        "\"\"",
        "Address and port where other systems send audit messages by syslog over TLS (docs/guide/audit-feed.md); empty: nowhere. Its certificate is that of tls.certificate_file.",
    ),
    row(
        "audit_feed.syslog_clients",
        "\"\"",
        "PEM file with the authorities of their certificates: nobody is taken without one.",
    ),
    row(
        "audit_feed.syslog_to",
        "[]",
        "Collectors that get every AuditEvent by syslog over TLS: [\"siem.example:6514\"].",
    ),
    row(
        "audit_feed.otlp_to",
        "[]",
        "Collectors of OpenTelemetry that get every AuditEvent as a log record: [\"https://otel.example:4318/v1/logs\"]; http on this machine alone.",
    ),
    row(
        "audit_feed.authorities",
        "\"\"",
        "PEM file with the authorities of the collectors' certificates. syslog_to needs it; for otlp_to, empty: those of this machine.",
    ),
    row(
        "audit_feed.certificate_file",
        "\"\"",
        "PEM file with the certificate that this server shows to collectors; empty: none.",
    ),
    row("audit_feed.key_file", "\"\"", "PEM file with its key."),
    row(
        "log.filter",
        "\"info,actix_server=warn\"",
        "Log filter, e.g. \"info,ward_storage=debug\". Logs never hold stored values.",
    ),
    row("log.format", "\"text\"", "text or json."),
];
