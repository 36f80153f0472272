// How long an app's access lasts, and how a person ends it. (S90, S92, S101)

import assert from 'node:assert/strict';
import { SCOPE } from '../house/app_server.mjs';
import { search, signedIn, statusOf } from '../house/fhirclient.mjs';

const token = (visit) => visit.page.evaluate(() => ({ ...client.state.tokenResponse }));

async function allowed(house, scope) {
  const visit = await house.visitAs('ada');
  await visit.go(house.app.opened(scope));
  await visit.at('Give this app access?');
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  return visit;
}

async function s90_s92_fhirclient_refreshes_what_it_has(house) {
  const visit = await house.visitAs('ada');
  await visit.go(house.app.opened(`${SCOPE} offline_access`));
  await visit.at('Give this app access?');
  assert.match(await visit.page.locator('main').innerText(), /Go on when you are not there/);
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  const before = await token(visit);
  await visit.page.evaluate(() => client.refresh());
  const after = await token(visit);
  assert.notEqual(after.access_token, before.access_token);
  assert.notEqual(after.refresh_token, before.refresh_token, 'it is good for one use');
  assert.equal(await statusOf(visit, 'Patient/ada'), 200);
  // An access token that is too old is renewed on the way.
  await visit.page.evaluate(() => {
    client.state.expiresAt = 0;
  });
  assert.equal((await search(visit, 'Observation')).length, 3);
  assert.notEqual((await token(visit)).access_token, after.access_token);
}

async function s101_an_app_that_is_stopped_gets_401(house) {
  const visit = await allowed(house, `${SCOPE} offline_access`);
  assert.equal(await statusOf(visit, 'Patient/ada'), 200);
  const person = await visit.beside();
  await person.go('/auth/apps');
  await person.at('Apps with access');
  const card = person.page.locator('.card', { hasText: 'Small Steps' });
  assert.match(await card.innerText(), /The record is of\s+Ada Lovelace/);
  assert.match(await card.innerText(), /See your conditions and diagnoses/);
  await card.getByRole('button').click();
  await person.page.getByRole('status').waitFor();
  await person.at('Apps with access');
  assert.equal(await person.notice(), 'The app has no access any more.');

  assert.equal(await statusOf(visit, 'Patient/ada'), 401);
  const refreshed = visit.page.evaluate(() => client.refresh());
  await assert.rejects(refreshed, /invalid_grant/);
}

async function s90_online_access_ends_with_the_session(house) {
  const visit = await house.visit();
  await visit.go(house.app.opened(`${SCOPE} online_access`));
  await house.people.ada.signIn(visit);
  await visit.at('Give this app access?');
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  await visit.page.evaluate(() => client.refresh());
  const person = await visit.beside();
  await person.go('/auth/sessions');
  await person.at('Where you are signed in');
  await person.press('Sign out');
  await person.at('You are signed out');
  assert.equal(await statusOf(visit, 'Patient/ada'), 401);
}

export default [
  s90_s92_fhirclient_refreshes_what_it_has,
  s101_an_app_that_is_stopped_gets_401,
  s90_online_access_ends_with_the_session,
];
