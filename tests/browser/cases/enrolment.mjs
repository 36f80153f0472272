// From an invitation to an account with two factors, and what the recovery codes are for. (C7)

import assert from 'node:assert/strict';
import { Person } from '../house/person.mjs';

/** An administrator adds an account; the link to be given to its owner. */
export async function invite(house, { username, name, resource, role }) {
  const visit = await house.visitAs('admin');
  await visit.go('/auth/accounts');
  await visit.at('Accounts');
  await visit.fill('User name', username);
  await visit.fill('Name', name);
  await visit.fill('Resource', resource);
  if (role) await visit.page.locator(`input[name=role][value="${role}"]`).check();
  await visit.press('Add and make an invitation');
  await visit.page.getByRole('status').waitFor();
  await visit.at('Accounts');
  return visit.page.getByRole('status').locator('code').innerText();
}

/** Password, authenticator app, recovery codes: the person signed in, at their apps. */
export async function enrol(visit, link, person) {
  await visit.go(link);
  await visit.at('Choose how you sign in');
  await visit.fill('Password', person.password);
  await visit.fill('The same password again', person.password);
  await visit.press('Use this password');
  await visit.at('Add an authenticator app');
  person.secret = await visit.page.locator('.secret code').innerText();
  await visit.fill('Six digits', await person.code());
  await visit.press('Go on');
  await visit.at('Keep your recovery codes');
  person.recoveryCodes = await visit.page.locator('.recovery code').allInnerTexts();
  await visit.press('I have kept them');
  await visit.at('Apps with access');
  person.session = await visit.context.storageState();
}

async function c7_an_invited_patient_gets_a_password_and_an_authenticator_app(house) {
  const ada = new Person({ username: 'ada', password: 'four words only hers' });
  const link = await invite(house, { username: 'ada', name: 'Ada Lovelace', resource: 'Patient/ada' });
  const visit = await house.visit();
  await visit.go(link);
  await visit.at('Choose how you sign in');
  for (const [password, again, why] of [
    ['short', 'short', /twelve characters/],
    [ada.password, 'four words not hers', /same|differ/],
  ]) {
    await visit.fill('Password', password);
    await visit.fill('The same password again', again);
    await visit.press('Use this password');
    assert.match(await visit.alert(), why);
    await visit.at('Choose how you sign in');
  }
  await enrol(visit, link, ada);
  assert.equal(ada.recoveryCodes.length, 8);
  assert.equal(new Set(ada.recoveryCodes).size, 8);
  house.people.ada = ada;

  const late = await house.visit();
  await late.go(link);
  await late.at('This request cannot be answered');
  assert.match(await late.alert(), /This invitation was used/);
}

async function c7_a_wrong_code_adds_no_authenticator_app(house) {
  const link = await invite(house, { username: 'eve', name: 'Eve', resource: '' });
  const visit = await house.visit();
  await visit.go(link);
  await visit.at('Choose how you sign in');
  await visit.fill('Password', 'five words that are eves');
  await visit.fill('The same password again', 'five words that are eves');
  await visit.press('Use this password');
  await visit.at('Add an authenticator app');
  const secret = () => visit.page.locator('.secret code').innerText();
  const before = await secret();
  await visit.fill('Six digits', '000000');
  await visit.press('Go on');
  assert.match(await visit.alert(), /does not fit/);
  assert.equal(await secret(), before, 'what was scanned stays good');
  // A password alone opens no place.
  await visit.go('/auth/apps');
  await visit.at('Sign in');
}

async function at7b_a_recovery_code_signs_in_once(house) {
  const { ada } = house.people;
  const code = ada.recoveryCodes.pop();
  const visit = await house.visit();
  for (const again of [false, true]) {
    await visit.go('/auth/sign-in');
    await ada.typePassword(visit);
    await visit.at('Confirm that it is you');
    await visit.fill('Code', code);
    await visit.press('Go on');
    if (again) {
      assert.equal(await visit.alert(), 'The code is wrong or was used before.');
      return;
    }
    await visit.at('Apps with access');
    await visit.follow('Sign-in methods');
    await visit.at('How you sign in');
    assert.match(await visit.page.locator('main').innerText(), /7 are left\./);
    await visit.press('Sign out');
    await visit.at('You are signed out');
  }
}

export default [
  c7_an_invited_patient_gets_a_password_and_an_authenticator_app,
  c7_a_wrong_code_adds_no_authenticator_app,
  at7b_a_recovery_code_signs_in_once,
];
