// An auditor looks for who saw a patient, along time, as numbers, as a picture, keeps a view and takes a file with proofs. By mouse, by keyboard.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { tabTo } from './pages.mjs';
import { asOfficer } from './privacy.mjs';

/** The doctor has read something of Ada's, and the log has it. */
async function seenByTheDoctor(house) {
  const headers = { Authorization: `Bearer ${house.clinicianToken}` };
  const answer = await fetch(`${house.ward.base}/Observation/ada-pulse`, { headers });
  assert.equal(answer.status, 200);
  await new Promise((done) => { setTimeout(done, 1500); });
}

async function a_doctor_who_read_is_found(house) {
  await seenByTheDoctor(house);
  const visit = await asOfficer(house);
  await visit.go('/auth/audit');
  await visit.at('Audit log');
  await visit.fill('Patient', 'Patient/ada');
  await visit.page.getByLabel('What', { exact: true }).selectOption({ label: 'Read' });
  await visit.press('Look for it');
  await visit.at('Audit log');
  const row = visit.page.locator('tbody tr').filter({ hasText: 'ada-pulse' }).first();
  assert.match(await row.innerText(), /Grace Hopper/);
  await row.getByRole('link').first().click();
  await visit.at('Audit log');
  await visit.page.getByText('All that is recorded').click();
  assert.match(await visit.page.locator('pre').first().innerText(), /"resourceType": "AuditEvent"/);
  await visit.page.getByText('Proof that it is in the log').click();
  assert.match(await visit.page.locator('pre').last().innerText(), /^c2sp\.org\/tlog-proof@v1/);
}

async function what_is_found_is_looked_at_in_pictures(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/audit?patient=Patient%2Fada');
  await visit.at('Audit log');
  for (const [way, drawn] of [['Along time', 'circle'], ['How many', 'rect.done'], ['Who saw whom', 'line.access']]) {
    await visit.follow(way);
    await visit.at('Audit log');
    assert.ok(await visit.page.locator(`svg.chart ${drawn}`).count() > 0, way);
  }
  await visit.follow('Proof');
  await visit.at('Audit log');
  assert.match(await visit.page.locator('main').innerText(), /The last checkpoint was signed \d+ seconds ago/);
}

async function a_view_is_kept_and_a_file_has_proofs(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/audit?patient=Patient%2Fada&kind=read');
  await visit.at('Audit log');
  await visit.fill('Keep this filter as', 'Reads of Ada');
  await visit.press('Save');
  await visit.at('Audit log');
  assert.equal(await visit.notice(), 'The view Reads of Ada is saved.');
  await visit.follow('Reads of Ada');
  await visit.at('Audit log');
  assert.match(visit.page.url(), /patient=Patient%2Fada&kind=read/);
  // What is kept as a file leads to no other page.
  const taken = (name) => visit.page.getByRole('link', { name, exact: true }).click();
  const [file] = await Promise.all([visit.page.waitForEvent('download'), taken('Keep with proofs (NDJSON)')]);
  const lines = (await readFile(await file.path(), 'utf8')).trim().split('\n').map(JSON.parse);
  assert.ok(lines.length > 1 && lines.slice(0, -1).every((line) => line.event && line.proof), JSON.stringify(lines[0]).slice(0, 200));
  const [report] = await Promise.all([visit.page.waitForEvent('download'), taken('Report (PDF)')]);
  assert.equal((await readFile(await report.path())).subarray(0, 5).toString(), '%PDF-');
  await visit.press('Remove Reads of Ada');
  await visit.at('Audit log');
  assert.equal(await visit.notice(), 'The view Reads of Ada is removed.');
}

async function by_keyboard_and_with_what_is_wrong(house) {
  const visit = await asOfficer(house);
  await visit.go('/auth/audit');
  await visit.at('Audit log');
  await tabTo(visit, 'Patient');
  await visit.page.keyboard.type('Group/1');
  await visit.page.keyboard.press('Enter');
  await visit.page.getByRole('alert').waitFor();
  assert.match(await visit.alert(), /Patient: Give the patient's id/);
}

async function others_do_not_see_the_log(house) {
  const visit = await house.visitAs('ada');
  const answer = await visit.page.goto(new URL('/auth/audit', house.ward.base).href);
  assert.equal(answer.status(), 403);
}

export default [
  a_doctor_who_read_is_found,
  what_is_found_is_looked_at_in_pictures,
  a_view_is_kept_and_a_file_has_proofs,
  by_keyboard_and_with_what_is_wrong,
  others_do_not_see_the_log,
];
