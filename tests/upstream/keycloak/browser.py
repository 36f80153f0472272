"""As much of a browser as signing in at Keycloak and at Ward takes: cookies by origin, redirects, links and forms."""

import html.parser
import urllib.error
import urllib.parse
import urllib.request

REDIRECTS_MAX = 15


class Forms(html.parser.HTMLParser):
    """Every form of a page with its fields, and every link with its text."""

    def __init__(self):
        super().__init__()
        self.forms, self.links, self.buttons, self.heading = [], [], [], ""
        self._link = None
        self._in_heading = False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "id": attributes.get("id"), "fields": {}})
        elif tag in ("input", "button") and attributes.get("type") == "submit":
            self.buttons.append(attributes.get("name"))
        elif tag == "input" and self.forms:
            if attributes.get("type") in ("hidden", None) or "checked" in attributes:
                name = attributes.get("name")
                if name:
                    self.forms[-1]["fields"].setdefault(name, []).append(attributes.get("value", ""))
        elif tag == "a":
            self._link = [attributes.get("href", ""), ""]
        elif tag == "h1":
            self._in_heading = True

    def handle_endtag(self, tag):
        if tag == "a" and self._link:
            self.links.append((self._link[1].strip(), self._link[0]))
            self._link = None
        elif tag == "h1":
            self._in_heading = False

    def handle_data(self, data):
        if self._link:
            self._link[1] += data
        if self._in_heading:
            self.heading += data


class Page:
    def __init__(self, url, status, text, location=None):
        self.url, self.status, self.text, self.location = url, status, text, location
        parsed = Forms()
        parsed.feed(text)
        self.forms, self.links, self.heading = parsed.forms, parsed.links, parsed.heading.strip()
        self.buttons = parsed.buttons

    @property
    def path(self):
        return urllib.parse.urlsplit(self.url).path

    def has_button(self, name):
        return name in self.buttons

    def __repr__(self):
        return f"{self.status} {self.url}: {self.heading!r}"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    def __init__(self):
        self.opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
        # Origin: name: value. A real browser has one jar for a host whatever its port; here the ports are different hosts.
        self.jars = {}

    def get(self, url):
        return self._ask(url, None)

    def submit(self, page, fields, form=None):
        """Sends a form of a page: the last one, or that with an id."""
        chosen = [f for f in page.forms if form is None or f["id"] == form][-1]
        values = dict(chosen["fields"])
        values.update({name: value if isinstance(value, list) else [value] for name, value in fields.items()})
        pairs = [(name, value) for name, all_ in values.items() for value in all_]
        return self._ask(urllib.parse.urljoin(page.url, chosen["action"]), urllib.parse.urlencode(pairs).encode())

    def link(self, page, text):
        """Where the link with this text leads."""
        found = [href for shown, href in page.links if shown == text]
        assert found, f"no link {text!r}: {page}"
        return urllib.parse.urljoin(page.url, found[0])

    def follow(self, page, text):
        return self.get(self.link(page, text))

    def ask_once(self, url, body=None):
        """One request; the page's `location` says where it would lead."""
        jar = self.jars.setdefault(urllib.parse.urlsplit(url).netloc, {})
        request = urllib.request.Request(url, data=body)
        if jar:
            request.add_header("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items()))
        try:
            answer = self.opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            if value and "Max-Age=0" not in cookie:
                jar[name] = value
            else:
                jar.pop(name, None)
        location = answer.headers.get("Location")
        is_redirect = answer.status in (301, 302, 303) and location
        return Page(url, answer.status, answer.read().decode(), urllib.parse.urljoin(url, location) if is_redirect else None)

    def _ask(self, url, body):
        for _ in range(REDIRECTS_MAX):
            page = self.ask_once(url, body)
            if not page.location:
                return page
            url, body = page.location, None
            if url.startswith(self.stop_at):
                return Page(url, page.status, "")
        raise AssertionError(f"the redirects do not end at {url}")

    # Redirects there are not followed: nobody listens.
    stop_at = "http://127.0.0.1/demo/desk"
