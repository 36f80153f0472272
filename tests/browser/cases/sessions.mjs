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

async function at5a_a_shared_computer_is_set_up_by_staff(house) {
  const { admin, ada, clinician } = house.people;
  const there = await house.visit();
  await there.go('/auth/computers');
  await admin.signIn(there);
  await there.at('Shared computers');
  await there.fill('Name of the computer', 'icu-3');
  await there.press('Make this browser a shared computer');
  await there.at('Shared computers');
  assert.match(await there.notice(), /the shared computer icu-3 from now on/);
  await there.press('Sign out');
  await there.at('You are signed out');
  await there.follow('Sign in again');
  await there.at('Sign in');
  assert.match(await there.page.locator('form').innerText(), /This is the shared computer icu-3/);
  assert.equal(await there.page.getByLabel('Others use this computer too').count(), 0);
  await clinician.signIn(there);
  await there.at('Apps with access');
  // From afar the name of the computer signs nobody out.
  const afar = await house.visit();
  await afar.go('/auth/sign-in?workstation=icu-3');
  await ada.signIn(afar);
  await afar.at('Apps with access');
  await there.go('/auth/sessions');
  await there.at('Where you are signed in');
  assert.match(await there.page.locator(SESSIONS).first().innerText(), /Shared computer icu-3\s+This session/);
  assert.match(await there.page.locator('.card.browser').first().innerText(), /Shared computer icu-3\s+This browser/);
  // Removed, it is none, and whoever is there is signed out.
  const administrator = await house.visitAs('admin');
  await administrator.go('/auth/computers');
  await administrator.at('Shared computers');
  await administrator.press('Remove icu-3');
  await administrator.at('Shared computers');
  assert.match(await administrator.notice(), /icu-3 is no shared computer any more/);
  await there.go('/auth/apps');
  await there.at('Sign in');
  await there.page.getByLabel('Others use this computer too').waitFor();
}

export default [
  at5a_a_shared_computer_is_set_up_by_staff,
  at5a_who_signs_in_at_a_shared_computer_signs_the_other_out,
  a_session_is_ended_from_another_place,
];
