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


def delete(state):
    patient = state["patient"]
    patient.delete()
    try:
        client.get("Patient", patient.id)
    except ResourceNotFound:
        return
    raise AssertionError("a deleted resource was read")


steps = [create, read, update, patch, refresh_without_change, history, search, validate, refuse, transaction, delete]
checks.run("fhirpy", [(step.__name__, step) for step in steps])
