// What a person leaves out or gives in parts is what the app can see. (S32, S34)

import assert from 'node:assert/strict';
import { search, signedIn, statusOf } from '../house/fhirclient.mjs';
import { LABORATORY, VITAL_SIGNS, of } from '../house/records.mjs';

const ids = (names) => names.map((name) => of('ada', name)).sort();

async function asked(house, scope) {
  const visit = await house.visitAs('ada');
  await visit.go(house.app.opened(scope));
  await visit.at('Give this app access?');
  return visit;
}

async function s31_a_scope_that_is_dropped_is_refused(house) {
  const visit = await asked(house);
  await visit.scope('patient/Condition.rs').uncheck();
  await visit.press('Allow what is ticked');
  const granted = await signedIn(visit);
  assert.ok(!granted.includes('patient/Condition.rs'), granted);
  assert.equal(await statusOf(visit, 'Condition'), 403);
  assert.equal(await statusOf(visit, `Condition/${of('ada', 'asthma')}`), 403);
  assert.deepEqual(await search(visit, 'Observation'), ids([...LABORATORY, ...VITAL_SIGNS]));
}

async function s34_a_part_is_all_that_is_seen(house) {
  const visit = await asked(house);
  const part = visit.page.getByLabel('laboratory results', { exact: true });
  assert.equal(await part.isVisible(), false, 'there are no parts to choose while the whole is ticked');
  await visit.scope('patient/Observation.rs').uncheck();
  await visit.at('Give this app access?');
  await part.check();
  await visit.press('Allow what is ticked');
  const granted = await signedIn(visit);
  const observations = granted.filter((scope) => scope.startsWith('patient/Observation'));
  assert.deepEqual(observations, ['patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory']);
  assert.deepEqual(await search(visit, 'Observation'), ids(LABORATORY));
  assert.equal(await statusOf(visit, `Observation/${of('ada', 'potassium')}`), 200);
  assert.notEqual(await statusOf(visit, `Observation/${of('ada', 'pulse')}`), 200);
}

async function untickAll(visit) {
  for (const box of await visit.page.locator('.asked > .tick > input[type=checkbox][name=scope]').all()) await box.uncheck();
}

async function s31_who_somebody_is_can_be_all_that_is_given(house) {
  const visit = await asked(house);
  await untickAll(visit);
  await visit.press('Allow what is ticked');
  const granted = await signedIn(visit);
  assert.deepEqual(granted.sort(), ['fhirUser', 'launch/patient', 'openid']);
  assert.equal(await statusOf(visit, 'Patient/ada'), 403);
}

async function s31_nothing_at_all_is_no_answer(house) {
  const visit = await asked(house, 'launch/patient patient/Patient.rs patient/Condition.rs');
  await untickAll(visit);
  await visit.press('Allow what is ticked');
  assert.match(await visit.alert(), /at least one thing/);
  await visit.at('Give this app access?');
  await visit.scope('patient/Patient.rs').check();
  await visit.scope('patient/Condition.rs').uncheck();
  await visit.press('Allow what is ticked');
  assert.deepEqual((await signedIn(visit)).sort(), ['launch/patient', 'patient/Patient.rs']);
}

export default [
  s31_a_scope_that_is_dropped_is_refused,
  s34_a_part_is_all_that_is_seen,
  s31_who_somebody_is_can_be_all_that_is_given,
  s31_nothing_at_all_is_no_answer,
];
