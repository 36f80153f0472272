// A privacy officer opens a review of who may do what, keeps one account by keyboard alone, and takes the evidence. What will not do is told.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { tabTo } from './pages.mjs';
import { asOfficer } from './privacy.mjs';

/** So many days from today, as a field for days has it. */
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

async function what_will_not_do_is_told(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/access-reviews');
  await visit.at('Access reviews');
  await visit.fill('Name', 'Too late');
  await visit.fill('Deadline', day(-2));
  await visit.fill('Reviewers', 'nobody-known');
  await visit.press('Open the review');
  await visit.page.getByRole('alert').waitFor();
  assert.match(await visit.alert(), /Deadline: This day is over/);
  assert.match(await visit.alert(), /Reviewers: One of these has no account here/);
  assert.equal(await visit.page.getByLabel('Name', { exact: true }).inputValue(), 'Too late');
}

async function an_account_is_kept_by_keyboard(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/access-reviews');
  await visit.at('Access reviews');
  await visit.fill('Name', 'Accounts of autumn');
  await visit.fill('Deadline', day(20));
  for (const kind of ['Roles', 'Roles of the rota', 'Clients', 'Grants', 'Emergencies']) {
    await visit.page.getByLabel(kind, { exact: true }).uncheck();
  }
  await visit.fill('Reviewers', 'admin\nofficer');
  await visit.press('Open the review');
  await visit.at('Accounts of autumn');
  assert.match(await visit.page.locator('main').innerText(), /your own: others decide/);
  assert.equal(await visit.page.getByLabel('officer', { exact: true }).count(), 0);
  await tabTo(visit, 'clinician');
  await visit.page.keyboard.press('Space');
  await tabTo(visit, 'Why');
  await visit.page.keyboard.type('Still works here');
  await visit.page.keyboard.press('Tab');
  await visit.page.keyboard.press('Enter');
  await visit.page.getByRole('status').waitFor();
  assert.equal(await visit.notice(), '1 item is kept.');
  assert.match(await visit.page.locator('main').innerText(), /kept by officer, .*: Still works here/);
}

async function nothing_is_decided_without_a_reason(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/access-reviews');
  await visit.at('Access reviews');
  await visit.follow('Accounts of autumn');
  await visit.at('Accounts of autumn');
  await visit.press('Keep what is chosen');
  await visit.page.getByRole('alert').waitFor();
  assert.match(await visit.alert(), /Choose at least one item/);
  await visit.follow('Show only what is undecided');
  await visit.at('Accounts of autumn');
  assert.doesNotMatch(await visit.page.locator('main').innerText(), /kept by officer/);
  const taken = visit.page.getByRole('link', { name: 'Evidence, signed (JSON)', exact: true }).click();
  const [file] = await Promise.all([visit.page.waitForEvent('download'), taken]);
  const { document, note } = JSON.parse(await readFile(await file.path(), 'utf8'));
  assert.equal(document.counts.keep, 1);
  assert.match(note, /\nward\.evidence\/v1\n/);
}

async function what_was_kept_is_revoked_and_not_given_back(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/access-reviews');
  await visit.at('Access reviews');
  await visit.follow('Accounts of autumn');
  await visit.at('Accounts of autumn');
  const row = () => visit.page.getByRole('row').filter({ hasText: 'kept by officer' });
  await row().getByRole('checkbox').check();
  await visit.fill('Why', 'Left after all');
  await visit.press('Revoke what is chosen');
  await visit.page.getByRole('status').waitFor();
  assert.equal(await visit.notice(), '1 item is revoked.');
  const told = await row().innerText();
  assert.match(told, /revoked by officer, .*: Left after all/);
  assert.match(told, /before: kept by officer, .*: Still works here/);
  assert.match(told, /To give it again: enable the account at Accounts/);
  assert.equal(await row().getByRole('checkbox').count(), 0);
  const admin = await house.visitAs('admin');
  await admin.go('/auth/accounts');
  await admin.at('Accounts');
  await admin.fill('Find somebody', 'clinician');
  await admin.press('Find');
  await admin.at('Accounts');
  await admin.page.getByRole('button', { name: /^Enable: / }).click();
  await admin.page.getByRole('button', { name: /^Disable: / }).waitFor();
  // Their sessions ended with the account: whoever comes next signs in anew.
  delete house.people.clinician.session;
}

async function others_see_no_review(house) {
  const visit = await house.visitAs('ada');
  const answer = await visit.page.goto(new URL('/auth/access-reviews', house.ward.base).href);
  assert.equal(answer.status(), 403);
}

export default [
  what_will_not_do_is_told,
  an_account_is_kept_by_keyboard,
  nothing_is_decided_without_a_reason,
  what_was_kept_is_revoked_and_not_given_back,
  others_see_no_review,
];
