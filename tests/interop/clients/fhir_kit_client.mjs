// fhir-kit-client drives the running server. https://www.npmjs.com/package/fhir-kit-client

import assert from 'node:assert/strict';
import Client from 'fhir-kit-client';

const client = new Client({ baseUrl: process.env.WARD_BASE, bearerToken: process.env.WARD_TOKEN });
const state = {};

const patient = (family) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:ward:interop', value: family }],
  name: [{ family, given: ['Tamar'] }],
  gender: 'female',
});

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
