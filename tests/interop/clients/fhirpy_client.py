"""fhirpy drives the running server. https://pypi.org/project/fhirpy/"""

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

import checks

client = SyncFHIRClient(checks.BASE, authorization=f"Bearer {checks.TOKEN}")


def create(state):
    patient = client.resource(**{k: v for k, v in checks.patient("Fhirpy").items() if k != "resourceType"}, resource_type="Patient")
    patient.save()
    assert patient.id and patient["meta"]["versionId"], patient
    state["patient"] = patient


def read(state):
    found = client.reference("Patient", state["patient"].id).to_resource()
    assert found.serialize() == state["patient"].serialize()


def update(state):
    patient = state["patient"]
    before = patient["meta"]["versionId"]
    patient["gender"] = "other"
    patient.save()
    assert patient["meta"]["versionId"] != before
    assert client.get("Patient", patient.id)["gender"] == "other"


def patch(state):
    path = f"Patient/{state['patient'].id}"
    operations = [{"op": "replace", "path": "/gender", "value": "unknown"}]
    client._do_request("patch", path, data=operations, extra_headers={"Content-Type": "application/json-patch+json"})
    assert client.get("Patient", state["patient"].id)["gender"] == "unknown"


def refresh_without_change(state):
    patient = client.resources("Patient").search(_id=state["patient"].id).first()
    patient.refresh()
    assert patient["gender"] == "unknown"


def history(state):
    bundle = client.execute(f"Patient/{state['patient'].id}/_history", method="get")
    assert bundle["type"] == "history" and len(bundle["entry"]) == 3, bundle


def search(state):
    found = client.resources("Patient").search(identifier="urn:ward:interop|Fhirpy-Tamar").fetch_all()
    assert [p.id for p in found] == [state["patient"].id]
    assert client.resources("Patient").search(family="Nobody-is-called-so").fetch() == []


def validate(state):
    assert client.resource("Patient", gender="male").is_valid()


def refuse(state):
    try:
        client.resource("Patient", gender="purple").save()
    except OperationOutcome as outcome:
        assert "gender" in str(outcome)
    else:
        raise AssertionError("a wrong code was stored")


def transaction(state):
    answer = client.execute("", data=checks.transaction("Fhirpytransaction"))
    assert answer["type"] == "transaction-response"
    assert [e["response"]["status"][:3] for e in answer["entry"]] == ["201", "201"]


def search_page_by_page(state):
    client.execute("", data=checks.ward_round("Fhirpyround"))
    found = client.resources("Patient").search(family="Fhirpyround").sort("-birthdate").limit(2).fetch_all()
    assert [p["birthDate"][:4] for p in found] == ["1954", "1953", "1952", "1951", "1950"]
    state["round"] = [p.id for p in found]
    seen = client.resources("Observation").search(subject__Patient__family="Fhirpyround").limit(4).fetch_all()
    assert len({o.id for o in seen}) == len(seen) == 15


def search_by_chain(state):
    of_doctor = client.resources("Patient").search(general_practitioner__Practitioner__name="Fhirpyrounddoctor")
    assert {p.id for p in of_doctor.fetch_all()} == set(state["round"])
    two = client.resources("Observation").search(patient__Patient__general_practitioner__Practitioner__name="Fhirpyrounddoctor")
    assert len(two.limit(7).fetch_all()) == 15
    assert client.resources("Patient").search(general_practitioner__Practitioner__name="Nobody").fetch_all() == []


def search_by_reverse_chain(state):
    seen = client.resources("Patient").has("Observation", "patient", code="urn:ward:interop:round|Fhirpyround-1", date__ge="2024-02-04")
    assert len(seen.limit(1).fetch_all()) == 5
    early = client.resources("Patient").has("Observation", "patient", code="Fhirpyround-9")
    assert early.fetch_all() == []


def search_with_includes(state):
    bundle = client.resources("Patient").search(family="Fhirpyround").include("Patient", "general-practitioner").fetch_raw()
    modes = [(e["search"]["mode"], e["resource"]["resourceType"]) for e in bundle["entry"]]
    assert modes.count(("match", "Patient")) == 5 and modes.count(("include", "Practitioner")) == 1, modes
    bundle = client.resources("Patient").search(_id=state["round"][0]).revinclude("Observation", "patient").fetch_raw()
    modes = [(e["search"]["mode"], e["resource"]["resourceType"]) for e in bundle["entry"]]
    assert modes.count(("match", "Patient")) == 1 and modes.count(("include", "Observation")) == 3, modes


def search_counts(state):
    assert client.resources("Patient").search(family="Fhirpyround").count() == 5
    assert client.resources("Patient").search(family="Nobody-is-called-so").count() == 0


def delete(state):
    patient = state["patient"]
    patient.delete()
    try:
        client.get("Patient", patient.id)
    except ResourceNotFound:
        return
    raise AssertionError("a deleted resource was read")


steps = [create, read, update, patch, refresh_without_change, history, search, validate, refuse, transaction]
steps += [search_page_by_page, search_by_chain, search_by_reverse_chain, search_with_includes, search_counts, delete]
checks.run("fhirpy", [(step.__name__, step) for step in steps])
