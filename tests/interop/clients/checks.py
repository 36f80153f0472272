"""Reports the steps of a client's visit in the form of Rust's test harness, so that ./test can add them up."""

import os
import sys
import traceback

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
