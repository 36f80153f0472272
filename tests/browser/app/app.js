// A SMART app as its developer would write it with fhirclient: it signs in, and says how that went. What it may read is asked by
// whoever drives it, through `client`.
'use strict';

const say = (text) => {
  document.getElementById('state').textContent = text;
};

/** Sends the browser to the hospital: by itself, or launched by an EHR. */
async function launch() {
  const query = new URLSearchParams(location.search);
  const settings = await (await fetch('/settings.json')).json();
  await FHIR.oauth2.authorize({
    clientId: settings.clientId,
    scope: query.get('scope') ?? settings.ehrScope,
    redirectUri: `${location.origin}/`,
    pkceMode: 'required',
  });
}

/** Back from the hospital. */
async function ready() {
  window.client = await FHIR.oauth2.ready();
  say(`Signed in with ${client.state.tokenResponse.scope}`);
}

(location.pathname === '/launch' ? launch() : ready()).catch((problem) => say(`Not signed in: ${problem.message}`));
