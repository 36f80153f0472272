// A SMART app in a hundred and some lines: it signs a person in by the authorization code flow with PKCE, and shows a patient's
// laboratory results. The access token is in this page's memory and nowhere else.
"use strict";

const CLIENT_ID = "demo-app";
const SCOPE = "launch/patient patient/Patient.rs patient/Observation.rs";
const HERE = location.origin + location.pathname;
const PENDING = "sign-in under way";

const element = (id) => document.getElementById(id);

/** What the token endpoint gave, with where the record is. */
let session;

async function begin() {
  const query = new URLSearchParams(location.search);
  if (query.has("code") || query.has("error")) return comeBack(query);
  if (query.has("launch")) return signIn(query.get("iss"), query.get("launch"));
  show("welcome");
}

/** Where a server's endpoints are. */
async function configuration(base) {
  const answer = await fetch(`${base}/.well-known/smart-configuration`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error("The hospital does not say how to sign in.");
  return answer.json();
}

/** Leaves this page for the hospital's. By itself, or where an EHR said so (`launch`). */
async function signIn(iss, launch) {
  busy("Going to the hospital …");
  const base = iss ?? `${location.origin}/fhir`;
  // Nobody may make this app ask another server in the hospital's name.
  if (new URL(base).origin !== location.origin) throw new Error("This app is registered at its own hospital only.");
  const known = await configuration(base);
  // The hospital sends people back to its own name for this page, so the way begins there.
  if (known.issuer !== location.origin) return location.replace(known.issuer + location.pathname + location.search);
  const [verifier, state] = [randomText(), randomText()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(PENDING, JSON.stringify({ base, verifier, state }));
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT_ID,
    redirect_uri: HERE,
    scope: launch ? SCOPE.replace("launch/patient", "launch") : SCOPE,
    state,
    aud: base,
    code_challenge: base64url(digest),
    code_challenge_method: "S256",
  });
  if (launch) asked.set("launch", launch);
  location.assign(`${known.authorization_endpoint}?${asked}`);
}

/** Back from the hospital, with a code or with a reason why not. */
async function comeBack(query) {
  // The code is for one use; it does not stay in the address.
  history.replaceState(null, "", location.pathname);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  sessionStorage.removeItem(PENDING);
  if (!pending || query.get("state") !== pending.state) throw new Error("This sign-in was not begun here. Please begin again.");
  const known = await configuration(pending.base);
  if (query.get("iss") !== known.issuer) throw new Error("The answer is from another server than the one that was asked.");
  if (query.get("error") === "access_denied") return show("welcome", undefined, "Nothing was shared: you did not allow it.");
  if (query.has("error")) throw new Error(query.get("error_description") ?? query.get("error"));
  busy("Fetching your results …");
  const token = await posted(known.token_endpoint, {
    grant_type: "authorization_code",
    client_id: CLIENT_ID,
    code: query.get("code"),
    redirect_uri: HERE,
    code_verifier: pending.verifier,
  });
  session = { ...token, base: pending.base, revocation: known.revocation_endpoint };
  await showRecord();
}

async function showRecord() {
  const patient = await read(`Patient/${session.patient}`).catch(() => undefined);
  const name = patient?.name?.find((one) => one.use === "official") ?? patient?.name?.[0];
  element("name").textContent = name?.text ?? [name?.given?.join(" "), name?.family].filter(Boolean).join(" ") ?? "";
  if (!element("name").textContent) element("name").textContent = "Laboratory results";
  element("about").textContent = patient?.birthDate ? `Born ${day(patient.birthDate)}` : "";
  element("results").replaceChildren();
  await showResults("Observation?category=laboratory&_sort=-date&_count=25");
  show("record");
}

async function showResults(path) {
  const bundle = await read(path).catch((error) => {
    if (error.status === 403) return { entry: [] };
    throw error;
  });
  const found = (bundle.entry ?? []).map((entry) => entry.resource).filter((one) => one.resourceType === "Observation");
  element("results").append(...found.map(row));
  element("nothing").hidden = element("results").childElementCount > 0;
  const next = bundle.link?.find((link) => link.relation === "next")?.url;
  element("older").hidden = !next;
  element("older").onclick = () => waiting(element("older"), () => showResults(next));
}

