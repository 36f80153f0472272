// What is asked of the app's fhirclient, in its page.

import assert from 'node:assert/strict';

/** Waits until the app is back from the hospital with a token; the scope of it. */
export async function signedIn(visit) {
  const said = visit.page.locator('#state');
  await visit.page.getByText(/^(Not s|S)igned in/).waitFor();
  const text = await said.innerText();
  assert.match(text, /^Signed in with /);
  return text.replace('Signed in with ', '').split(' ');
}

/** What the app knows after the launch. */
export function state(visit) {
  return visit.page.evaluate(() => ({
    patient: client.patient.id,
    encounter: client.encounter.id,
    fhirUser: client.user.fhirUser,
    tokenResponse: client.state.tokenResponse,
  }));
}

/** Ids that a search finds, or the status that it is answered with. */
export function search(visit, query) {
  return visit.page.evaluate(async (query) => {
    try {
      const found = await client.request(query, { flat: true });
      return found.map((one) => one.id).sort();
    } catch (problem) {
      return problem.status ?? problem.message;
    }
  }, query);
}

/** The status of a request with the token that the app has, without what fhirclient makes of it. */
export function statusOf(visit, path) {
  return visit.page.evaluate(async (path) => {
    const { serverUrl, tokenResponse } = client.state;
    const headers = { Authorization: `Bearer ${tokenResponse.access_token}` };
    return (await fetch(`${serverUrl}/${path}`, { headers })).status;
  }, path);
}
