"""fhirclient (SMART Health IT's client with R4 4.0.1 models) drives the running server. https://pypi.org/project/fhirclient/"""

from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRServer

import checks

server = FHIRServer(None, checks.BASE)
server.session.headers["Authorization"] = f"Bearer {checks.TOKEN}"


def capabilities(state):
    statement = CapabilityStatement.read_from("metadata", server)
    assert statement.fhirVersion == "4.0.1"
    assert any(r.type == "Patient" for r in statement.rest[0].resource)


def create(state):
    state["id"] = Patient(checks.patient("Fhirclient")).create(server)["id"]


def read(state):
    patient = Patient.read(state["id"], server)
    assert patient.name[0].family == "Fhirclient" and patient.birthDate.as_json() == "1970-05"
    state["patient"] = patient


def update(state):
    patient = state["patient"]
    patient.gender = "other"
    patient.update(server)
    assert Patient.read(state["id"], server).gender == "other"


def patch(state):
    headers = {"Content-Type": "application/json-patch+json"}
    url = f"{server.base_uri}Patient/{state['id']}"
    answer = server.session.patch(url, json=[{"op": "remove", "path": "/birthDate"}], headers=headers)
    server.raise_for_status(answer)
    assert Patient.read(state["id"], server).birthDate is None


def history(state):
    bundle = Bundle.read_from(f"Patient/{state['id']}/_history", server)
    assert bundle.type == "history" and len(bundle.entry) == 3
    assert all(e.request and e.response for e in bundle.entry)


def search(state):
    found = Patient.where({"identifier": "urn:ward:interop|Fhirclient-Tamar"}).perform_resources(server)
    assert [p.id for p in found] == [state["id"]]


def transaction(state):
    answer = Bundle(Bundle(checks.transaction("Fhirclienttransaction")).create(server))
    assert answer.type == "transaction-response"
    assert [e.response.status[:3] for e in answer.entry] == ["201", "201"]


def delete(state):
    Patient.read(state["id"], server).delete(server)
    answer = server.session.get(f"{server.base_uri}Patient/{state['id']}")
    assert answer.status_code == 410, answer.status_code


steps = [capabilities, create, read, update, patch, history, search, transaction, delete]
checks.run("fhirclient", [(step.__name__, step) for step in steps])
