// Walks through the pages as the cases do, and takes a picture of each in a window and as on a phone.

import { join } from 'node:path';
import { invite } from './cases/enrolment.mjs';
import { asOfficer } from './cases/privacy.mjs';
import { APP, decide, fillIn, shown } from './cases/registration.mjs';
import { SCOPE } from './house/app_server.mjs';
import { signedIn } from './house/fhirclient.mjs';
import { open } from './house/house.mjs';
import { Person } from './house/person.mjs';
import { DESKTOP, PHONE } from './house/visit.mjs';

/** A window around the one column of a step. */
const STEP = { width: 640, height: 560 };

const [folder] = process.argv.slice(2);
const house = await open(folder);
try {
  await administrator();
  await patient();
  await clinician();
  await officer();
} finally {
  await house.close();
}

/** Of the whole page, or of one card of it. */
async function picture(visit, name, heading, card) {
  await visit.at(heading);
  await visit.page.evaluate(() => {
    document.activeElement.blur();
    scrollTo(0, 0);
  });
  const isStep = await visit.page.locator('body.step').count();
  for (const [size, ending] of [[PHONE, '-phone'], [isStep ? STEP : DESKTOP, '']]) {
    await visit.page.setViewportSize(size);
    const path = join(folder, `${name}${ending}.png`);
    if (card) {
      const title = visit.page.getByRole('heading', { level: 2, name: card, exact: true });
      await visit.page.locator('section.card', { has: title }).screenshot({ path });
    } else if (name === 'register') {
      // The form alone: with all around it the picture is too large.
      await visit.page.locator('form.long').screenshot({ path });
    } else {
      await visit.page.screenshot({ path, fullPage: true });
    }
  }
}

async function administrator() {
  const { app } = house;
  const visit = await house.visitAs('admin');
  await visit.go('/auth/developer');
  await visit.at('Register an app');
  const scope = `${SCOPE} launch offline_access`;
  await fillIn(visit, { name: APP, redirects: `${app.origin}/`, launch: `${app.origin}/launch`, scope });
  await picture(visit, 'register', 'Register an app');
  await visit.press('Ask for registration');
  await visit.page.getByRole('status').waitFor();
  await picture(visit, 'registered', 'Register an app');
  app.clientId = await shown(visit, 'Client id');
  await visit.go(`/auth/clients?client=${app.clientId}`);
  await picture(visit, 'client', APP);
  await visit.go('/auth/clients');
  await picture(visit, 'clients', 'Clients');
  await decide(visit, APP, 'Approve for a year');
  await visit.follow('Demo laboratory');
  await visit.at('Demo laboratory');
  await visit.fill('Requests in a minute', '60000');
  await visit.fill('Patients in an hour', '5000');
  await visit.fill('Addresses it comes from', '192.0.2.0/24');
  await picture(visit, 'limits', 'Demo laboratory', 'Limits');
  await picture(visit, 'proof', 'Demo laboratory', 'How it proves itself');
  await visit.go('/auth/computers');
  await visit.at('Shared computers');
  await visit.fill('Name of the computer', 'icu-3');
  await visit.press('Make this browser a shared computer');
  await visit.page.getByRole('status').waitFor();
  await picture(visit, 'computers', 'Shared computers');
}

async function patient() {
  const ada = new Person({ username: 'ada', password: 'four words only hers' });
  const link = await invite(house, { username: 'ada', name: 'Ada Lovelace', resource: 'Patient/ada' });
  await picture(house.visits.at(-1), 'accounts', 'Accounts');
  const visit = await house.visit();
  await visit.go(link);
  await picture(visit, 'invitation', 'Choose how you sign in');
  await visit.fill('Password', ada.password);
  await visit.fill('The same password again', ada.password);
  await visit.press('Use this password');
  await picture(visit, 'authenticator', 'Add an authenticator app');
  ada.secret = await visit.page.locator('.secret code').innerText();
  await visit.fill('Six digits', await ada.code());
  await visit.press('Go on');
  await picture(visit, 'recovery-codes', 'Keep your recovery codes');
  await visit.press('I have kept them');
  await visit.at('Apps with access');
  await visit.press('Sign out');
  await picture(visit, 'signed-out', 'You are signed out');
  await visit.go(house.app.opened(`${SCOPE} offline_access`));
  await picture(visit, 'sign-in', 'Sign in');
  await ada.typePassword(visit);
  await picture(visit, 'second-factor', 'Confirm that it is you');
  await visit.fill('Code', await ada.code());
  await visit.press('Go on');
  await visit.at('Give this app access?');
  await visit.scope('patient/Observation.rs').uncheck();
  await visit.page.getByLabel('laboratory results', { exact: true }).check();
  await picture(visit, 'consent', 'Give this app access?');
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  for (const [path, name, heading] of [
    ['/auth/apps', 'apps', 'Apps with access'],
    ['/auth/sessions', 'sessions', 'Where you are signed in'],
    ['/auth/enrol', 'sign-in-methods', 'How you sign in'],
  ]) {
    await visit.go(path);
    await picture(visit, name, heading);
  }
  await privacy(visit);
}

