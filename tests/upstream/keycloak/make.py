"""Makes the realm. Arguments: Keycloak's origin, Ward's origin, where the client's secret goes."""

import os
import sys

from realm import SECRET, Keycloak

origin, ward, secret = sys.argv[1:]
Keycloak(origin, os.environ["KC_BOOTSTRAP_ADMIN_USERNAME"], os.environ["KC_BOOTSTRAP_ADMIN_PASSWORD"]).make(ward)
with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
    file.write(SECRET)
