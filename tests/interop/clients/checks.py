"""Reports the steps of a client's visit in the form of Rust's test harness, so that ./test can add them up."""

import os
import sys
import traceback
import uuid

BASE = os.environ["WARD_BASE"]
TOKEN = os.environ["WARD_TOKEN"]


def run(client, steps):
    """Runs (name, function) in order, each given one shared dict; ends the process with 1 when a step failed."""
    passed = failed = 0
    state = {}
    for name, step in steps:
        try:
            step(state)
            passed += 1
            print(f"test {client}::{name} ... ok", flush=True)
        except Exception:
            failed += 1
            print(f"test {client}::{name} ... FAILED", flush=True)
            traceback.print_exc()
    word = "FAILED" if failed else "ok"
    print(f"test result: {word}. {passed} passed; {failed} failed; 0 ignored", flush=True)
    sys.exit(1 if failed else 0)


def patient(family, given="Tamar"):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:ward:interop", "value": f"{family}-{given}"}],
        "name": [{"family": family, "given": [given]}],
        "gender": "female",
        "birthDate": "1970-05",
    }


def transaction(family):
    urn = "urn:uuid:6d2f3cb4-6f3a-4c0e-9d4e-0f6f6f7c1a11"
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "subject": {"reference": urn},
        "valueQuantity": {"value": 120.50, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": urn, "resource": patient(family), "request": {"method": "POST", "url": "Patient"}},
            {"resource": observation, "request": {"method": "POST", "url": "Observation"}},
        ],
    }


def ward_round(word):
    """A transaction: a practitioner named after the word, five patients of theirs, three observations of each patient."""
    system = "urn:ward:interop:round"
    doctor = {"resourceType": "Practitioner", "name": [{"family": f"{word}doctor"}]}
    entry = [{"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": doctor, "request": {"method": "POST", "url": "Practitioner"}}]
    for n in range(5):
        urn = f"urn:uuid:{uuid.uuid4()}"
        one = {
            "resourceType": "Patient",
            "name": [{"family": word, "given": [f"{word}{n}"]}],
            "birthDate": f"19{50 + n}-01-01",
            "generalPractitioner": [{"reference": entry[0]["fullUrl"]}],
        }
        entry.append({"fullUrl": urn, "resource": one, "request": {"method": "POST", "url": "Patient"}})
        for m in range(3):
            seen = {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": system, "code": f"{word}-{m}"}]},
                "subject": {"reference": urn},
                "effectiveDateTime": f"2024-0{m + 1}-0{n + 1}",
            }
            entry.append({"resource": seen, "request": {"method": "POST", "url": "Observation"}})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entry}
