"""The OpenAPI document against the OpenAPI 3.1 schema and what it says beyond it. https://pypi.org/project/openapi-spec-validator/"""

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

import checks


def faults(document):
    """What the schema refuses, and parameters that no path names, references to nothing, operations named twice."""
    return [f"{'/'.join(map(str, fault.path))}: {fault.message[:300]}" for fault in OpenAPIV31SpecValidator(document).iter_errors()]


def is_valid(state):
    answer = requests.get(f"{checks.BASE}/openapi.json", timeout=60)
    answer.raise_for_status()
    state["document"] = document = answer.json()
    assert document["openapi"].startswith("3.1."), document["openapi"]
    assert len(document["paths"]) > 1000, len(document["paths"])
    assert faults(document) == []


def mistakes_are_seen(state):
    """The same of one type is refused once it has a mistake, so that silence means something."""
    document = state["document"]
    document["paths"] = {path: item for path, item in document["paths"].items() if path in ("/Patient", "/Patient/{id}")}
    parameters = document["paths"]["/Patient/{id}"]["get"].pop("parameters")
    assert any("'id'" in fault for fault in faults(document))
    document["paths"]["/Patient/{id}"]["get"]["parameters"] = parameters
    del document["info"]["title"]
    assert any("'title'" in fault for fault in faults(document))


checks.run("openapi", [("is_valid", is_valid), ("mistakes_are_seen", mistakes_are_seen)])