/** What a patient keeps private, from the form to the list. */
async function privacy(visit) {
  await visit.go('/auth/consents?new=keep');
  await visit.at('Keep something private');
  await visit.fill('Look for a person or an organization', 'hop');
  await visit.press('Look');
  await visit.at('Keep something private');
  await visit.page.getByLabel('Grace Hopper', { exact: true }).check();
  await picture(visit, 'keep-private', 'Keep something private');
  await visit.press('See what it changes');
  await picture(visit, 'keep-private-preview', 'Keep this private?');
  await visit.press('Keep it private');
  await picture(visit, 'consents', 'Who may see your record');
}

async function clinician() {
  const visit = await house.visitAs('clinician');
  await visit.go(house.app.opened());
  await picture(visit, 'patient', 'Choose a patient');
}

async function officer() {
  await house.ward.store([{
    resourceType: 'Task', status: 'requested', intent: 'order', id: 'review-1',
    code: { coding: [{ system: 'urn:ward:task', code: 'break-glass-review', display: 'Review of a broken glass' }] },
    for: { reference: 'Patient/ada' }, requester: { reference: 'Practitioner/demo-clinician' },
    authoredOn: '2026-11-30T10:00:00Z', reasonCode: { text: 'Unconscious after a fall; allergies were needed.' },
  }]);
  const visit = await asOfficer(house);
  await visit.go('/auth/reviews');
  await picture(visit, 'reviews', 'Reviews');
  const headers = { Authorization: `Bearer ${house.clinicianToken}` };
  for (const path of ['Observation/ada-pulse', 'Patient/ada', 'Observation?patient=ada']) {
    await fetch(`${house.ward.base}/${path}`, { headers });
  }
  await new Promise((done) => { setTimeout(done, 1500); });
  for (const [query, name] of [['', 'audit-list'], ['&way=timeline', 'audit-timeline'], ['&way=volume', 'audit-volume'], ['&way=map', 'audit-map'], ['&way=proof', 'audit-proof']]) {
    await visit.go(`/auth/audit?patient=Patient%2Fada${query}`);
    await picture(visit, name, 'Audit log');
  }
  await accessReview(visit);
}

/** From the form to what was decided: one account is kept, one revoked after it had been kept. */
async function accessReview(visit) {
  await visit.go('/auth/access-reviews');
  await visit.at('Access reviews');
  await visit.fill('Name', 'Autumn 2026');
  await visit.fill('Deadline', new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10));
  for (const kind of ['Roles', 'Roles of the rota', 'Clients', 'Grants', 'Emergencies']) {
    await visit.page.getByLabel(kind, { exact: true }).uncheck();
  }
  await visit.fill('Reviewers', 'admin\nofficer');
  await picture(visit, 'access-review-new', 'Access reviews', 'Open a review');
  await visit.press('Open the review');
  const decided = async (decision, names, why) => {
    await visit.at('Autumn 2026');
    for (const name of names) {
      await visit.page.getByLabel(name, { exact: true }).check();
    }
    await visit.fill('Why', why);
    await visit.press(decision);
    await visit.page.getByRole('status').waitFor();
  };
  await decided('Keep what is chosen', ['admin', 'clinician'], 'Works here');
  await decided('Revoke what is chosen', ['clinician'], 'Left at the end of October');
  await picture(visit, 'access-review', 'Autumn 2026');
}
