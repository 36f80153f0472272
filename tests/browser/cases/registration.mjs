// A developer's app becomes a client, by the pages that the product has for it. (S117)

import assert from 'node:assert/strict';
import { SCOPE } from '../house/app_server.mjs';

export const APP = 'Small Steps';

/** Filled in without a mistake. */
export async function fillIn(visit, { name, redirects, launch, scope }) {
  await visit.fill('Name that people will see', name);
  await visit.fill('Who answers for it', 'Small Steps Ltd');
  await visit.fill('Contact', 'privacy@app.example');
  await visit.fill('What it is for', 'Shows results and problems.');
  await visit.fill('Redirect addresses', redirects);
  await visit.fill('Launch address', launch);
  await visit.fill('Scopes', scope);
}

/** What the page tells under this name. */
export const shown = (visit, name) => visit.page.locator('dt', { hasText: name }).locator('+ dd').innerText();

/** What the administrator decides about a client in the list of all. */
export async function decide(visit, name, decision) {
  await visit.go('/auth/clients');
  await visit.at('Clients');
  await visit.follow(name);
  await visit.at(name);
  await visit.press(decision);
  await visit.at('Clients');
}

async function s117_an_app_is_registered_by_its_developer_and_approved(house) {
  const { app, people } = house;
  const visit = await house.visit();
  await visit.go('/auth/developer');
  await people.admin.signIn(visit);
  await visit.at('Register an app');
  people.admin.session = await visit.context.storageState();

  await visit.press('Ask for registration');
  await visit.at('Register an app');
  assert.match(await visit.alert(), /Please mend this/);
  // Each complaint leads to its field.
  await visit.page.getByRole('alert').getByRole('link').first().click();
  assert.match(visit.page.url(), /#client_name$/);

  const redirects = `${app.origin}/`;
  await fillIn(visit, { name: APP, redirects, launch: `${app.origin}/launch`, scope: `${SCOPE} user/Practitioner.rs launch offline_access online_access` });
  await visit.press('Ask for registration');
  await visit.at('Register an app');
  assert.match(await visit.notice(), /administrator/);
  app.clientId = await shown(visit, 'Client id');
  assert.match(app.clientId, /^[0-9a-f-]{36}$/);
  await visit.follow('Look at the registration');
  await visit.at(APP);

  // Nobody is signed in to it before it is approved.
  const early = await house.visit();
  await early.go(app.opened());
  await early.at('This request cannot be answered');
  await decide(visit, APP, 'Approve for a year');
  assert.equal(await visit.notice(), `${APP} is approved for a year.`);
  await early.go(app.opened());
  await early.at('Sign in');
}

export default [
  s117_an_app_is_registered_by_its_developer_and_approved,
];
