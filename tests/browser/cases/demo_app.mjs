// The demo's sample app, `/demo/app/`: it signs a person in as any app does, and shows one patient's laboratory results.

import assert from 'node:assert/strict';
import { DESKTOP, PHONE } from '../house/visit.mjs';

const PATH = '/demo/app/';
const WELCOME = 'Your laboratory results, in one place';
const CONSENT = 'Give this app access?';
const LABORATORY = [['potassium', '4.1 mmol/L'], ['sodium', '140 mmol/L']];

/** Waits until the app shows this heading, and looks whether it fits. */
async function at(visit, heading) {
  await visit.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  for (const size of [PHONE, DESKTOP]) {
    await visit.page.setViewportSize(size);
    assert.equal(await visit.wider(), 0, `${heading} is wider than ${size.width} px`);
  }
  const { pathname, search } = new URL(visit.page.url());
  assert.deepEqual([pathname, search], [PATH, ''], 'a code does not stay in the address');
}

async function open(visit) {
  await visit.go(PATH);
  await at(visit, WELCOME);
  await visit.press('Sign in at the hospital');
}

/** From the app to its patient's record, as somebody who is signed in. */
async function opened(house, name) {
  const visit = await house.visitAs(name);
  await open(visit);
  await visit.at(CONSENT);
  assert.match(await visit.page.locator('main').innerText(), /My Labs/);
  await visit.press('Allow what is ticked');
  return visit;
}

/** Tests and values that the app shows. */
async function shown(visit) {
  const rows = await visit.page.locator('#results tr').all();
  const texts = rows.map(async (row) => [await row.locator('th').innerText(), await row.locator('.value').innerText()]);
  return (await Promise.all(texts)).sort();
}

/** What the app's token is answered with, asked by somebody who took it out of the page. */
async function answered(house, visit, path) {
  const token = await visit.page.evaluate(() => session.access_token);
  return fetch(`${house.ward.base}/${path}`, { headers: { Authorization: `Bearer ${token}` } });
}

async function s83_a_patient_sees_their_laboratory_results(house) {
  const visit = await opened(house, 'ada');
  await at(visit, 'Ada Lovelace');
  assert.equal(await visit.page.locator('#about').innerText(), 'Born Dec 10, 1815');
  assert.deepEqual(await shown(visit), LABORATORY, 'and no vital signs');
  const kept = await visit.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.equal(kept, '[{},{},""]', 'it keeps nothing');
}

async function s75_no_other_patient_is_shown(house) {
  const visit = await opened(house, 'ada');
  await at(visit, 'Ada Lovelace');
  const absent = await answered(house, visit, 'Patient/nobody');
  for (const [path, status] of [['Patient/ada', 200], ['Patient/alan', absent.status], ['Observation/alan-sodium', absent.status]]) {
    assert.equal((await answered(house, visit, path)).status, status, path);
  }
  const found = await (await answered(house, visit, 'Observation?patient=alan')).json();
  assert.deepEqual(found.entry ?? [], []);
  // An app that takes another patient for its own shows nothing of theirs.
  await visit.page.evaluate(() => {
    session.patient = 'alan';
    return showRecord();
  });
  await at(visit, 'Laboratory results');
  assert.deepEqual(await shown(visit), LABORATORY, 'those of the patient of the token');
  const page = await visit.page.locator('body').innerText();
  assert.doesNotMatch(page, /Turing|Alan|1912/);
}

async function s83_a_clinician_looks_at_one_patient(house) {
  const visit = await house.visitAs('clinician');
  await open(visit);
  await visit.at('Choose a patient');
  await visit.page.locator('button.choice', { hasText: 'Turing, Alan' }).click();
  await visit.at(CONSENT);
  assert.match(await visit.page.locator('main').innerText(), /The record is of\s+Alan Turing/);
  await visit.press('Allow what is ticked');
  await at(visit, 'Alan Turing');
  assert.deepEqual(await shown(visit), LABORATORY);
  assert.notEqual((await answered(house, visit, 'Patient/ada')).status, 200, 'whom the clinician may see, and did not choose');
}

async function s33_what_is_not_allowed_is_not_shown(house) {
  const visit = await house.visitAs('ada');
  await open(visit);
  await visit.at(CONSENT);
  await visit.press('Do not allow');
  await at(visit, WELCOME);
  assert.equal(await visit.notice(), 'Nothing was shared: you did not allow it.');
  await visit.press('Sign in at the hospital');
  await visit.at(CONSENT);
  await visit.scope('patient/Observation.rs').uncheck();
  await visit.press('Allow what is ticked');
  await at(visit, 'Ada Lovelace');
  assert.deepEqual(await shown(visit), []);
  assert.ok(await visit.page.getByText('There are no laboratory results that this app may see.').isVisible());
}

async function s49_whoever_leaves_takes_the_access_back(house) {
  const visit = await opened(house, 'ada');
  await at(visit, 'Ada Lovelace');
  const token = await visit.page.evaluate(() => session.access_token);
  await visit.page.getByRole('button', { name: 'Give the access back and leave' }).click();
  await at(visit, WELCOME);
  assert.equal(await visit.notice(), 'You gave the access back. This page has forgotten your results.');
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal((await fetch(`${house.ward.base}/Patient/ada`, { headers })).status, 401);
  assert.doesNotMatch(await visit.page.locator('body').innerText(), /Lovelace|sodium/);
}

async function x56_an_answer_that_was_not_asked_for_is_refused(house) {
  const visit = await house.visitAs('ada');
  await visit.go(`${PATH}?code=of-somebody-else&state=made-up&iss=${house.ward.origin}`);
  await at(visit, WELCOME);
  assert.equal(await visit.alert(), 'This sign-in was not begun here. Please begin again.');
  await visit.go(`${PATH}?launch=x&iss=https://evil.example/fhir`);
  await visit.page.getByRole('alert').waitFor();
  assert.equal(await visit.alert(), 'This app is registered at its own hospital only.');
}

export default [
  s83_a_patient_sees_their_laboratory_results,
  s75_no_other_patient_is_shown,
  s83_a_clinician_looks_at_one_patient,
  s33_what_is_not_allowed_is_not_shown,
  s49_whoever_leaves_takes_the_access_back,
  x56_an_answer_that_was_not_asked_for_is_refused,
];
