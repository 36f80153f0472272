"""Keycloak has ended. Argument: Ward's origin."""

import sys

from browser import Browser

ward = sys.argv[1]
browser = Browser()
page = browser.get(f"{ward}/auth/sign-in")
assert page.status == 200, page
# What is known of it leads there; without it nobody comes back. A Ward that is started now says so itself.
link = next(href for shown, href in page.links if shown == "Sign in with City Hospital")
assert link.startswith("/auth/upstream?"), link
assert browser.get(f"{ward}/fhir/metadata").status == 200
print("keycloak: ok: without Keycloak the pages of Ward are there")
print("test result: ok. 1 passed; 0 failed; 0 ignored")
