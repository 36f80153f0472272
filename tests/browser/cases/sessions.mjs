// Who is signed in, and where. (AT5a)

import assert from 'node:assert/strict';
import { signedIn, statusOf } from '../house/fhirclient.mjs';
import { SCOPE } from '../house/app_server.mjs';

async function at5a_who_signs_in_at_a_shared_computer_signs_the_other_out(house) {
  const { app, people } = house;
  const visit = await house.visit();
  await visit.go(app.opened(`${SCOPE} online_access`));
  await visit.at('Sign in');
  await visit.page.getByLabel('Others use this computer too').check();
  await people.ada.signIn(visit);
  await visit.at('Give this app access?');
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  const before = await visit.context.storageState();

  const next = await visit.beside();
  await next.go('/auth/sign-in');
  await next.page.getByLabel('Others use this computer too').check();
  await people.clinician.signIn(next);
  await next.at('Apps with access');
  assert.match(await next.page.locator('.bar').innerText(), /Demo clinician/);
  assert.equal(await statusOf(visit, 'Patient/ada'), 401, 'with the person goes their app');
  const old = await house.visit({ storageState: before });
  await old.go('/auth/apps');
  await old.at('Sign in');
}

/** Beside them the page lists the browsers that the account knows. */
const SESSIONS = '.card:not(.browser)';

async function a_session_is_ended_from_another_place(house) {
  const { ada } = house.people;
  const there = await house.visit();
  await there.go('/auth/sign-in');
  await ada.signIn(there);
  await there.at('Apps with access');
  const here = await house.visitAs('ada');
  await here.go('/auth/sessions');
  await here.at('Where you are signed in');
  assert.equal(await here.page.getByText('This session', { exact: true }).count(), 1);
  assert.ok((await here.page.locator(SESSIONS).count()) > 1);
  await here.press('End all the others');
  await here.page.getByRole('status').waitFor();
  await here.at('Where you are signed in');
  assert.equal(await here.page.locator(SESSIONS).count(), 1);
  await there.go('/auth/apps');
  await there.at('Sign in');
}

export default [
  at5a_who_signs_in_at_a_shared_computer_signs_the_other_out,
  a_session_is_ended_from_another_place,
];
