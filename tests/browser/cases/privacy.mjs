// A patient says who may see their record, and a privacy officer looks at what waits. By mouse, by keyboard, on a phone. (C23, R22)

import assert from 'node:assert/strict';
import { enrol, invite } from './enrolment.mjs';
import { tabTo } from './pages.mjs';
import { Person } from '../house/person.mjs';

const card = (visit, title) => visit.page.locator('.card', { has: visit.page.getByRole('heading', { name: title, exact: true }) });

/** To the form, where the doctor is looked for and chosen. */
async function chosen(visit, form) {
  await visit.go('/auth/consents');
  await visit.at('Who may see your record');
  await visit.follow(form);
  await visit.at(form);
  await visit.fill('Look for a person or an organization', 'hop');
  await visit.press('Look');
  await visit.at(form);
  await visit.page.getByLabel('Grace Hopper', { exact: true }).check();
}

async function c23_keeps_something_private_after_a_look_at_what_it_changes(house) {
  const visit = await house.visitAs('ada');
  await chosen(visit, 'Keep something private');
  await visit.page.getByLabel('Only what is ticked here').check();
  await visit.page.getByLabel('HIV', { exact: true }).check();
  await visit.press('See what it changes');
  await visit.at('Keep this private?');
  assert.match(await visit.page.locator('main').innerText(), /Nothing is saved yet/);
  await visit.press('Change it');
  await visit.at('Keep something private');
  assert.ok(await visit.page.getByLabel('HIV', { exact: true }).isChecked(), 'what was filled in is still there');
  await visit.page.getByLabel('My whole record').check();
  assert.ok(!(await visit.page.getByLabel('HIV', { exact: true }).isVisible()), 'what does not count is not shown');
  await visit.press('See what it changes');
  await visit.at('Keep this private?');
  const effect = await card(visit, 'Grace Hopper, for treatment').innerText();
  assert.match(effect, /Seen now\s+\d+ entries\s+Seen then\s+0 entries/);
  assert.match(effect, /Conditions and diagnoses: 1/);
  await visit.press('Keep it private');
  await visit.at('Who may see your record');
  assert.equal(await visit.notice(), 'It is kept private from now on.');
  assert.match(await card(visit, 'Kept from Grace Hopper').innerText(), /in force[\s\S]*Your whole record/);
}

async function c23_what_is_kept_private_is_not_seen(house) {
  const seen = async () => {
    const headers = { Authorization: `Bearer ${house.clinicianToken}` };
    const answer = await fetch(`${house.ward.base}/Observation/ada-pulse`, { headers });
    return answer.status;
  };
  assert.equal(await seen(), 404);
  const visit = await house.visitAs('ada');
  await visit.go('/auth/consents');
  await visit.at('Who may see your record');
  await visit.press('Withdraw: Kept from Grace Hopper');
  await visit.at('Withdraw this consent?');
  assert.match(await card(visit, 'Grace Hopper, for treatment').innerText(), /Seen from then on/);
  await visit.press('Withdraw it');
  await visit.at('Who may see your record');
  assert.equal(await visit.notice(), 'It is withdrawn, and counts no longer.');
  assert.match(await card(visit, 'Kept from Grace Hopper').innerText(), /withdrawn/);
  assert.equal(await seen(), 200);
}

async function c23_by_keyboard_alone(house) {
  const visit = await house.visitAs('ada');
  const { keyboard } = visit.page;
  await visit.go('/auth/consents');
  await visit.at('Who may see your record');
  await tabTo(visit, 'Allow something more');
  await keyboard.press('Enter');
  await visit.at('Allow something more');
  // Nothing is chosen yet: each thing that is missing is named, with a way to it.
  await tabTo(visit, 'See what it changes');
  await keyboard.press('Enter');
  await visit.page.getByRole('alert').waitFor();
  assert.match(await visit.alert(), /Who: Choose who it is about\.[\s\S]*What for: Tick what it is for\./);
  await tabTo(visit, 'Everybody who asks for what is ticked below');
  await keyboard.press('Space');
  await tabTo(visit, 'Research');
  await keyboard.press('Space');
  await tabTo(visit, 'See what it changes');
  await keyboard.press('Enter');
  await visit.at('Allow this?');
  assert.match(await card(visit, 'Researchers here').innerText(), /Seen from then on/);
  await tabTo(visit, 'Allow it');
  await keyboard.press('Enter');
  await visit.at('Who may see your record');
  assert.match(await card(visit, 'Open to everybody').innerText(), /For research/);
}

async function r22_reviews_wait_for_the_privacy_officer(house) {
  await house.ward.store([{
    resourceType: 'Task', id: 'glass', status: 'requested', intent: 'order',
    code: { coding: [{ system: 'urn:ward:task', code: 'break-glass-review', display: 'Review of a broken glass' }] },
    for: { reference: 'Patient/ada' }, requester: { reference: 'Practitioner/demo-clinician' },
    authoredOn: '2026-11-30T10:00:00Z', reasonCode: { text: 'Unconscious after a fall' },
  }]);
  const visit = await asOfficer(house);
  await visit.go('/auth/reviews');
  await visit.at('Reviews');
  const review = card(visit, 'Review of a broken glass').filter({ hasText: 'Unconscious after a fall' });
  assert.match(await review.innerText(), /Ada Lovelace[\s\S]*Grace Hopper[\s\S]*Unconscious after a fall/);
  await review.getByLabel('What you found').fill('It was an emergency; the patient was told.');
  await review.getByRole('button', { name: 'Close this review' }).click();
  await visit.page.getByRole('status').first().waitFor();
  await visit.at('Reviews');
  assert.equal(await review.count(), 0);
}

/** A browser in which a privacy officer is signed in. */
export async function asOfficer(house) {
  if (!house.people.officer) {
    const officer = new Person({ username: 'officer', password: 'four words only theirs' });
    const link = await invite(house, { username: 'officer', name: 'Olive Officer', resource: 'Practitioner/officer', role: 'privacy-officer' });
    await enrol(await house.visit(), link, officer);
    house.people.officer = officer;
  }
  return house.visitAs('officer');
}

export default [
  c23_keeps_something_private_after_a_look_at_what_it_changes,
  c23_what_is_kept_private_is_not_seen,
  c23_by_keyboard_alone,
  r22_reviews_wait_for_the_privacy_officer,
];
