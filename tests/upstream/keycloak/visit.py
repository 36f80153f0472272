"""People of a Keycloak sign in at a Ward. Arguments: Keycloak's origin, Ward's origin. Prints what was seen, and fails with what was not."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import struct
import sys
import time
import urllib.parse
import urllib.request

from browser import Browser
from realm import OTP_SECRET, PASSWORD, Keycloak

keycloak = Keycloak(sys.argv[1], os.environ["KC_BOOTSTRAP_ADMIN_USERNAME"], os.environ["KC_BOOTSTRAP_ADMIN_PASSWORD"])
ward = sys.argv[2]
LINK = "Sign in with City Hospital"
passed = 0
used_steps = set()


def check(what, holds, seen=""):
    global passed
    if not holds:
        raise SystemExit(f"keycloak: FAILED: {what}: {seen}")
    passed += 1
    print(f"keycloak: ok: {what}")


def code():
    """A code that was not used yet: Keycloak takes each once."""
    while int(time.time()) // 30 in used_steps:
        time.sleep(1)
    step = int(time.time()) // 30
    used_steps.add(step)
    mac = hmac.new(base64.b32decode(OTP_SECRET), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def sign_in(browser, page, username, has_otp):
    """From Ward's sign-in page over Keycloak's pages and back."""
    page = browser.follow(page, LINK)
    if "kc-form-login" not in page.text:
        return page
    page = browser.submit(page, {"username": username, "password": PASSWORD}, "kc-form-login")
    if has_otp:
        check(f"Keycloak asks {username} for a code", "kc-otp-login-form" in page.text, page)
        page = browser.submit(page, {"otp": code()}, "kc-otp-login-form")
    return page


def app_token(browser):
    """The demo's desk app gets a token in this browser: its claims, and those of the id_token."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = urllib.parse.urlencode({
        "response_type": "code", "client_id": "demo-desk", "redirect_uri": Browser.stop_at, "state": "s",
        "scope": "openid fhirUser user/Observation.rs", "aud": f"{ward}/fhir", "code_challenge": challenge,
        "code_challenge_method": "S256",
    })
    page = browser.get(f"{ward}/auth/authorize?{asked}")
    if page.path != "/demo/desk":
        return page, None
    answered = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    form = urllib.parse.urlencode({
        "grant_type": "authorization_code", "client_id": "demo-desk", "redirect_uri": Browser.stop_at,
        "code": answered["code"][0], "code_verifier": verifier,
    })
    token = json.load(browser.opener.open(f"{ward}/auth/token", form.encode(), timeout=30))
    return claims(token["access_token"]), claims(token["id_token"])


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def two_factors():
    browser = Browser()
    page = browser.get(f"{ward}/auth/sessions")
    check("whoever is not signed in gets the sign-in page", page.path == "/auth/sign-in", page)
    page = sign_in(browser, page, "okafor", True)
    check("after password and code there the page here is shown", (page.path, page.status) == ("/auth/sessions", 200), page)
    access, identity = app_token(browser)
    check("the token has the person's resource", access["fhirUser"] == "Practitioner/okafor", access)
    check("the token has the role of the table", access["roles"] == ["physician"], access)
    check("two factors are told on", identity["acr"] == "mfa" and identity["amr"] == ["otp", "pwd", "mfa"], identity)
    check("the time of the sign-in there is told on", abs(identity["auth_time"] - time.time()) < 120, identity)
    return browser


def one_factor():
    browser = Browser()
    page = sign_in(browser, browser.get(f"{ward}/auth/sessions"), "brandt", False)
    check("a password alone there leads to a second factor here", page.path == "/auth/enrol", page)
    page = browser.get(f"{ward}/auth/sessions")
    check("and opens nothing before", page.path == "/auth/sign-in", page)


def roles_are_taken(first):
    keycloak.roles("okafor", "DELETE")
    browser = Browser()
    page = sign_in(browser, browser.get(f"{ward}/auth/sessions"), "okafor", True)
    check("the person signs in without the role", page.path == "/auth/sessions", page)
    access, _ = app_token(browser)
    check("and has it no longer", not access.get("roles"), access)
    page = first.get(f"{ward}/auth/sessions")
    check("what was begun with it is over", page.path == "/auth/sign-in", page)
    keycloak.roles("okafor", "POST")


def cancelled():
    browser = Browser()
    page = browser.follow(browser.get(f"{ward}/auth/sign-in"), LINK)
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query).get("state", [""])[0]
    check("Keycloak is asked with a state", len(state) == 43, page)
    other = Browser()
    other.get(f"{ward}/auth/sign-in")
    page = other.get(f"{ward}/auth/upstream?" + urllib.parse.urlencode({"state": state, "code": "x", "iss": keycloak.issuer()}))
    check("no other browser can come back with it", (page.status, page.heading) == (400, "This sign-in is over"), page)


def keys_change():
    keycloak.new_key()
    browser = Browser()
    end = time.monotonic() + 90
    while True:
        page = sign_in(browser, browser.get(f"{ward}/auth/sessions"), "okafor", True)
        if page.path == "/auth/sessions" or time.monotonic() > end:
            break
        # An unknown key makes Ward look again once a minute.
        time.sleep(10)
    check("a new key of Keycloak is found", page.path == "/auth/sessions", page)


first = two_factors()
one_factor()
cancelled()
roles_are_taken(first)
keys_change()
print(f"test result: ok. {passed} passed; 0 failed; 0 ignored")
