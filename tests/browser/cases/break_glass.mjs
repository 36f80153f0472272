// Somebody opens a record in an emergency: on a phone as well, and without scripts. (R22)

import assert from 'node:assert/strict';

async function r22_a_doctor_opens_one_record_and_closes_it(house) {
  const { clinician } = house.people;
  const visit = await house.visit({ javaScriptEnabled: false });
  await visit.go('/auth/break-glass?patient=ada');
  await clinician.signIn(visit);
  // After the sign-in it is still about the same patient.
  await visit.at('Emergency access');
  assert.equal(await visit.page.getByLabel('Patient', { exact: true }).inputValue(), 'ada');
  assert.match(await visit.page.locator('main').innerText(), /This is\s+Ada Lovelace/);
  await visit.press('Open the record');
  await visit.at('Emergency access');
  assert.match(await visit.alert(), /Choose a reason/);
  await visit.page.getByLabel('Emergency', { exact: true }).check();
  await visit.fill('In your own words', 'brought in unconscious');
  await visit.press('Open the record');
  await visit.at('Emergency access');
  assert.match(await visit.notice(), /record of patient ada is open to you until/);
  await visit.press('End the access to ada');
  await visit.at('Emergency access');
  assert.equal(await visit.notice(), 'The record is closed to you again.');
  assert.equal(await visit.page.getByRole('button', { name: 'End the access to ada' }).count(), 0);
}

async function t25_who_may_not_does_not_see_it(house) {
  const visit = await house.visitAs('ada');
  await visit.go('/auth/apps');
  await visit.at('Apps with access');
  assert.equal(await visit.page.getByRole('link', { name: 'Emergency access' }).count(), 0);
  const answer = await visit.go('/auth/break-glass');
  assert.equal(answer.status(), 403);
  await visit.at('Not permitted');
}

export default [r22_a_doctor_opens_one_record_and_closes_it, t25_who_may_not_does_not_see_it];
