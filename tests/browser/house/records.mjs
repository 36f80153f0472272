// Two patients with results of a laboratory, vital signs and problems, and a visit of one of them.

const CATEGORY = 'http://terminology.hl7.org/CodeSystem';

/** Ids of Ada's observations by category. */
export const LABORATORY = ['potassium', 'sodium'];
export const VITAL_SIGNS = ['pulse'];

export function records() {
  return [
    person('Practitioner', 'demo-clinician', 'Hopper', 'Grace'),
    person('Patient', 'ada', 'Lovelace', 'Ada', '1815-12-10'),
    person('Patient', 'alan', 'Turing', 'Alan', '1912-06-23'),
    visit('visit-1', 'ada'),
    ...['ada', 'alan'].flatMap((patient) => [
      observation(patient, 'potassium', 'laboratory', '2823-3', 4.1, 'mmol/L'),
      observation(patient, 'sodium', 'laboratory', '2951-2', 140, 'mmol/L'),
      observation(patient, 'pulse', 'vital-signs', '8867-4', 71, '/min'),
      problem(patient),
    ]),
  ];
}

/** Id of a patient's observation. */
export const of = (patient, name) => `${patient}-${name}`;

function person(resourceType, id, family, given, birthDate) {
  const identifier = birthDate && [{ system: 'urn:ward:browser', value: `MRN-${birthDate.slice(0, 4)}` }];
  return { resourceType, id, name: [{ use: 'official', family, given: [given] }], ...(birthDate && { birthDate, identifier }) };
}

function visit(id, patient) {
  const subject = { reference: `Patient/${patient}` };
  const type = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' };
  return { resourceType: 'Encounter', id, status: 'in-progress', class: type, subject };
}

function observation(patient, name, category, code, value, unit) {
  return {
    resourceType: 'Observation',
    id: of(patient, name),
    status: 'final',
    category: [{ coding: [{ system: `${CATEGORY}/observation-category`, code: category }] }],
    code: { coding: [{ system: 'http://loinc.org', code }], text: name },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-03-02T08:00:00Z',
    valueQuantity: { value, unit },
  };
}

function problem(patient) {
  return {
    resourceType: 'Condition',
    id: of(patient, 'asthma'),
    category: [{ coding: [{ system: `${CATEGORY}/condition-category`, code: 'problem-list-item' }] }],
    code: { coding: [{ system: 'http://snomed.info/sct', code: '195967001' }], text: 'Asthma' },
    subject: { reference: `Patient/${patient}` },
  };
}
