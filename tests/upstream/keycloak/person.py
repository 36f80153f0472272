"""People of the realm at the pages of Ward and of Keycloak."""

import base64
import hashlib
import hmac
import json
import secrets
import struct
import time
import urllib.parse

from browser import Browser
from house import REALM

LINK = "Sign in with City Hospital"
STEP_S = 30


def credential(username, kind):
    person = next(user for user in REALM["users"] if user["username"] == username)
    return next((known for known in person["credentials"] if known["type"] == kind), None)


def code(secret):
    """The code that an authenticator app shows now; the realm takes one several times. `secret`: base32."""
    step = int(time.time()) // STEP_S
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def leave(browser, page):
    """From Ward's sign-in page to where it sends the browser, which does not go there: the URL, and what is asked there."""
    to = browser.ask_once(browser.link(page, LINK)).location
    return to, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(to).query))


def at_keycloak(browser, page, username):
    """Over Keycloak's pages, as many of them as it shows; also which they were."""
    seen = []
    if "kc-form-login" in page.text:
        seen.append("password")
        fields = {"username": username, "password": credential(username, "password")["value"]}
        page = browser.submit(page, fields, "kc-form-login")
    if "kc-otp-login-form" in page.text:
        seen.append("code")
        secret = json.loads(credential(username, "otp")["secretData"])["value"]
        page = browser.submit(page, {"otp": code(secret)}, "kc-otp-login-form")
    return page, seen


def sign_in(ward, username, browser=None):
    """From Ward's sign-in page over Keycloak and back: the browser, the page that it ends on, and Keycloak's pages."""
    browser = browser or Browser()
    page = browser.follow(browser.get(f"{ward.origin}/auth/sessions"), LINK)
    page, seen = at_keycloak(browser, page, username)
    return browser, page, seen


def app_token(ward, browser):
    """The demo's desk app gets a token in this browser: its claims, and those of the id_token."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = urllib.parse.urlencode({
        "response_type": "code", "client_id": "demo-desk", "redirect_uri": Browser.stop_at, "state": "s",
        "scope": "openid fhirUser user/Observation.rs", "aud": f"{ward.origin}/fhir", "code_challenge": challenge,
        "code_challenge_method": "S256",
    })
    page = browser.get(f"{ward.origin}/auth/authorize?{asked}")
    assert page.path == "/demo/desk", page
    answered = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    form = urllib.parse.urlencode({
        "grant_type": "authorization_code", "client_id": "demo-desk", "redirect_uri": Browser.stop_at,
        "code": answered["code"][0], "code_verifier": verifier,
    })
    token = json.load(browser.opener.open(f"{ward.origin}/auth/token", form.encode(), timeout=30))
    return _claims(token["access_token"]), _claims(token["id_token"])


def _claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
