// fhir-kit-client drives the running server. https://www.npmjs.com/package/fhir-kit-client

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import Client from 'fhir-kit-client';

const client = new Client({ baseUrl: process.env.WARD_BASE, bearerToken: process.env.WARD_TOKEN });
const state = {};

const patient = (family) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:ward:interop', value: family }],
  name: [{ family, given: ['Tamar'] }],
  gender: 'female',
});

// A practitioner named after the word, five patients of theirs, two observations of each patient.
const wardRound = (word) => {
  const urn = () => `urn:uuid:${randomUUID()}`;
  const made = (fullUrl, resource) => ({ fullUrl, resource, request: { method: 'POST', url: resource.resourceType } });
  const doctor = urn();
  const entry = [made(doctor, { resourceType: 'Practitioner', name: [{ family: `${word}doctor` }] })];
  for (let n = 0; n < 5; n += 1) {
    const subject = urn();
    const name = [{ family: word, given: [`${word}${n}`] }];
    entry.push(made(subject, { resourceType: 'Patient', name, birthDate: `195${n}-01-01`, generalPractitioner: [{ reference: doctor }] }));
    for (const code of ['early', 'late']) {
      const coding = [{ system: 'urn:ward:interop:round', code: `${word}-${code}` }];
      entry.push(made(urn(), { resourceType: 'Observation', status: 'final', code: { coding }, subject: { reference: subject } }));
    }
  }
  return { resourceType: 'Bundle', type: 'transaction', entry };
};

// Every page by `next`.
const walk = async (first) => {
  const pages = [first];
  for (let next = await client.nextPage({ bundle: first }); next; next = await client.nextPage({ bundle: next })) pages.push(next);
  return pages;
};
const of = (bundle, mode) => (bundle.entry ?? []).filter((e) => e.search.mode === mode).map((e) => e.resource);

