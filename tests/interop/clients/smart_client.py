"""fhirclient as a SMART app and as a backend service, without a browser. https://pypi.org/project/fhirclient/"""

import os
import re
import time
import uuid

import jwt
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.condition import Condition
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRPermissionDeniedException, FHIRUnauthorizedException

import checks
from person import ORIGIN, Person

REDIRECT = "http://127.0.0.1:9/back"
SCOPE = "patient/Patient.rs patient/Observation.rs patient/Condition.rs"
LABORATORY = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
HEADERS = {"Authorization": f"Bearer {checks.TOKEN}"}
clinician = Person("clinician")


def expect(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"{error.__name__} did not come")


def app(state, scope, **settings):
    given = {"app_id": state["app"], "api_base": checks.BASE, "redirect_uri": REDIRECT, "scope": scope, **settings}
    smart = FHIRClient(settings=given)
    smart.prepare()
    return smart


def launched(state, scope, scopes=None, **settings):
    """An app that the clinician has signed in to, about the patient."""
    smart = app(state, scope, **settings)
    smart.handle_callback(clinician.allow(smart.authorize_url, patient=state["patient"], scopes=scopes))
    assert smart.ready
    return smart


def records(state):
    def post(resource):
        answer = requests.post(f"{checks.BASE}/{resource['resourceType']}", json=resource, headers=HEADERS)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].split("/_history/")[0].rsplit("/", 1)[1]

    state["patient"] = post(checks.patient("Smartpython"))
    subject = {"reference": f"Patient/{state['patient']}"}
    state["encounter"] = post({"resourceType": "Encounter", "status": "in-progress", "class": {"code": "AMB"}, "subject": subject})
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    for category in ("laboratory", "vital-signs"):
        coding = [{"system": system, "code": category}]
        code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
        state[category] = post({"resourceType": "Observation", "status": "final", "category": [{"coding": coding}], "code": code, "subject": subject})


def registered(admin, **fields):
    """Asks for a registration that an administrator then approves; the id and, where there is one, the secret."""
    given = {"owner": "Small Steps Ltd", "contacts": "privacy@app.example", "purpose": "Shows results.", "redirect_uris": REDIRECT}
    page = admin.send(admin.open("/auth/developer"), given | fields)
    assert page.status == 200 and "waits for an administrator" in page.text, page.text
    client = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", page.text)[0]
    secret = re.search(r"Client secret\s*([\w-]{43})", page.text)
    decided(admin, client, "approve", "is approved for a year")
    return client, secret and secret[1]


def decided(admin, client, decision, said):
    page = admin.open(f"/auth/clients?client={client}")
    page = admin.send(page, {"decision": decision})
    assert said in page.text, page.text


def registration_and_approval(state):
    scope = f"openid launch launch/patient offline_access {SCOPE}"
    state["app"], _ = registered(Person("admin"), client_name="Python app", kind="public", scope=scope)


def standalone_launch(state):
    smart = launched(state, f"openid {SCOPE}")
    assert smart.patient_id == state["patient"]
    assert smart.patient.name[0].family == "Smartpython"
    found = Observation.where({}).perform_resources(smart.server)
    assert {o.id for o in found} == {state["laboratory"], state["vital-signs"]}


def ehr_launch(state):
    """An EHR opens the app for the clinician, who is at a visit of the patient."""
    admin = Person("admin")
    ehr = registered(admin, client_name="Records system", kind="confidential", scope=f"openid launch {SCOPE}")
    opened = {"app": state["app"], "patient": state["patient"], "encounter": state["encounter"], "intent": "reconcile"}
    opened |= {"need_patient_banner": False, "user": "Practitioner/demo-clinician"}

    def launch():
        return requests.post(f"{ORIGIN}/auth/launch", json=opened, auth=ehr)

    assert launch().json()["error"] == "unauthorized_client", "not every client is an EHR"
    decided(admin, ehr[0], "may-launch", "may launch apps")
    answer = launch()
    assert answer.status_code == 201, answer.text
    token = answer.json()["launch"]
    smart = app(state, f"openid {SCOPE}", launch_token=token)
    # Nobody chooses a patient: the EHR has.
    smart.handle_callback(clinician.allow(smart.authorize_url))
    assert smart.patient_id == state["patient"]
    assert smart.patient.name[0].family == "Smartpython"
    context = smart.launch_context
    assert (context["encounter"], context["intent"], context["need_patient_banner"]) == (state["encounter"], "reconcile", False)
    assert requests.get(context["smart_style_url"]).json()["color_text"]
    found = Observation.where({}).perform_resources(smart.server)
    assert {o.id for o in found} == {state["laboratory"], state["vital-signs"]}
    # The launch is used up.
    again = app(state, f"openid {SCOPE}", launch_token=token)
    back = clinician.turned_away(again.authorize_url)
    assert back.startswith(f"{REDIRECT}?") and "error=invalid_request" in back, back


def a_scope_that_is_dropped(state):
    smart = launched(state, SCOPE, scopes=["patient/Patient.rs", "patient/Observation.rs"])
    assert smart.patient.id == state["patient"]
    expect(FHIRPermissionDeniedException, lambda: Condition.where({}).perform_resources(smart.server))


def a_part_that_is_chosen(state):
    smart = launched(state, SCOPE, scopes=["patient/Patient.rs", LABORATORY])
    found = Observation.where({}).perform_resources(smart.server)
    assert [o.id for o in found] == [state["laboratory"]]


def refresh_and_revocation_by_the_user(state):
    smart = launched(state, f"{SCOPE} offline_access")
    before = smart.server.auth.access_token
    assert smart.reauthorize()
    assert smart.server.auth.access_token != before
    assert Patient.read(state["patient"], smart.server).id == state["patient"]
    page = clinician.open("/auth/apps")
    assert "Python app" in page.text
    mine = next(n for n, form in enumerate(page.forms) if form.fields.get("grant") == state["app"])
    page = clinician.send(page, {"decision": "revoke"}, form=mine)
    assert "no access any more" in page.text
    expect(FHIRUnauthorizedException, lambda: Patient.read(state["patient"], smart.server))


def a_backend_service(state):
    """The demo's laboratory, with the key that lies in the data folder."""
    with open(os.path.join(os.environ["WARD_DATA"], "demo", "lab.pem"), encoding="utf-8") as file:
        key = file.read()
    claims = {"iss": "demo-lab", "sub": "demo-lab", "aud": f"{ORIGIN}/auth/token", "exp": int(time.time()) + 240, "jti": str(uuid.uuid4())}
    assertion = jwt.encode(claims, key, algorithm="ES384")
    settings = {"app_id": "demo-lab", "api_base": checks.BASE, "scope": "system/Observation.rs", "jwt_token": assertion}
    smart = FHIRClient(settings=settings)
    smart.wants_patient = False
    smart.prepare()
    smart.authorize()
    assert Observation.read(state["laboratory"], smart.server).id == state["laboratory"]
    expect(FHIRPermissionDeniedException, lambda: Condition.where({}).perform_resources(smart.server))
    # The assertion was for one use.
    expect(Exception, smart.authorize)


steps = [records, registration_and_approval, standalone_launch, ehr_launch, a_scope_that_is_dropped, a_part_that_is_chosen]
steps += [refresh_and_revocation_by_the_user, a_backend_service]
checks.run("fhirclient-smart", [(step.__name__, step) for step in steps])
