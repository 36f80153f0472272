"""People of a real Keycloak sign in at Wards. Arguments: folder of the distribution, path of ward, folder to write to.
Prints a line for everything that was seen, and lines like Rust's own tests; stops at the first thing that does not hold."""

import os
import pathlib
import sys
import traceback

import refused
import signing_in
from administration import Administration
from house import House

passed = 0


def check(what, holds, seen=""):
    global passed
    if not holds:
        raise AssertionError(f"{what}: {seen}")
    passed += 1
    print(f"keycloak: ok: {what}", flush=True)


def visit(house):
    house.start_keycloak()
    keycloak = Administration(house.origin)
    ward = house.ward("by-amr", signing_in.BY_AMR)
    signing_in.what_keycloak_is_asked(check, house, ward)
    first = signing_in.two_factors_by_amr(check, ward)
    signing_in.one_factor_by_amr(check, ward)
    refused.tampered(check, ward)
    refused.another_browser(check, house, ward)
    refused.another_issuer(check, house, ward)
    refused.wrong_secret(check, keycloak, ward)
    signing_in.roles_are_taken(check, keycloak, ward, first)
    # On PostgreSQL where the run has a database of its own.
    by_acr = house.ward("by-acr", signing_in.BY_ACR, client="ward-by-acr", database=os.environ.get("WARD_TEST_DATABASE"))
    signing_in.unknown_until_linked(check, by_acr)
    signing_in.one_step_by_acr(check, by_acr)
    elsewhere = house.issuer().replace("127.0.0.1", "localhost")
    refused.of_another_name(check, house.ward("of-another-name", signing_in.BY_AMR, issuer=elsewhere))
    refused.expired(check, house.ward("an-hour-later", signing_in.BY_AMR, ahead_s=3600))
    signing_in.key_is_changed(check, keycloak, ward)
    house.keycloak.stop()
    refused.gone(check, ward)
    for each in house.wards:
        check(f"the log of {each.name} holds no secret", each.secret not in each.logs())


house = House(pathlib.Path(sys.argv[3]), sys.argv[2], pathlib.Path(sys.argv[1]))
failed = 0
try:
    visit(house)
except Exception as error:
    failed = 1
    traceback.print_exc()
    for ward in house.wards:
        print(f"keycloak: what {ward.name} has written:\n{ward.logs()[-3000:]}", file=sys.stderr)
    print(f"keycloak: FAILED: {error}", file=sys.stderr)
finally:
    house.close()
print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed; 0 ignored")
sys.exit(failed)