function row(observation) {
  const { valueQuantity: quantity, referenceRange, interpretation } = observation;
  const line = document.createElement("tr");
  const cell = (tag, text, kind) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  // LOINC's long names say how it was measured after what was measured: "Sodium [Moles/volume] in Serum or Plasma".
  const [, what, how] = concept(observation.code).match(/^(.+?)( \[.*)?$/s) ?? ["", "", ""];
  const test = cell("th", what);
  test.scope = "row";
  if (how) test.append(cell("span", how, "how"));
  const result = cell("td", "", "result");
  const shown = quantity ? `${quantity.comparator ?? ""}${quantity.value} ${quantity.unit ?? ""}` : concept(observation.valueCodeableConcept) || observation.valueString;
  result.append(cell("span", shown || "–", "value"));
  const flag = { H: "high", HH: "high", L: "low", LL: "low" }[interpretation?.[0]?.coding?.[0]?.code];
  if (flag) result.append(cell("span", flag, `flag ${flag}`));
  const { low, high } = referenceRange?.[0] ?? {};
  const range = low && high ? `${low.value} – ${high.value}` : low ? `from ${low.value}` : high ? `up to ${high.value}` : "";
  line.append(test, result, cell("td", range, "range"), cell("td", day(observation.effectiveDateTime), "date"));
  return line;
}

const concept = (value) => value?.text ?? value?.coding?.[0]?.display ?? value?.coding?.[0]?.code ?? "";

/** A FHIR date, of which the day may not be known. */
function day(text) {
  if (!text || text.length < 10) return text ?? "";
  const [year, month, date] = text.slice(0, 10).split("-").map(Number);
  return new Date(year, month - 1, date).toLocaleDateString("en", { dateStyle: "medium" });
}

async function read(path) {
  const url = path.startsWith("http") ? path : `${session.base}/${path}`;
  const headers = { Accept: "application/fhir+json", Authorization: `Bearer ${session.access_token}` };
  const answer = await fetch(url, { headers });
  if (answer.ok) return exact(await answer.text());
  const why = answer.status === 401 ? "Your access has ended. Please sign in again." : `The hospital answered ${answer.status}.`;
  throw Object.assign(new Error(why), { status: answer.status });
}

/** Numbers stay the text that they were sent as: 13.20 is not 13.2. */
const exact = (text) => JSON.parse(text, (_, value, context) => (typeof value === "number" ? (context?.source ?? value) : value));

async function posted(url, fields) {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(fields) });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error_description ?? `The hospital answered ${answer.status}.`);
  return body;
}

async function leave() {
  const fields = { token: session.access_token, client_id: CLIENT_ID };
  const answer = await fetch(session.revocation, { method: "POST", body: new URLSearchParams(fields) }).catch(() => undefined);
  session = undefined;
  element("results").replaceChildren();
  // Forgotten here in any case; whoever left is told what was not done there.
  const problem = "You are signed out of this app. The hospital could not be told; the access it gave ends by itself within the hour.";
  const done = "You gave the access back. This page has forgotten your results.";
  if (answer?.ok) show("welcome", undefined, done);
  else show("welcome", problem);
}

/** A section of the page, with what went wrong or what was done. */
function show(section, problem, done) {
  busy("");
  for (const id of ["welcome", "record"]) element(id).hidden = id !== section;
  for (const [id, text] of [["problem", problem], ["notice", done]]) {
    element(id).textContent = text ?? "";
    element(id).hidden = !text;
  }
  element(section).querySelector("h1").focus();
}

function busy(text) {
  element("busy").textContent = text;
}

/** Does what a button stands for, once at a time. */
async function waiting(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    show("welcome", error.message);
  } finally {
    button.disabled = false;
  }
}

function base64url(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

element("sign-in").onclick = () => waiting(element("sign-in"), () => signIn());
element("leave").onclick = () => waiting(element("leave"), leave);
begin().catch((error) => show("welcome", error.message));
