// A person opens the app by themselves. <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-standalone-launch>

import assert from 'node:assert/strict';
import { SCOPE } from '../house/app_server.mjs';
import { signedIn, state } from '../house/fhirclient.mjs';

async function s83_a_clinician_chooses_a_patient(house) {
  const { app, people } = house;
  const visit = await house.visit();
  await visit.go(app.opened(`${SCOPE} user/Practitioner.rs`));
  await people.clinician.signIn(visit);
  await visit.at('Choose a patient');
  const found = visit.page.locator('button.choice');
  const names = (await found.locator('strong').allInnerTexts()).map((name) => name.trim());
  assert.deepEqual(names, ['Lovelace, Ada', 'Turing, Alan'], 'by family name');
  for (const [searched, name] of [['1912-06-23', 'Turing, Alan'], ['MRN-1815', 'Lovelace, Ada'], ['Lov', 'Lovelace, Ada']]) {
    await visit.fill('Name, birth date or number', searched);
    await visit.press('Search');
    await visit.at('Choose a patient');
    assert.equal(await found.count(), 1, searched);
    assert.match(await found.innerText(), new RegExp(name));
  }
  assert.match(await found.innerText(), /born 1815-12-10\s+MRN-1815/);
  await found.click();
  await visit.at('Give this app access?');
  assert.match(await visit.page.locator('main').innerText(), /The record is of\s+Ada Lovelace/);
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  people.clinician.session = await visit.context.storageState();

  const { patient, fhirUser, tokenResponse } = await state(visit);
  assert.equal(patient, 'ada');
  assert.equal(fhirUser, 'Practitioner/demo-clinician');
  assert.equal(tokenResponse.token_type, 'Bearer');
  assert.ok(!('refresh_token' in tokenResponse), 'it did not ask to go on');
  assert.equal(await visit.page.evaluate(async () => (await client.patient.read()).name[0].family), 'Lovelace');
  assert.equal(await visit.page.evaluate(async () => (await client.user.read()).name[0].family), 'Hopper');
}

async function s83_a_patient_is_asked_about_no_other(house) {
  const visit = await house.visitAs('ada');
  await visit.go(house.app.opened());
  await visit.at('Give this app access?');
  assert.match(await visit.page.locator('main').innerText(), /You are\s+Ada Lovelace/);
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  const { patient, fhirUser } = await state(visit);
  assert.deepEqual([patient, fhirUser], ['ada', 'Patient/ada']);
  const patients = await visit.page.evaluate(() => client.request('Patient', { flat: true }));
  assert.deepEqual(patients.map((one) => one.id), ['ada']);
}

async function s31_whoever_says_no_gives_nothing(house) {
  const visit = await house.visitAs('ada');
  await visit.go(house.app.opened());
  await visit.at('Give this app access?');
  await visit.press('Do not allow');
  await visit.page.getByText('Not signed in: access_denied: the user did not agree').waitFor();
  assert.equal(await visit.page.evaluate(() => typeof window.client), 'undefined');
}

export default [
  s83_a_clinician_chooses_a_patient,
  s83_a_patient_is_asked_about_no_other,
  s31_whoever_says_no_gives_nothing,
];
