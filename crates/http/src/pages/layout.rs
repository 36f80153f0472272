//! What every page has around it: the head, a link past the navigation, the bar with the name, and the foot.

use super::attribute as a;
use super::files;
use super::html::{Html, Target};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::Person;

/// How a page is laid out.
#[derive(Clone, Copy)]
pub enum Frame<'a> {
    /// One step of a way that one goes through: a single column.
    Step,
    /// A place of its own: with navigation, for whoever is signed in.
    Place { person: &'a Person, here: Endpoint },
    /// A place that is open to those who are not signed in.
    OpenPlace,
}

/// A whole page. `title` is its heading and, with the product's name, the title of the window.
pub fn page(frame: Frame<'_>, title: &str, body: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    html.element(tag::HTML, &[a::lang("en")], |html| {
        html.element(tag::HEAD, &[], |html| head(html, title));
        html.element(tag::BODY, &[a::class(frame.class())], |html| {
            html.line(
                tag::A,
                &[a::class("skip"), a::href(Target::fragment("#main"))],
                "Skip to the main part",
            );
            html.element(tag::HEADER, &[a::class("bar")], |html| bar(html, frame));
            html.element(tag::MAIN, &[a::id("main"), a::tabindex("-1")], |html| {
                html.line(tag::H1, &[], title);
                body(html);
            });
            html.element(tag::FOOTER, &[], |html| html.text(FOOT));
        });
    });
    html.into_document()
}

impl Frame<'_> {
    fn class(self) -> &'static str {
        match self {
            Frame::Step => "step",
            Frame::Place { .. } | Frame::OpenPlace => "place",
        }
    }
}

fn head(html: &mut Html, title: &str) {
    html.void(tag::META, &[a::charset("utf-8")]);
    html.void(
        tag::META,
        &[
            a::name("viewport"),
            a::content("width=device-width, initial-scale=1"),
        ],
    );
    html.void(
        tag::META,
        &[a::name("color-scheme"), a::content("light dark")],
    );
    html.line(tag::TITLE, &[], &format!("{title} · Ward"));
    html.void(
        tag::LINK,
        &[a::rel("stylesheet"), a::style_sheet(&files::STYLE)],
    );
    html.element(
        tag::SCRIPT,
        &[a::source(&files::PASSKEY), a::defer()],
        |_| {},
    );
}

fn bar(html: &mut Html, frame: Frame<'_>) {
    html.element(tag::SPAN, &[a::class("brand")], |html| {
        mark(html);
        html.text("Ward");
    });
    if let Frame::Place { person, here } = frame {
        html.element(tag::NAV, &[a::label("Your account")], |html| {
            html.element(tag::UL, &[], |html| places(html, person, here));
        });
        html.element(
            tag::FORM,
            &[
                a::class("person"),
                a::method("post"),
                a::action(Target::path(Endpoint::SignOut.path())),
            ],
            |html| {
                html.line(tag::BDI, &[a::class("who")], &person.name);
                html.line(
                    tag::BUTTON,
                    &[a::kind("submit"), a::class("quiet")],
                    "Sign out",
                );
            },
        );
    }
}

fn places(html: &mut Html, person: &Person, here: Endpoint) {
    let shown = PLACES.iter().filter(|place| place.is_for.includes(person));
    for place in shown {
        let path = Target::path(place.endpoint.path());
        html.element(tag::LI, &[], |html| {
            if place.endpoint == here {
                html.line(tag::A, &[a::href(path), a::current("page")], place.name);
            } else {
                html.line(tag::A, &[a::href(path)], place.name);
            }
        });
    }
}

/// A keyhole whose upper part is a cross: the ward of a hospital, and the ward of a lock.
fn mark(html: &mut Html) {
    let svg = [
        a::class("mark"),
        a::view_box("0 0 24 24"),
        a::hidden_from_readers("true"),
    ];
    html.element(tag::SVG, &svg, |html| {
        html.element(
            tag::RECT,
            &[a::width("24"), a::height("24"), a::rx("6")],
            |_| {},
        );
        html.element(tag::PATH, &[a::d(MARK)], |_| {});
    });
}

struct Place {
    endpoint: Endpoint,
    name: &'static str,
    is_for: Audience,
}

/// Who sees a place named.
#[derive(Clone, Copy)]
enum Audience {
    Everybody,
    Patients,
    PrivacyOfficers,
    /// Who reads the audit log.
    Auditors,
    Staff,
    /// Whose role may break the glass.
    Emergency,
    Administrators,
    /// Who looks after the server, or after those who do.
    Overseers,
}

impl Audience {
    fn includes(self, person: &Person) -> bool {
        match self {
            Audience::Everybody => true,
            Audience::Patients => person.is_patient,
            Audience::PrivacyOfficers => person.reviews,
            Audience::Auditors => person.audits,
            Audience::Staff => person.is_staff,
            Audience::Emergency => person.breaks_glass,
            Audience::Administrators => person.administers,
            Audience::Overseers => person.administers || person.reviews || person.audits,
        }
    }
}

const PLACES: [Place; 12] = [
    Place {
        endpoint: Endpoint::Consents,
        name: "My record",
        is_for: Audience::Patients,
    },
    Place {
        endpoint: Endpoint::Reviews,
        name: "Reviews",
        is_for: Audience::PrivacyOfficers,
    },
    Place {
        endpoint: Endpoint::AuditLog,
        name: "Audit log",
        is_for: Audience::Auditors,
    },
    Place {
        endpoint: Endpoint::AccessReviews,
        name: "Access reviews",
        is_for: Audience::Overseers,
    },
    Place {
        endpoint: Endpoint::Apps,
        name: "Apps",
        is_for: Audience::Everybody,
    },
    Place {
        endpoint: Endpoint::Sessions,
        name: "Sessions",
        is_for: Audience::Everybody,
    },
    Place {
        endpoint: Endpoint::Enrol,
        name: "Sign-in methods",
        is_for: Audience::Everybody,
    },
    Place {
        endpoint: Endpoint::Computers,
        name: "Computers",
        is_for: Audience::Staff,
    },
    Place {
        endpoint: Endpoint::BreakGlass,
        name: "Emergency access",
        is_for: Audience::Emergency,
    },
    Place {
        endpoint: Endpoint::Clients,
        name: "Clients",
        is_for: Audience::Administrators,
    },
    Place {
        endpoint: Endpoint::Accounts,
        name: "Accounts",
        is_for: Audience::Administrators,
    },
    Place {
        endpoint: Endpoint::Developer,
        name: "Register an app",
        is_for: Audience::Administrators,
    },
];

const MARK: &str = "M10 4.5h4v3h3v4h-2.4l1.4 8H8l1.4-8H7v-4h3z";
const FOOT: &str = "Every sign-in and every access to a record is itself recorded.";
