"""What Keycloak says of a person, as Ward understands it, and what changes there."""

import time
import urllib.parse

from browser import Browser
from person import app_token, at_keycloak, code, leave, sign_in

# In the flow `methods` a code comes only after a password.
BY_AMR = """
fhir_user_claim = "fhirUser"
roles_claim = "realm_access.roles"
two_factor_amr = ["otp"]
unknown_people = "create"
roles = { ward-doctors = "physician" }
"""
BY_ACR = """
acr_values = ["two"]
two_factor_acr = ["two"]
two_factor_amr = []
unknown_people = "refuse"
"""
# Ward looks again for a key that it does not know, once a minute at most.
NEW_KEY_TIMEOUT_S = 90


def what_keycloak_is_asked(check, house, ward):
    browser = Browser()
    page = browser.get(f"{ward.origin}/auth/sessions")
    check("whoever is not signed in gets the sign-in page", page.path == "/auth/sign-in", page)
    to, asked = leave(browser, page)
    check("discovery: the browser is sent to the authorization endpoint that Keycloak names",
          to.startswith(f"{house.issuer()}/protocol/openid-connect/auth?"), to)
    fixed = {"response_type": "code", "client_id": "ward", "code_challenge_method": "S256", "max_age": "43200",
             "redirect_uri": f"{ward.origin}/auth/upstream"}
    check("Keycloak is asked for a code, with PKCE and max_age", fixed.items() <= asked.items(), asked)
    check("state, nonce and challenge are long", all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge")), asked)
    check("openid is among the scopes", "openid" in asked["scope"].split(), asked)


def two_factors_by_amr(check, ward):
    browser, page, seen = sign_in(ward, "okafor")
    check("Keycloak asks for password and code", seen == ["password", "code"], seen)
    check("after both the page is shown that was asked for", (page.path, page.status) == ("/auth/sessions", 200), page)
    access, identity = app_token(ward, browser)
    check("the token has the person's resource, of the claim fhirUser", access["fhirUser"] == "Practitioner/okafor", access)
    check("the token has the role of the table, of realm_access.roles", access["roles"] == ["physician"], access)
    check("amr: two factors are told on", identity["acr"] == "mfa" and identity["amr"] == ["otp", "pwd", "mfa"], identity)
    check("the time of the sign-in there is told on", abs(identity["auth_time"] - time.time()) < 120, identity)
    again, _, _ = sign_in(ward, "okafor")
    check("who comes again is the same person", app_token(ward, again)[1]["sub"] == identity["sub"], identity)
    return browser


def one_factor_by_amr(check, ward):
    browser, page, seen = sign_in(ward, "brandt")
    check("amr: a password alone there leads to a second factor here", (seen, page.path) == (["password"], "/auth/enrol"), page)
    page = browser.get(f"{ward.origin}/auth/sessions")
    check("and opens nothing before", page.path == "/auth/sign-in", page)


def roles_are_taken(check, keycloak, ward, first):
    keycloak.take_role("okafor")
    browser, page, _ = sign_in(ward, "okafor")
    check("the person signs in without the role", page.path == "/auth/sessions", page)
    access, _ = app_token(ward, browser)
    check("and has it no longer", not access.get("roles"), access)
    page = first.get(f"{ward.origin}/auth/sessions")
    check("what was begun with it is over", page.path == "/auth/sign-in", page)
    keycloak.give_role("okafor")


def key_is_changed(check, keycloak, ward):
    keycloak.change_key()
    end = time.monotonic() + NEW_KEY_TIMEOUT_S
    refused = 0
    while True:
        _, page, _ = sign_in(ward, "okafor")
        if page.path == "/auth/sessions" or time.monotonic() > end:
            break
        refused += 1
        # Meanwhile nobody is let in with a signature that cannot be checked.
        assert (page.status, page.heading) == (400, "The sign-in did not succeed"), page
        time.sleep(5)
    check(f"a new key of Keycloak is found (refused before: {refused})", page.path == "/auth/sessions", page)


def unknown_until_linked(check, ward):
    """`acr`, consent at Keycloak, and a person whom nobody has linked."""
    browser = Browser()
    page = browser.get(f"{ward.origin}/auth/sessions")
    to, asked = leave(browser, page)
    check("acr: Keycloak is asked for two steps", asked["acr_values"] == "two", asked)
    page, seen = at_keycloak(browser, browser.get(to), "okafor")
    check("Keycloak asks for both, and whether the person consents", seen == ["password", "code"] and page.has_button("cancel"), page)
    page = browser.submit(page, {"cancel": "No"})
    check("whoever says no there is told so", (page.status, page.heading) == (403, "Not signed in at City Hospital"), page)
    browser, page, _ = sign_in(ward, "okafor")
    page = browser.submit(page, {"accept": "Yes"})
    check("an unknown person is refused", (page.status, page.heading) == (403, "No account here"), page)
    check("and is signed in nowhere", browser.get(f"{ward.origin}/auth/sessions").path == "/auth/sign-in")
    person = page.text.split("there you are called ", 1)[1].split(".", 1)[0]
    administrators_link(check, ward, person)
    browser, page, _ = sign_in(ward, "okafor")
    check("once linked the person signs in", page.path == "/auth/sessions", page)
    access, identity = app_token(ward, browser)
    check("as the account's resource, whatever the realm says", access["fhirUser"] == "Practitioner/demo-clinician", access)
    check("acr: two factors are told on", identity["acr"] == "mfa" and identity["amr"] == ["mfa"], identity)


def administrators_link(check, ward, person):
    """An administrator, who signs in at Ward itself, links the person with the demo's clinician."""
    admin = ward.demo_person("admin")
    browser = Browser()
    page = browser.get(f"{ward.origin}/auth/accounts")
    page = browser.submit(page, {"username": admin["username"], "password": admin["password"]})
    page = browser.submit(page, {"code": code(admin["totp_secret"])})
    page = browser.submit(page, {"decision": "link", "username": "clinician", "upstream_person": person})
    check("an administrator links the person with an account", page.status == 200 and page.path == "/auth/accounts", page)


def one_step_by_acr(check, ward):
    """The browser leaves what Ward asks for out, so that Keycloak takes a password alone."""
    browser = Browser()
    to, asked = leave(browser, browser.get(f"{ward.origin}/auth/sessions"))
    del asked["acr_values"]
    to = f"{to.split('?')[0]}?{urllib.parse.urlencode(asked)}"
    page, seen = at_keycloak(browser, browser.get(to), "okafor")
    check("Keycloak asks for the password alone", seen == ["password"], seen)
    check("acr: one step there does not do for two", page.path in ("/auth/enrol", "/auth/second-factor"), page)
    check("and opens nothing", browser.get(f"{ward.origin}/auth/sessions").path == "/auth/sign-in")
