// Runs the cases one after another over one server, and tells of each in the form of Rust's test harness, so that ./test can add
// them up. What was on the page when a case failed is printed, and kept as a picture.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from './house/house.mjs';
import registration from './cases/registration.mjs';
import registry from './cases/registry.mjs';
import enrolment from './cases/enrolment.mjs';
import standalone from './cases/standalone_launch.mjs';
import ehr from './cases/ehr_launch.mjs';
import consent from './cases/consent.mjs';
import access from './cases/access.mjs';
import passkeys from './cases/passkeys.mjs';
import sessions from './cases/sessions.mjs';
import breakGlass from './cases/break_glass.mjs';
import demoApp from './cases/demo_app.mjs';
import pages from './cases/pages.mjs';
import auditLog from './cases/audit_log.mjs';
import accessReviews from './cases/access_reviews.mjs';
import privacy from './cases/privacy.mjs';

// In order: later ones need what earlier ones register.
const CHAPTERS = { registration, enrolment, standalone, ehr, consent, access, registry, passkeys, sessions, 'break-glass': breakGlass, 'demo-app': demoApp, privacy, 'audit-log': auditLog, 'access-reviews': accessReviews, pages };
/** Who is registered and enrolled is needed by all the others. */
const NEEDED = ['registration', 'enrolment'];
const CASE_TIMEOUT_S = 60;
const STORE = process.env.WARD_TEST_DATABASE ? 'on_postgres::' : '';

const asked = process.argv.slice(2);
const isAsked = (name) => asked.length === 0 || asked.some((word) => name.includes(word));
const pictures = mkdtempSync(join(tmpdir(), 'ward-browser.'));
const begun = Date.now();
let passed = 0;
let failed = 0;

const house = await open(pictures);
try {
  await all();
} catch (problem) {
  console.error(`browser: ${problem.message}`);
} finally {
  await house.close();
}
console.log(`browser: ${Math.round((Date.now() - begun) / 1000)} s with Chromium ${house.version}`);
console.log(`test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; 0 ignored`);
if (!failed) rmSync(pictures, { recursive: true });
process.exitCode = failed ? 1 : 0;

async function all() {
  for (const [chapter, cases] of Object.entries(CHAPTERS)) {
    for (const run of cases) {
      const name = `${chapter}::${run.name}`;
      const isNeeded = NEEDED.includes(chapter);
      if (!isAsked(name) && !isNeeded) continue;
      const isGood = await tell(`browser::${STORE}${name}`, run);
      if (!isGood && isNeeded) throw new Error(`nothing further can be tried without ${name}`);
    }
  }
}

async function tell(name, run) {
  const begun = Date.now();
  try {
    await inTime(run(house));
    house.isWell();
    passed += 1;
    if (process.env.WARD_TEST_TIMES) console.log(`${Date.now() - begun} ms`);
    console.log(`test ${name} ... ok`);
    return true;
  } catch (problem) {
    failed += 1;
    console.log(`test ${name} ... FAILED`);
    console.error(problem);
    for (const [n, visit] of house.visits.entries()) {
      const picture = join(pictures, `${name.replaceAll('::', '-')}-${n}.png`);
      console.error(await visit.described(picture));
    }
    return false;
  } finally {
    await house.empty();
  }
}

function inTime(done) {
  let timer;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`not done within ${CASE_TIMEOUT_S} s`)), CASE_TIMEOUT_S * 1000);
  });
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}
