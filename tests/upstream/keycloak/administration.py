"""What an administrator of Keycloak changes while people sign in, over its administration API."""

import json
import urllib.error
import urllib.parse
import urllib.request

from house import ADMIN, ADMIN_PASSWORD, REALM


class Administration:
    def __init__(self, origin):
        self.origin = origin
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def _call(self, method, path, body=None):
        form = urllib.parse.urlencode({
            "grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": ADMIN_PASSWORD
        })
        token = f"{self.origin}/realms/master/protocol/openid-connect/token"
        answered = json.load(self.opener.open(urllib.request.Request(token, data=form.encode()), timeout=60))
        request = urllib.request.Request(f"{self.origin}/admin/realms/{REALM['realm']}{path}", method=method)
        request.add_header("Authorization", f"Bearer {answered['access_token']}")
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            text = self.opener.open(request, data, timeout=60).read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.status} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def give_role(self, username):
        self._roles(username, "POST")

    def take_role(self, username):
        self._roles(username, "DELETE")

    def _roles(self, username, method):
        user = self._call("GET", f"/users?exact=true&username={username}")[0]["id"]
        role = self._call("GET", "/roles/ward-doctors")
        self._call(method, f"/users/{user}/role-mappings/realm", [role])

    def set_secret(self, client, secret):
        known = self._call("GET", f"/clients?clientId={client}")[0]
        self._call("PUT", f"/clients/{known['id']}", {**known, "secret": secret})

    def change_key(self):
        """Signs with another key from now on, and forgets those of before."""
        old = self._call("GET", "/components?type=org.keycloak.keys.KeyProvider")
        self._call("POST", "/components", {
            "name": "the next", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["200"], "enabled": ["true"], "active": ["true"], "keySize": ["2048"]},
        })
        for component in old:
            if component["providerId"] == "rsa-generated":
                self._call("DELETE", f"/components/{component['id']}")
