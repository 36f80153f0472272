"""What does not fit lets nobody in. A case changes one thing between Ward and Keycloak, and tries whether the person is signed in."""

import urllib.parse

from browser import Browser
from person import at_keycloak, leave, sign_in

FAILED = (400, "The sign-in did not succeed")
OVER = (400, "This sign-in is over")


def is_out(ward, browser):
    return browser.get(f"{ward.origin}/auth/sessions").path == "/auth/sign-in"


def changed(ward, name, value):
    """Signs in with one parameter of the request to Keycloak changed on the way: the browser, and the page that it ends on."""
    browser = Browser()
    to, asked = leave(browser, browser.get(f"{ward.origin}/auth/sign-in"))
    assert name in asked, asked
    to = f"{to.split('?')[0]}?{urllib.parse.urlencode({**asked, name: value})}"
    page, _ = at_keycloak(browser, browser.get(to), "okafor")
    return browser, page


def tampered(check, ward):
    browser, page = changed(ward, "nonce", "n" * 43)
    check("an id_token with another nonce is refused", (page.status, page.heading) == FAILED, page)
    check("as what cannot be trusted", "cannot be trusted here" in page.text and is_out(ward, browser), page)
    browser, page = changed(ward, "code_challenge", "c" * 43)
    check("a code of another challenge is not redeemed", (page.status, page.heading) == FAILED and is_out(ward, browser), page)
    browser, page = changed(ward, "state", "s" * 43)
    check("an answer with another state is refused", (page.status, page.heading) == OVER and is_out(ward, browser), page)
    _, page = changed(ward, "redirect_uri", "http://127.0.0.1/elsewhere")
    check("Keycloak sends nobody to another address", page.status == 400 and page.path.endswith("/openid-connect/auth"), page)


def another_browser(check, house, ward):
    browser = Browser()
    _, asked = leave(browser, browser.get(f"{ward.origin}/auth/sign-in"))
    back = urllib.parse.urlencode({"state": asked["state"], "code": "x", "iss": house.issuer()})
    other = Browser()
    other.get(f"{ward.origin}/auth/sign-in")
    page = other.get(f"{ward.origin}/auth/upstream?{back}")
    check("no other browser can come back with it", (page.status, page.heading) == OVER, page)


def another_issuer(check, house, ward):
    """The answer that Keycloak gives, as if it came from another realm of it (RFC 9207)."""
    browser = Browser()
    to, _ = leave(browser, browser.get(f"{ward.origin}/auth/sign-in"))
    page, answer = stopped_before(ward, browser, browser.get(to))
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer).query))
    check("Keycloak names itself in its answer", asked.get("iss") == house.issuer(), asked)
    forged = urllib.parse.urlencode({**asked, "iss": house.issuer("master")})
    page = browser.get(f"{ward.origin}/auth/upstream?{forged}")
    check("an answer of another issuer is refused", (page.status, page.heading) == FAILED and is_out(ward, browser), page)


def stopped_before(ward, browser, page):
    """At Keycloak, up to the redirect to Ward, which is not followed."""
    kept, browser.stop_at = browser.stop_at, f"{ward.origin}/auth/upstream"
    page, _ = at_keycloak(browser, page, "okafor")
    browser.stop_at = kept
    assert page.path == "/auth/upstream", page
    return page, page.url


def of_another_name(check, ward):
    """A Ward that knows Keycloak by another name than Keycloak itself."""
    browser = Browser()
    page = browser.ask_once(browser.link(browser.get(f"{ward.origin}/auth/sign-in"), "Sign in with City Hospital"))
    check("a document that names another issuer is refused",
          (page.status, page.heading, page.location) == (503, "City Hospital cannot be reached", None), page)


def expired(check, ward):
    """A Ward that lives an hour later: by then what Keycloak says is over."""
    browser, page, seen = sign_in(ward, "okafor")
    check("an id_token that has expired is refused", seen and (page.status, page.heading) == FAILED, page)
    check("the page says that it is a matter of clocks", "clock of one of the two is wrong" in page.text, page)
    check("and nobody is signed in", is_out(ward, browser))


def wrong_secret(check, keycloak, ward):
    keycloak.set_secret("ward", "it was changed at Keycloak alone")
    browser, page, _ = sign_in(ward, "okafor")
    check("with a wrong secret no code is redeemed", (page.status, page.heading) == FAILED and is_out(ward, browser), page)
    check("the page says that Keycloak did not take it", "did not take the sign-in" in page.text, page)
    keycloak.set_secret("ward", ward.secret)
    _, page, _ = sign_in(ward, "okafor")
    check("with the right one it is", page.path == "/auth/sessions", page)


def gone(check, ward):
    """Keycloak has ended."""
    browser = Browser()
    page = browser.get(f"{ward.origin}/auth/sign-in")
    link = browser.link(page, "Sign in with City Hospital")
    # What is known of it leads there; without it nobody comes back. A Ward that is started now says so itself.
    check("without Keycloak the sign-in page is there", page.status == 200 and "/auth/upstream?" in link, page)
    check("and so is the server", browser.get(f"{ward.origin}/fhir/metadata").status == 200)
    ward.stop()
    ward.start()
    browser = Browser()
    page = browser.follow(browser.get(f"{ward.origin}/auth/sign-in"), "Sign in with City Hospital")
    check("one that is started now says that it cannot be reached", (page.status, page.heading) == (503, "City Hospital cannot be reached"), page)