const steps = {
  async capabilities() {
    const statement = await client.capabilityStatement();
    assert.equal(statement.fhirVersion, '4.0.1');
  },
  async create() {
    const made = await client.create({ resourceType: 'Patient', body: patient('Kit') });
    assert.equal(Client.httpFor(made).response.status, 201);
    assert.ok(made.id);
    state.id = made.id;
  },
  async read() {
    const found = await client.read({ resourceType: 'Patient', id: state.id });
    assert.equal(found.name[0].family, 'Kit');
    state.patient = found;
  },
  async vread() {
    const version = state.patient.meta.versionId;
    const found = await client.vread({ resourceType: 'Patient', id: state.id, version });
    assert.deepEqual(found, state.patient);
  },
  async update() {
    const body = { ...state.patient, gender: 'other' };
    const changed = await client.update({ resourceType: 'Patient', id: state.id, body });
    assert.equal(changed.gender, 'other');
    assert.notEqual(changed.meta.versionId, state.patient.meta.versionId);
  },
  async patch() {
    const JSONPatch = [{ op: 'replace', path: '/gender', value: 'male' }];
    const changed = await client.patch({ resourceType: 'Patient', id: state.id, JSONPatch });
    assert.equal(changed.gender, 'male');
  },
  async history() {
    const bundle = await client.history({ resourceType: 'Patient', id: state.id });
    assert.equal(bundle.type, 'history');
    assert.equal(bundle.entry.length, 3);
  },
  async search() {
    const bundle = await client.search({ resourceType: 'Patient', searchParams: { identifier: 'urn:ward:interop|Kit' } });
    assert.equal(bundle.type, 'searchset');
    assert.deepEqual(bundle.entry.map((e) => e.resource.id), [state.id]);
  },
  async batch() {
    const entry = [{ request: { method: 'GET', url: `Patient/${state.id}` } }, { request: { method: 'GET', url: 'Patient/absent-0' } }];
    const answer = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry } });
    assert.deepEqual(answer.entry.map((e) => e.response.status.slice(0, 3)), ['200', '404']);
  },
  async transaction() {
    const fullUrl = 'urn:uuid:0f4f0c56-4a0d-4b3a-9f0e-7a2f0e6b2c33';
    const observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'seen' },
      subject: { reference: fullUrl },
    };
    const body = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { fullUrl, resource: patient('Kittransaction'), request: { method: 'POST', url: 'Patient' } },
        { resource: observation, request: { method: 'POST', url: 'Observation' } },
      ],
    };
    const answer = await client.transaction({ body });
    const [, location] = answer.entry.map((e) => e.response.location.split('/_history/')[0].split('/').slice(-2).join('/'));
    const stored = await client.resolve({ reference: location });
    const subject = await client.resolve({ reference: stored.subject.reference });
    assert.equal(subject.name[0].family, 'Kittransaction');
  },
  async searchPageByPage() {
    await client.transaction({ body: wardRound('Kitround') });
    const searchParams = { family: 'Kitround', _sort: '-birthdate', _count: 2 };
    const pages = await walk(await client.resourceSearch({ resourceType: 'Patient', searchParams }));
    assert.deepEqual(pages.map((page) => page.entry.length), [2, 2, 1]);
    const years = pages.flatMap((page) => of(page, 'match').map((p) => p.birthDate.slice(0, 4)));
    assert.deepEqual(years, ['1954', '1953', '1952', '1951', '1950']);
    state.round = pages.flatMap((page) => of(page, 'match').map((p) => p.id)).sort();
    const before = await client.prevPage({ bundle: pages[2] });
    assert.deepEqual(of(before, 'match').map((p) => p.id), of(pages[1], 'match').map((p) => p.id));
  },
  async searchByChain() {
    const searchParams = { 'subject:Patient.general-practitioner:Practitioner.name': 'Kitrounddoctor', _count: 3 };
    const pages = await walk(await client.resourceSearch({ resourceType: 'Observation', searchParams }));
    assert.equal(new Set(pages.flatMap((page) => of(page, 'match').map((o) => o.id))).size, 10);
    const none = await client.resourceSearch({ resourceType: 'Observation', searchParams: { 'subject:Patient.family': 'Nobody' } });
    assert.deepEqual(of(none, 'match'), []);
  },
  async searchByReverseChain() {
    const searchParams = { '_has:Observation:patient:code': 'urn:ward:interop:round|Kitround-late', _count: 2 };
    const pages = await walk(await client.resourceSearch({ resourceType: 'Patient', searchParams }));
    assert.deepEqual(pages.flatMap((page) => of(page, 'match').map((p) => p.id)).sort(), state.round);
  },
  async searchWithIncludes() {
    const searchParams = { family: 'Kitround', _include: 'Patient:general-practitioner', _revinclude: 'Observation:subject' };
    const bundle = await client.resourceSearch({ resourceType: 'Patient', searchParams });
    assert.equal(of(bundle, 'match').length, 5);
    const types = of(bundle, 'include').map((r) => r.resourceType);
    assert.equal(types.filter((t) => t === 'Practitioner').length, 1);
    assert.equal(types.filter((t) => t === 'Observation').length, 10);
  },
  async searchPostedInACompartmentAndCounted() {
    const options = { postSearch: true };
    const searchParams = { family: 'Kitround', _total: 'accurate', _count: 2 };
    const posted = await client.resourceSearch({ resourceType: 'Patient', searchParams, options });
    assert.equal(posted.total, 5);
    assert.equal((await walk(posted)).length, 3);
    const counted = await client.resourceSearch({ resourceType: 'Patient', searchParams: { family: 'Kitround', _summary: 'count' } });
    assert.equal(counted.total, 5);
    assert.equal(counted.entry, undefined);
    const compartment = { resourceType: 'Patient', id: state.round[0] };
    const within = await client.compartmentSearch({ resourceType: 'Observation', compartment, searchParams: { code: 'Kitround-early' }, options });
    assert.equal(of(within, 'match').length, 1);
    const everywhere = await client.systemSearch({ searchParams: { _type: 'Patient,Practitioner', _id: state.round.join(','), _count: 4 } });
    assert.equal((await walk(everywhere)).flatMap((page) => of(page, 'match')).length, 5);
  },
  async remove() {
    await client.delete({ resourceType: 'Patient', id: state.id });
    await assert.rejects(client.read({ resourceType: 'Patient', id: state.id }), (e) => e.response.status === 410);
  },
};

let passed = 0;
let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    passed += 1;
    console.log(`test fhir-kit-client::${name} ... ok`);
  } catch (problem) {
    failed += 1;
    console.log(`test fhir-kit-client::${name} ... FAILED`);
    console.error(problem);
  }
}
console.log(`test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; 0 ignored`);
process.exitCode = failed ? 1 : 0;
