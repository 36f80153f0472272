// What an administrator sees and says of the clients of others. (C17, S117)

import assert from 'node:assert/strict';
import { decide } from './registration.mjs';
import { SCOPE } from '../house/app_server.mjs';
import { signedIn, state, statusOf } from '../house/fhirclient.mjs';

const BUDGETS_HOLD_WITHIN_S = 5;
const NEWCOMER = 'Sleep Diary';

/** What an app's own program sends, without anybody at a page. */
function register({ ward, app }) {
  return fetch(`${ward.origin}/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      client_name: NEWCOMER,
      owner: 'Sleep Ltd',
      purpose: 'Shows what was measured.',
      contacts: ['privacy@sleep.example'],
      redirect_uris: [`${app.origin}/`],
      scope: SCOPE,
    }),
  });
}

async function s117_what_anybody_registers_waits_for_an_administrator(house) {
  const { ward, app } = house;
  const before = app.clientId;
  assert.equal((await register(house)).status, 403, 'it is switched off');
  await ward.restart({ WARD_SMART_OPEN_REGISTRATION: 'true' });
  try {
    const answer = await register(house);
    assert.equal(answer.status, 201);
    const { client_id: clientId, state: waits } = await answer.json();
    assert.equal(waits, 'pending');
    app.clientId = clientId;

    const early = await house.visit();
    await early.go(app.opened());
    await early.at('This request cannot be answered');
    const admin = await house.visitAs('admin');
    await admin.go('/auth/clients');
    await admin.at('Clients');
    assert.match(await admin.page.locator('main').innerText(), /One client waits for approval\./);
    await decide(admin, NEWCOMER, 'Approve for a year');
    assert.equal(await admin.notice(), `${NEWCOMER} is approved for a year.`);
    assert.doesNotMatch(await admin.page.locator('main').innerText(), /waits for approval/);

    const visit = await house.visitAs('ada');
    await visit.go(app.opened());
    await visit.at('Give this app access?');
    assert.match(await visit.page.locator('main').innerText(), /Sleep Diary/);
    await visit.press('Allow what is ticked');
    await signedIn(visit);
    assert.equal((await state(visit)).patient, 'ada');

    await admin.follow(NEWCOMER);
    await admin.at(NEWCOMER);
    await admin.press('Remove');
    await admin.at(`Remove ${NEWCOMER}?`);
    await admin.follow('Leave it as it is');
    await admin.at(NEWCOMER);
    await admin.press('Remove');
    await admin.press('Remove for good');
    await admin.at('Clients');
    assert.equal(await admin.notice(), `${NEWCOMER} is removed.`);
    assert.equal(await statusOf(visit, 'Patient/ada'), 401);
  } finally {
    app.clientId = before;
    await ward.restart();
  }
}

/** What the demo's laboratory is answered with. */
async function asked({ ward }, token, query) {
  const { status, headers } = await fetch(`${ward.base}/${query}`, { headers: { Authorization: `Bearer ${token}` } });
  return { status, wait: Number(headers.get('Retry-After')) };
}

async function c17_an_administrator_sets_what_a_client_may_see(house) {
  const token = house.ward.token('lab');
  const all = (await asked(house, token, 'Patient')).status;
  assert.equal(all, 200);
  const visit = await house.visitAs('admin');
  await visit.go('/auth/clients');
  await visit.at('Clients');
  await visit.follow('Demo laboratory');
  await visit.at('Demo laboratory');
  const patients = 'Patients in an hour';
  await visit.fill(patients, 'many');
  await visit.press('Set these limits');
  await visit.at('Demo laboratory');
  assert.match(await visit.alert(), /Patients in an hour: is a whole number up to 1,000,000/);
  assert.equal(await visit.page.getByLabel(patients, { exact: true }).inputValue(), 'many');
  assert.equal((await asked(house, token, 'Patient')).status, 200, 'nothing was changed');

  await visit.fill(patients, '1');
  await visit.press('Set these limits');
  assert.equal(await visit.notice(), 'Demo laboratory has these limits from now on.');
  const since = Date.now();
  for (;;) {
    const { status, wait } = await asked(house, token, 'Patient');
    if (status === 429) {
      assert.ok(wait >= 1 && wait <= 3600, `${wait}`);
      break;
    }
    assert.ok(Date.now() - since < BUDGETS_HOLD_WITHIN_S * 1000, `${status}`);
  }

  // A search costs all that it may ask for in a minute.
  await visit.at('Demo laboratory');
  await visit.fill(patients, '');
  await visit.fill('Requests in a minute', '10');
  await visit.press('Set these limits');
  await visit.at('Demo laboratory');
  assert.match(await visit.page.locator('dl').innerText(), /10 a minute/);
  assert.equal((await asked(house, token, 'Patient')).status, 200);
  assert.equal((await asked(house, token, 'Patient')).status, 429);

  await visit.fill('Requests in a minute', '');
  await visit.press('Set these limits');
  await visit.at('Demo laboratory');
  assert.equal((await asked(house, token, 'Patient')).status, 200);
}

/** Waits until a token is worth nothing: what an administrator changes holds within seconds. */
async function isVoid(house, token) {
  const since = Date.now();
  while ((await asked(house, token, 'Patient')).status !== 401) {
    assert.ok(Date.now() - since < BUDGETS_HOLD_WITHIN_S * 1000, 'the token still opens something');
  }
}

async function c17_an_administrator_changes_what_is_registered(house) {
  const token = house.ward.token('lab');
  assert.equal((await asked(house, token, 'Patient')).status, 200);
  const visit = await house.visitAs('admin');
  const { page } = visit;
  await visit.go('/auth/clients');
  await visit.at('Clients');
  await visit.follow('Demo laboratory');
  await visit.at('Demo laboratory');
  const owner = 'Who answers for it';
  await visit.fill(owner, '');
  await visit.fill('Next review', '2099-01-01');
  await visit.press('Save who answers for it');
  await visit.at('Demo laboratory');
  assert.match(await visit.alert(), /Who answers for it: is needed\s+Next review: is a day within three years/);
  // Each complaint leads to its field, which says it too.
  await page.getByRole('alert').getByRole('link', { name: owner }).click();
  assert.match(page.url(), /#owner$/);
  assert.equal(await page.getByLabel(owner, { exact: true }).getAttribute('aria-invalid'), 'true');
  await visit.fill(owner, 'Laboratory of the East Wing');
  await visit.fill('Next review', new Date(Date.now() + 90 * 24 * 3600 * 1000).toISOString().slice(0, 10));
  await visit.press('Save who answers for it');
  assert.equal(await visit.notice(), 'Demo laboratory is described so from now on.');
  assert.match(await page.locator('dl').innerText(), /Laboratory of the East Wing/);
  assert.equal((await asked(house, token, 'Patient')).status, 200, 'it may do what it may');

  await visit.at('Demo laboratory');
  const scopes = page.getByLabel('Scopes at most', { exact: true });
  const before = await scopes.inputValue();
  await scopes.fill('system/Observation.crus');
  await visit.press('Save what it may do');
  assert.equal(await visit.notice(), 'Demo laboratory may do this from now on.');
  await isVoid(house, token);
  await visit.fill('Scopes at most', before);
  await visit.press('Save what it may do');
  await visit.at('Demo laboratory');

  // By keyboard and without a mouse: the profile needs tokens that are bound.
  await page.getByLabel('FAPI 2.0 security profile', { exact: true }).focus();
  await page.keyboard.press('Space');
  await visit.press('Save how it proves itself');
  await visit.at('Demo laboratory');
  assert.match(await visit.alert(), /Its tokens are bound to: must be bound to a key or a certificate under FAPI 2\.0/);
  await page.getByLabel('FAPI 2.0 security profile', { exact: true }).uncheck();
  await page.getByLabel('A key of its own (DPoP)', { exact: true }).check();
  await visit.press('Save how it proves itself');
  assert.equal(await visit.notice(), 'Demo laboratory proves itself so from now on.');
  assert.match(await page.locator('dl').innerText(), /a key \(DPoP\)/);
  await visit.at('Demo laboratory');
  await page.getByLabel('Nothing', { exact: true }).check();
  await visit.press('Save how it proves itself');
  await visit.at('Demo laboratory');
}

export default [
  s117_what_anybody_registers_waits_for_an_administrator,
  c17_an_administrator_sets_what_a_client_may_see,
  c17_an_administrator_changes_what_is_registered,
];
