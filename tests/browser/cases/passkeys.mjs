// Passkeys, with an authenticator that Chromium plays. <https://www.w3.org/TR/webauthn-3/> (X60)

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { invite } from './enrolment.mjs';
import { signedIn } from '../house/fhirclient.mjs';

const AUTHENTICATOR = {
  protocol: 'ctap2',
  transport: 'internal',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};

/** A phone or computer that vouches for its owner in this browser. */
async function withAuthenticator(visit) {
  const devtools = await visit.context.newCDPSession(visit.page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: AUTHENTICATOR });
  return {
    credentials: async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    forget: (credentialId) => devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId }),
    learn: (credential) => devtools.send('WebAuthn.addCredential', { authenticatorId, credential }),
  };
}

/** Somebody new who has a passkey and nothing else, at their apps. */
async function enrolled(house, username) {
  const link = await invite(house, { username, name: 'Alan Turing', resource: 'Patient/alan' });
  const visit = await house.visit();
  const device = await withAuthenticator(visit);
  await visit.go(link);
  await visit.at('Choose how you sign in');
  await visit.press('Make a passkey');
  await visit.at('Apps with access');
  return { visit, device };
}

async function signOut(visit) {
  await visit.press('Sign out');
  await visit.at('You are signed out');
  await visit.follow('Sign in again');
  await visit.at('Sign in');
}

async function a_passkey_is_made_and_signs_in_to_an_app(house) {
  const { visit, device } = await enrolled(house, 'alan');
  const [credential] = await device.credentials();
  assert.equal(credential.rpId, 'localhost');
  await signOut(visit);
  await visit.go(house.app.opened());
  await visit.at('Sign in');
  await visit.press('Use a passkey');
  await visit.at('Give this app access?');
  await visit.press('Allow what is ticked');
  await signedIn(visit);
  await visit.go('/auth/sessions');
  await visit.at('Where you are signed in');
  assert.match(await visit.page.locator('.card:not(.browser)').innerText(), /With\s+passkey/);
}

async function a_second_passkey_is_added_and_removed(house) {
  const visit = await house.visit();
  await visit.go('/auth/enrol');
  await house.people.ada.signIn(visit);
  await visit.at('How you sign in');
  const device = await withAuthenticator(visit);
  await visit.fill('Name of a new passkey', 'blue key');
  await visit.press('Add a passkey');
  const row = visit.page.locator('.rows li', { hasText: 'blue key' });
  await row.waitFor();
  await visit.at('How you sign in');
  assert.equal((await device.credentials()).length, 1);
  await visit.press('Remove the passkey blue key');
  await row.waitFor({ state: 'detached' });
  await signOut(visit);
  await visit.press('Use a passkey');
  assert.match(await visit.alert(), /does not open any account/);
}

/** What the browser answers to a challenge at another origin, given to the server as if it were from its own page. */
async function x60_what_was_signed_elsewhere_opens_nothing(house) {
  const { visit } = await enrolled(house, 'alan2');
  await signOut(visit);
  const challenge = await visit.page.locator('[data-challenge]').getAttribute('data-challenge');
  // The same host name, so that the browser finds the passkey, and another port: another origin.
  await visit.go(`http://localhost:${house.app.port}/`);
  const signed = await visit.page.evaluate(async (challenge) => {
    const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const publicKey = { challenge: bytes(challenge), rpId: 'localhost', userVerification: 'required' };
    const { id, type, response } = await navigator.credentials.get({ publicKey });
    const { clientDataJSON, authenticatorData, signature, userHandle } = response;
    const all = { clientDataJSON, authenticatorData, signature, userHandle };
    return JSON.stringify({ id, type, response: Object.fromEntries(Object.entries(all).map(([name, buffer]) => [name, text(buffer)])) });
  }, challenge);
  assert.ok(atob(JSON.parse(signed).response.clientDataJSON).includes(`localhost:${house.app.port}`));
  await visit.go('/auth/sign-in');
  await visit.at('Sign in');
  await visit.page.evaluate((signed) => {
    const field = document.querySelector('input[name=passkey]');
    field.value = signed;
    field.form.submit();
  }, signed);
  assert.match(await visit.alert(), /does not open any account/);
  // The same passkey at the right place is good.
  await visit.press('Use a passkey');
  await visit.at('Apps with access');
}

async function a_copy_of_a_passkey_is_refused(house) {
  const { visit, device } = await enrolled(house, 'alan3');
  const [copied] = await device.credentials();
  for (let times = 0; times < 2; times += 1) {
    await signOut(visit);
    await visit.press('Use a passkey');
    await visit.at('Apps with access');
  }
  await signOut(visit);
  const [current] = await device.credentials();
  assert.ok(current.signCount > copied.signCount + 1);
  await device.forget(copied.credentialId);
  await device.learn(copied);
  await visit.press('Use a passkey');
  assert.match(await visit.alert(), /does not open any account/);
}

/** An app that is content with nothing less than a passkey. (S37) */
function wanted({ app, ward }) {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: `${app.origin}/`,
    scope: 'openid patient/Patient.rs',
    state: 'state-of-the-app',
    aud: ward.base,
    acr_values: 'phr',
    code_challenge: createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url'),
    code_challenge_method: 'S256',
  });
  return `/auth/authorize?${query}`;
}

/** What the app is answered: the address that its page is asked for, before it changes it. */
async function answered(visit, { app }, press) {
  const asked = visit.page.waitForRequest((request) => request.url().startsWith(`${app.origin}/?`));
  await visit.press(press);
  return new URL((await asked).url()).searchParams;
}

async function s37_who_has_no_passkey_adds_one_or_goes_back(house) {
  const visit = await house.visit();
  await visit.go('/auth/apps');
  await house.people.ada.signIn(visit);
  await visit.at('Apps with access');
  await withAuthenticator(visit);
  await visit.go(wanted(house));
  await visit.at('Confirm that it is you');
  assert.match(await visit.page.locator('main').innerText(), /Small Steps asks for a passkey, and you have none here yet/);
  const refused = await answered(visit, house, 'Go back to the app without one');
  assert.equal(refused.get('error'), 'unmet_authentication_requirements');
  assert.equal(refused.get('state'), 'state-of-the-app');

  await visit.go(wanted(house));
  await visit.at('Confirm that it is you');
  await visit.follow('Add a passkey');
  await visit.at('How you sign in');
  await visit.fill('Name of a new passkey', 'green key');
  await visit.press('Add a passkey');
  await visit.at('Confirm that it is you');
  await visit.press('Use a passkey');
  await visit.at('Give this app access?');
  assert.ok((await answered(visit, house, 'Allow what is ticked')).get('code'));
  await visit.go('/auth/enrol');
  await visit.at('How you sign in');
  await visit.press('Remove the passkey green key');
  await visit.page.locator('.rows li', { hasText: 'green key' }).waitFor({ state: 'detached' });
}

export default [
  a_passkey_is_made_and_signs_in_to_an_app,
  a_second_passkey_is_added_and_removed,
  s37_who_has_no_passkey_adds_one_or_goes_back,
  x60_what_was_signed_elsewhere_opens_nothing,
  a_copy_of_a_passkey_is_refused,
];
