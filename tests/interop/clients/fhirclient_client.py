"""fhirclient (SMART Health IT's client with R4 4.0.1 models) drives the running server. https://pypi.org/project/fhirclient/"""

from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.observation import Observation
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


def search_page_by_page(state):
    Bundle(checks.ward_round("Fhirclientround")).create(server)
    where = {"family": "Fhirclientround", "_count": "2", "_sort": "-birthdate"}
    pages = list(Patient.where(where).perform_iter(server))
    assert [len(p.entry) for p in pages] == [2, 2, 1]
    years = [e.resource.birthDate.as_json()[:4] for p in pages for e in p.entry]
    assert years == ["1954", "1953", "1952", "1951", "1950"]
    state["round"] = {e.resource.id for p in pages for e in p.entry}


def search_by_chain(state):
    found = Observation.where({"subject:Patient.family": "Fhirclientround", "_count": "4"}).perform_resources_iter(server)
    assert len({o.id for o in found}) == 15
    name = "patient.general-practitioner:Practitioner.name"
    found = Observation.where({name: "Fhirclientrounddoctor", "date": {"$and": ["ge2024-02-01", "lt2024-03-01"]}})
    assert len(list(found.perform_resources_iter(server))) == 5
    assert not list(Observation.where({name: "Nobody"}).perform_resources_iter(server))


def search_by_reverse_chain(state):
    seen = {"_has:Observation:patient:code": "urn:ward:interop:round|Fhirclientround-2", "_count": "3"}
    assert {p.id for p in Patient.where(seen).perform_resources_iter(server)} == state["round"]


def search_with_includes(state):
    search = Patient.where({"family": "Fhirclientround"}).include("generalPractitioner")
    # The client writes element names; the parameter is called otherwise, and what is unknown is told.
    kinds = [r.resource_type for r in search.perform_resources_iter(server)]
    assert kinds.count("Patient") == 5
    search = Observation.where({"code": "Fhirclientround-0"}).include("subject")
    kinds = [r.resource_type for r in search.perform_resources_iter(server)]
    assert kinds.count("Observation") == 5 and kinds.count("Patient") == 5, kinds
    search = Patient.where({"family": "Fhirclientround"}).include("subject", Observation, reverse=True)
    kinds = [r.resource_type for r in search.perform_resources_iter(server)]
    assert kinds.count("Patient") == 5 and kinds.count("Observation") == 15, kinds


def search_posted_and_counted(state):
    form = {"family": "Fhirclientround", "_summary": "count"}
    answer = server.session.post(f"{server.base_uri}Patient/_search", data=form)
    server.raise_for_status(answer)
    bundle = Bundle(answer.json())
    assert bundle.total == 5 and not bundle.entry
    page = Patient.where({"family": "Fhirclientround", "_count": "1", "_total": "accurate"})._read_bundle(server)
    assert page.total == 5 and len(page.entry) == 1


def delete(state):
    Patient.read(state["id"], server).delete(server)
    answer = server.session.get(f"{server.base_uri}Patient/{state['id']}")
    assert answer.status_code == 410, answer.status_code


steps = [capabilities, create, read, update, patch, history, search, transaction]
steps += [search_page_by_page, search_by_chain, search_by_reverse_chain, search_with_includes, search_posted_and_counted, delete]
checks.run("fhirclient", [(step.__name__, step) for step in steps])
