// The pages themselves: by keyboard alone, and without scripts. That each fits a phone and breaks no policy is looked at wherever
// a case comes to it (`house/visit.mjs`).

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { signedIn } from '../house/fhirclient.mjs';
import { SCOPE } from '../house/app_server.mjs';

const STOPS_MAX = 60;

/** Goes on from stop to stop until the one with this name, which can be seen to have the focus. */
export async function tabTo(visit, name) {
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    await visit.page.keyboard.press('Tab');
    const here = await visit.page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      return { name: (at.labels?.[0] ?? at).innerText?.trim(), outline: `${outlineStyle} ${outlineWidth}` };
    });
    if (here.name === name) {
      assert.equal(here.outline, 'solid 3px', `${name} shows that it has the focus`);
      return;
    }
  }
  throw new Error(`Tab does not come to ${name}`);
}

async function the_whole_way_by_keyboard(house) {
  const { ada } = house.people;
  const visit = await house.visit();
  const { keyboard } = visit.page;
  await visit.go(house.app.opened());
  await visit.at('Sign in');
  await tabTo(visit, 'Skip to the main part');
  await keyboard.press('Enter');
  await tabTo(visit, 'User name');
  await keyboard.type(ada.username);
  await keyboard.press('Tab');
  await keyboard.type(ada.password);
  await tabTo(visit, 'Others use this computer too');
  await keyboard.press('Space');
  await tabTo(visit, 'Sign in');
  await keyboard.press('Enter');
  await visit.at('Confirm that it is you');
  // The field has the focus from the beginning.
  await keyboard.type(await ada.proof());
  await keyboard.press('Enter');
  await visit.at('Give this app access?');
  await tabTo(visit, 'See your conditions and diagnoses');
  await keyboard.press('Space');
  await tabTo(visit, 'Allow what is ticked');
  await keyboard.press('Enter');
  const granted = await signedIn(visit);
  assert.ok(granted.includes('patient/Patient.rs') && !granted.includes('patient/Condition.rs'), granted);
}

async function the_whole_way_without_scripts(house) {
  const { app, people, ward } = house;
  const visit = await house.visit({ javaScriptEnabled: false });
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: `${app.origin}/`,
    scope: SCOPE,
    state: 'state-of-the-app',
    aud: ward.base,
    code_challenge: createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url'),
    code_challenge_method: 'S256',
  });
  await visit.go(`/auth/authorize?${query}`);
  await visit.at('Sign in');
  assert.equal(await visit.page.getByRole('button', { name: 'Use a passkey' }).count(), 0, 'no button that does nothing');
  await people.ada.signIn(visit);
  await visit.at('Give this app access?');
  await visit.scope('patient/Observation.rs').uncheck();
  await visit.page.getByLabel('vital signs', { exact: true }).check();
  await visit.press('Allow what is ticked');
  await visit.page.waitForURL(`${app.origin}/?*`);
  const back = new URL(visit.page.url()).searchParams;
  assert.equal(back.get('state'), 'state-of-the-app');
  assert.equal(back.get('iss'), ward.origin);
  assert.ok(back.get('code'));
}

async function places_without_scripts(house) {
  const { people } = house;
  for (const [name, places] of [
    ['ada', [['Apps', 'Apps with access'], ['Sessions', 'Where you are signed in'], ['Sign-in methods', 'How you sign in']]],
    ['admin', [['Clients', 'Clients'], ['Accounts', 'Accounts'], ['Computers', 'Shared computers'], ['Register an app', 'Register an app']]],
  ]) {
    const visit = await house.visit({ javaScriptEnabled: false, storageState: people[name].session });
    await visit.go('/auth/apps');
    for (const [link, heading] of places) {
      await visit.follow(link);
      await visit.at(heading);
    }
  }
}

/** Patients who fill further pages of the list: ten each whose names begin with Pagea, Pageb and Pagec. */
function crowd() {
  return Array.from({ length: 30 }, (_, n) => ({
    resourceType: 'Patient',
    id: `crowd-${n}`,
    name: [{ family: `Page${'abc'[Math.floor(n / 10)]}${'abcdefghij'[n % 10]}`, given: ['Robin'] }],
    birthDate: '2001-05-17',
  }));
}

async function the_list_of_patients_by_keyboard_and_page_by_page(house) {
  await house.ward.store(crowd());
  const visit = await house.visitAs('clinician');
  const { keyboard } = visit.page;
  const names = async () => (await visit.page.locator('button.choice strong').allInnerTexts()).map((name) => name.trim());
  await visit.go(house.app.opened());
  await visit.at('Choose a patient');
  // Who comes here types a name.
  assert.equal(await visit.page.evaluate(() => document.activeElement.name), 'name');
  const first = await names();
  assert.equal(first.length, 20);
  assert.deepEqual(first.slice(0, 2), ['Lovelace, Ada', 'Pageaa, Robin']);
  await tabTo(visit, 'Search');
  await visit.page.keyboard.press('Tab');
  assert.match(await visit.page.evaluate(() => document.activeElement.innerText), /^Lovelace, Ada\s+born 1815-12-10/);
  await tabTo(visit, 'Next page');
  await keyboard.press('Enter');
  await visit.page.getByRole('link', { name: 'Previous page' }).waitFor();
  await visit.at('Choose a patient');
  const second = await names();
  assert.deepEqual(second, [...second].sort());
  assert.deepEqual([second[0], second.at(-1)], ['Pagebj, Robin', 'Turing, Alan']);
  await visit.follow('Previous page');
  await visit.at('Choose a patient');
  assert.deepEqual(await names(), first);
  await keyboard.type('pagec');
  await keyboard.press('Enter');
  await visit.page.getByText('Pageca, Robin').waitFor();
  assert.equal((await names()).length, 10);
  await tabTo(visit, (await visit.page.locator('button.choice').first().innerText()).trim());
  await keyboard.press('Enter');
  await visit.at('Give this app access?');
  assert.match(await visit.page.locator('main').innerText(), /The record is of\s+Robin Pageca/);
}

export default [
  the_whole_way_by_keyboard,
  the_list_of_patients_by_keyboard_and_page_by_page,
  the_whole_way_without_scripts,
  places_without_scripts,
];
