//! A running server with a third party's app, and the people who are signed in there: each once, because a code of an authenticator
//! app passes once.

use crate::apps::{self, Place};
use crate::upstream::browser::Browser;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use ward_testkit::{Backend, Server, Start, backends, free_port};

pub struct Hospital {
    pub place: Place,
    /// A public app that may do what users may.
    pub app: String,
    pub server: Server,
    people: RefCell<BTreeMap<String, Browser>>,
}

impl Hospital {
    /// One conversation on each store.
    pub fn on_each(conversation: impl Fn(&Hospital)) {
        for backend in backends() {
            println!("on {backend:?}");
            conversation(&Hospital::open(Start::empty(backend)));
        }
    }

    /// Addressed by a name, as passkeys want it.
    pub fn by_name(backend: Backend) -> Hospital {
        let port = free_port();
        let base = format!("http://localhost:{port}/fhir");
        Hospital::open(
            Start::empty(backend)
                .at(port)
                .with("server.base_url", &base),
        )
    }

    pub fn open(start: Start) -> Hospital {
        let server = Server::start(start.with("smart.open_registration", "true"));
        let place = Place::of(&server);
        let mut hospital = Hospital {
            place,
            app: String::new(),
            server,
            people: RefCell::default(),
        };
        hospital.app = apps::app(&hospital.place, &mut hospital.admin());
        hospital
    }

    /// A browser with a person of the demo who has signed in with two factors; a copy for each who asks.
    pub fn person(&self, username: &str) -> Browser {
        let mut people = self.people.borrow_mut();
        let sign_in = || apps::signed_in(&self.server, &self.place, username);
        people
            .entry(username.to_owned())
            .or_insert_with(sign_in)
            .clone()
    }

    pub fn admin(&self) -> Browser {
        self.person("admin")
    }

    pub fn user(&self) -> Browser {
        self.person("clinician")
    }

    /// `username`, `password` and `totp_secret` of a person of the demo.
    pub fn secrets(&self, username: &str) -> Value {
        let path = self.server.data().join(format!("demo/{username}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}
