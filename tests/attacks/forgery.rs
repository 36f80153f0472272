//! X56: attacks through a person's own browser, over HTTP: forged forms, forged sign-ins, and a session that somebody else knows.

use super::hospital::Hospital;
use crate::apps::{parameter, request, text};
use crate::upstream::browser::{Browser, coded};

/// Another site can make a browser send what it likes, with the cookie. It cannot make it agree.
#[test]
fn x56_another_site_cannot_agree_for_a_person() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let mut user = hospital.user();
        // The site begins an authorization in the person's browser: it ends at a page that asks.
        let page = user.get(&request(place, app, &[]));
        assert_eq!(page.path(), "/auth/approve", "{page:?}");
        let action = format!("{}{}", place.origin, page.action());
        let csrf = page.csrf();
        // Its own browser got a form of the same kind, of somebody else's authorization.
        let mut other = hospital.person("auditor");
        let foreign = other
            .get(&request(place, app, &[("scope", Some("openid"))]))
            .csrf();
        let of_another_page = user.get(&format!("{}/auth/enrol", place.origin)).csrf();
        let evil: &[(&str, &str)] = &[("Origin", "https://evil.example")];
        let ours = place.origin.clone();
        let longer = format!("{ours}.evil.example");
        let longer: &[(&str, &str)] = &[("Origin", &longer)];
        for (why, csrf, headers) in [
            ("no token", "", &[][..]),
            (
                "a guessed token",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                &[],
            ),
            ("another person's token", &foreign, &[]),
            ("another page's token", &of_another_page, &[]),
            ("the right one from elsewhere", &csrf, evil),
            ("the right one from nowhere", &csrf, &[("Origin", "null")]),
            ("the right one from a longer name", &csrf, longer),
        ] {
            let fields = [("csrf", csrf), ("decision", "approve"), ("scope", "openid")];
            let answer = user.ask(&action, Some(&fields), headers);
            assert_eq!(answer.status, 400, "{why}: {}", answer.text());
            assert_eq!(answer.header("location"), None, "{why}");
        }
        // By a link, which needs no form.
        let link = format!(
            "{action}&decision=approve&scope=openid&csrf={}",
            coded(&csrf)
        );
        let shown = user.ask(&link, None, &[]);
        assert_eq!(
            (shown.status, shown.header("location")),
            (200, None),
            "{}",
            shown.text()
        );
        // Inside a frame nobody sees what they click on.
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let fields = [
            ("csrf", csrf.as_str()),
            ("decision", "approve"),
            ("scope", "openid"),
        ];
        let done = user.ask(&action, Some(&fields), &[("Origin", &ours)]);
        assert!(parameter(done.expect(303).header("location").unwrap(), "code").is_some());
    });
}

/// A browser is signed in as who is at it, and a cookie from before a sign-in opens nothing after it.
#[test]
fn x56_nobody_is_signed_in_by_another() {
    Hospital::on_each(|hospital| {
        let place = &hospital.place;
        let url = format!("{}/auth/sign-in", place.origin);
        let person = hospital.secrets("admin");
        let (name, password) = (text(&person, "username"), text(&person, "password"));
        let fields = |csrf: &'_ str| {
            [
                ("csrf", csrf.to_owned()),
                ("username", name.clone()),
                ("password", password.clone()),
            ]
        };
        let send = |browser: &mut Browser, csrf: &str, headers: &[(&str, &str)]| {
            let fields = fields(csrf);
            let fields = fields
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            browser.ask(&url, Some(&fields), headers)
        };
        // Login CSRF: the attacker's own form and account, in the victim's browser.
        let (mut victim, mut attacker) = (Browser::new(), Browser::new());
        let own = victim.get(&url);
        let foreign = attacker.get(&url).csrf();
        assert_eq!(send(&mut victim, &foreign, &[]).status, 400);
        assert_eq!(send(&mut victim, "", &[]).status, 400);
        assert_eq!(
            send(&mut Browser::new(), &foreign, &[]).status,
            400,
            "no cookie at all"
        );
        let evil = [("Origin", "https://evil.example")];
        assert_eq!(send(&mut victim, &own.csrf(), &evil).status, 400);
        // Fixation: the attacker knows the cookie, having put it there or seen it.
        let fixed = "ward-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        victim.put_cookie(&place.origin, fixed);
        let csrf = victim.get(&url).csrf();
        let signed_in = send(&mut victim, &csrf, &[]);
        assert_eq!(signed_in.status, 303, "{}", signed_in.text());
        let set = signed_in.header("set-cookie").unwrap();
        assert!(
            set.contains("HttpOnly") && set.contains("SameSite=Lax"),
            "{set}"
        );
        assert_ne!(victim.cookie(&place.origin), Some(fixed));
        attacker.put_cookie(&place.origin, fixed);
        for path in ["second-factor", "sessions", "apps"] {
            let answer = attacker.ask(&format!("{}/auth/{path}", place.origin), None, &[]);
            let to = answer.header("location").unwrap_or_default();
            assert!(to.starts_with("/auth/sign-in"), "{path}: {to}");
        }
        // Two cookies of the name: one of them is not ours.
        let both = format!("{}; {fixed}", victim.cookie(&place.origin).unwrap());
        attacker.put_cookie(&place.origin, &both);
        let answer = attacker.ask(&format!("{}/auth/second-factor", place.origin), None, &[]);
        assert!(
            answer
                .header("location")
                .unwrap_or_default()
                .starts_with("/auth/sign-in")
        );
    });
}
