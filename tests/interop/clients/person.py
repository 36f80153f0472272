"""A person who fills in the pages of the authorization server without a browser: signs in with password and code, chooses, agrees."""

import base64
import hashlib
import hmac
import json
import os
import struct
import time
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

ORIGIN = os.environ["WARD_BASE"].removesuffix("/fhir")
STEP_S = 30
PAGES_MAX = 10


class Person:
    """One of the demo's people, at a computer of their own."""

    def __init__(self, username):
        path = os.path.join(os.environ["WARD_DATA"], "demo", f"{username}.json")
        with open(path, encoding="utf-8") as file:
            secrets = json.load(file)
        self.username, self.password = secrets["username"], secrets["password"]
        self.secret = base64.b32decode(secrets["totp_secret"])
        self.session = requests.Session()
        self.last_step = 0

    def code(self):
        """What the authenticator app shows; waits when that was used already."""
        while (step := int(time.time()) // STEP_S) <= self.last_step:
            time.sleep(0.5)
        self.last_step = step
        mac = hmac.digest(self.secret, struct.pack(">Q", step), hashlib.sha1)
        at = mac[-1] & 15
        return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"

    def open(self, url):
        """A page of the server, past signing in where that comes before it."""
        page = self.get(url)
        for _ in range(PAGES_MAX):
            if page.heading == "Sign in":
                page = self.send(page, {"username": self.username, "password": self.password})
            elif page.heading == "Confirm that it is you":
                page = self.send(page, {"code": self.code()})
            else:
                return page
        raise AssertionError(f"the sign-in does not end: {page.heading}")

    def allow(self, url, patient=None, scopes=None):
        """Through an authorization that an app began at `url`; where it leads back to. `scopes`: what is ticked in place of all."""
        page = self.open(url)
        if page.heading == "Choose a patient":
            page = self.send(page, {"patient": patient}, form=1)
        assert page.heading == "Give this app access?", (page.heading, page.text)
        fields = [("csrf", page.forms[0].fields["csrf"]), ("decision", "approve")]
        fields += [("scope", scope) for scope in (scopes or page.forms[0].ticked)]
        answer = self.session.post(urljoin(ORIGIN, page.forms[0].action), data=fields, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def turned_away(self, url):
        """Where an authorization leads that shows no page, for somebody who is signed in."""
        for _ in range(PAGES_MAX):
            answer = self.session.get(urljoin(ORIGIN, url), allow_redirects=False)
            assert answer.status_code == 303, answer.text
            url = answer.headers["Location"]
            if not url.startswith("/"):
                return url
        raise AssertionError(f"the redirects do not end: {url}")

    def get(self, url):
        return Page(self.session.get(urljoin(ORIGIN, url)))

    def send(self, page, fields, form=0):
        sent = page.forms[form].fields | fields
        return Page(self.session.post(urljoin(ORIGIN, page.forms[form].action), data=sent))


class Form:
    def __init__(self, action):
        self.action = action
        self.fields = {}
        self.ticked = []


class Page(HTMLParser):
    """What a page holds for whoever fills it in: its heading, its text, its forms."""

    def __init__(self, answer):
        super().__init__()
        self.status, self.text, self.heading = answer.status_code, "", ""
        self.forms = []
        self.in_heading = False
        self.feed(answer.text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and attrs["action"] != "/auth/sign-out":
            self.forms.append(Form(attrs["action"]))
        elif tag == "input" and self.forms and "name" in attrs:
            form, name, value = self.forms[-1], attrs["name"], attrs.get("value", "")
            if name == "scope":
                if attrs["type"] == "hidden" or "checked" in attrs:
                    form.ticked.append(value)
            elif attrs["type"] not in ("checkbox", "radio"):
                form.fields[name] = value
        self.in_heading = tag == "h1"

    def handle_endtag(self, tag):
        if tag == "h1":
            self.in_heading = False

    def handle_data(self, data):
        self.text += data
        if self.in_heading:
            self.heading += data
