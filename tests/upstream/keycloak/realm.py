"""A hospital's realm in a Keycloak, made over its administration API: a client for Ward, people with and without a second factor."""

import json
import urllib.error
import urllib.parse
import urllib.request

REALM = "city"
SECRET = "a secret of the test realm & more"
PASSWORD = "lavender tin snow kettle"
OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Keycloak:
    def __init__(self, origin, admin, password):
        self.origin, self.admin, self.password = origin, admin, password
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def issuer(self):
        return f"{self.origin}/realms/{REALM}"

    def call(self, method, path, body=None):
        form = urllib.parse.urlencode({
            "grant_type": "password", "client_id": "admin-cli", "username": self.admin, "password": self.password
        })
        token = f"{self.origin}/realms/master/protocol/openid-connect/token"
        answered = json.load(self.opener.open(urllib.request.Request(token, data=form.encode()), timeout=60))
        request = urllib.request.Request(f"{self.origin}/admin/realms{path}", method=method)
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

    def make(self, ward):
        """The realm, for the Ward at this origin."""
        self.call("POST", "", {
            "realm": REALM, "enabled": True, "sslRequired": "none",
            "roles": {"realm": [{"name": "ward-doctors"}]},
            "clients": [client(ward)],
        })
        # People must not be able to say themselves who they are in the records.
        profile = self.call("GET", f"/{REALM}/users/profile")
        profile["unmanagedAttributePolicy"] = "ADMIN_EDIT"
        self.call("PUT", f"/{REALM}/users/profile", profile)
        for username, given, family, has_otp in PEOPLE:
            self.call("POST", f"/{REALM}/users", person(username, given, family, has_otp))
            self.roles(username, "POST")
        self.name_methods()

    def user(self, username):
        found = self.call("GET", f"/{REALM}/users?exact=true&username={username}")
        return found[0]["id"]

    def roles(self, username, method):
        """Gives (POST) or takes (DELETE) the role of doctors."""
        role = self.call("GET", f"/{REALM}/roles/ward-doctors")
        self.call(method, f"/{REALM}/users/{self.user(username)}/role-mappings/realm", [role])

    def name_methods(self):
        """Which words of RFC 8176 the steps of the browser flow leave in amr."""
        words = {"auth-username-password-form": "pwd", "auth-otp-form": "otp"}
        for step in self.call("GET", f"/{REALM}/authentication/flows/browser/executions"):
            word = words.get(step.get("providerId"))
            if word:
                config = {"alias": f"ward-{word}", "config": {
                    "default.reference.value": word, "default.reference.maxAge": "43200"
                }}
                self.call("POST", f"/{REALM}/authentication/executions/{step['id']}/config", config)

    def new_key(self):
        """Signs with another key from now on, and forgets those of before."""
        old = self.call("GET", f"/{REALM}/components?type=org.keycloak.keys.KeyProvider")
        self.call("POST", f"/{REALM}/components", {
            "name": "the next", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["200"], "enabled": ["true"], "active": ["true"], "keySize": ["2048"]},
        })
        for component in old:
            if component["providerId"] == "rsa-generated":
                self.call("DELETE", f"/{REALM}/components/{component['id']}")

    def sign_out_everywhere(self, username):
        self.call("POST", f"/{REALM}/users/{self.user(username)}/logout")


# User name, names, whether a second factor is enrolled.
PEOPLE = [("okafor", "Imani", "Okafor", True), ("brandt", "Ute", "Brandt", False)]


def client(ward):
    return {
        "clientId": "ward", "enabled": True, "publicClient": False, "secret": SECRET,
        "redirectUris": [f"{ward}/auth/upstream"],
        "standardFlowEnabled": True, "directAccessGrantsEnabled": False,
        "attributes": {"pkce.code.challenge.method": "S256"},
        "protocolMappers": [
            mapper("fhirUser", "oidc-usermodel-attribute-mapper", {
                "user.attribute": "fhirUser", "claim.name": "fhirUser", "jsonType.label": "String"
            }),
            mapper("roles", "oidc-usermodel-realm-role-mapper", {
                "claim.name": "realm_access.roles", "jsonType.label": "String", "multivalued": "true"
            }),
            mapper("methods", "oidc-amr-mapper", {}),
        ],
    }


def mapper(name, kind, config):
    config = {**config, "id.token.claim": "true", "access.token.claim": "false", "userinfo.token.claim": "false"}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def person(username, given, family, has_otp):
    credentials = [{"type": "password", "value": PASSWORD, "temporary": False}]
    if has_otp:
        credentials.append({
            "type": "otp",
            "secretData": json.dumps({"value": OTP_SECRET}),
            "credentialData": json.dumps({
                "subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1",
                "secretEncoding": "BASE32",
            }),
        })
    return {
        "username": username, "firstName": given, "lastName": family, "enabled": True,
        "email": f"{username}@city.example", "emailVerified": True,
        "attributes": {"fhirUser": [f"Practitioner/{username}"]}, "credentials": credentials,
    }
