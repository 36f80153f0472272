// An EHR opens the app for who is signed in there. <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch>

import assert from 'node:assert/strict';
import { decide, fillIn, shown } from './registration.mjs';
import { EHR_SCOPE } from '../house/app_server.mjs';
import { signedIn, state, statusOf } from '../house/fhirclient.mjs';

const EHR = 'Records system';

/** What the server answers to a launch context. */
function launched({ ward, app, ehr }, context = {}) {
  const secret = Buffer.from(`${ehr.id}:${ehr.secret}`).toString('base64');
  return fetch(`${ward.origin}/auth/launch`, {
    method: 'POST',
    headers: { Authorization: `Basic ${secret}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ app: app.clientId, ...context }),
  });
}

/** The address that the EHR opens. */
async function launchUrl(house, context) {
  const answer = await launched(house, context);
  assert.equal(answer.status, 201);
  return (await answer.json()).launch_url;
}

async function an_ehr_is_registered_and_allowed_to_launch(house) {
  const { app } = house;
  const visit = await house.visitAs('admin');
  await visit.go('/auth/developer');
  await visit.at('Register an app');
  await fillIn(visit, { name: EHR, redirects: `${app.origin}/ehr`, launch: '', scope: EHR_SCOPE });
  await visit.page.getByLabel('On a server, with a person in front of it', { exact: true }).check();
  await visit.press('Ask for registration');
  await visit.at('Register an app');
  house.ehr = { id: await shown(visit, 'Client id'), secret: await shown(visit, 'Client secret') };
  await decide(visit, EHR, 'Approve for a year');
  assert.equal((await (await launched(house)).json()).error, 'unauthorized_client', 'not every client is an EHR');
  await decide(visit, EHR, 'Let it launch apps');
  assert.equal(await visit.notice(), `${EHR} may launch apps.`);
  assert.equal((await launched(house)).status, 201);
}

const CONTEXT = { patient: 'ada', encounter: 'visit-1', intent: 'reconcile', need_patient_banner: false };

async function s83_s84_patient_and_encounter_come_with_the_launch(house) {
  const url = await launchUrl(house, { ...CONTEXT, user: 'Practitioner/demo-clinician' });
  assert.ok(url.startsWith(`${house.app.origin}/launch?iss=${encodeURIComponent(house.ward.base)}&launch=`), url);
  const visit = await house.visitAs('clinician');
  await visit.go(url);
  await visit.at('Give this app access?');
  assert.match(await visit.page.locator('main').innerText(), /The record is of\s+Ada Lovelace/);
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  const { patient, encounter, tokenResponse } = await state(visit);
  assert.deepEqual([patient, encounter], ['ada', 'visit-1']);
  assert.equal(tokenResponse.intent, 'reconcile');
  assert.equal(tokenResponse.need_patient_banner, false);
  assert.equal(await statusOf(visit, 'Patient/ada'), 200);
  assert.ok([403, 404].includes(await statusOf(visit, 'Patient/alan')), 'the launch is about Ada');

  // The launch is used up.
  await visit.go(url);
  await visit.page.getByText(/^Not signed in: invalid_request: .*launch/).waitFor();
}

async function s28_a_launch_is_for_who_is_at_the_ehr(house) {
  const url = await launchUrl(house, { ...CONTEXT, user: 'Practitioner/somebody-else' });
  const visit = await house.visitAs('clinician');
  await visit.go(url);
  await visit.page.getByText('Not signed in: invalid_request: launch was made for another user').waitFor();
}

export default [
  an_ehr_is_registered_and_allowed_to_launch,
  s83_s84_patient_and_encounter_come_with_the_launch,
  s28_a_launch_is_for_who_is_at_the_ehr,
];
