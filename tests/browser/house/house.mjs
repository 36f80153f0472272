// The server, an app of somebody else at another origin, a browser, and the people and clients that the cases make.

import { chromium } from 'playwright-core';
import { AppServer } from './app_server.mjs';
import { Person } from './person.mjs';
import { records } from './records.mjs';
import { Visit } from './visit.mjs';
import { Ward } from './ward.mjs';

/** Chromium of Debian. As root it has no sandbox; and it speaks to nobody but the two servers. */
const BROWSER = {
  executablePath: process.env.WARD_TEST_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};

export async function open(folder) {
  const ward = await Ward.start(folder);
  const app = await AppServer.start(ward.base);
  await ward.store(records());
  const browser = await chromium.launch(BROWSER);
  return new House({ ward, app, browser });
}

class House {
  /** Everybody who is looking at pages in this case. */
  visits = [];
  /** By name; the cases of `registration` and `enrolment` add to them. */
  people = {};

  constructor({ ward, app, browser }) {
    Object.assign(this, { ward, app, browser, version: browser.version() });
    for (const name of ['admin', 'clinician']) this.people[name] = new Person(ward.secretsOf(name));
    // Taken before a browser uses up the codes of the next minute.
    this.clinicianToken = ward.token('clinician');
    this.people.clinician.usedCode();
  }

  /** A browser of its own, in which nobody is signed in. */
  async visit(options = {}) {
    const visit = await Visit.begin(this, options);
    this.visits.push(visit);
    return visit;
  }

  /** A browser in which somebody is signed in: the session of their first visit, which each code would be used up for. */
  async visitAs(name, options = {}) {
    const person = this.people[name];
    const visit = await this.visit({ ...options, storageState: person.session });
    if (!person.session) {
      await visit.go('/auth/apps');
      await person.signIn(visit);
      await visit.at('Apps with access');
      person.session = await visit.context.storageState();
    }
    return visit;
  }

  /** Throws when a page complained of anything. */
  isWell() {
    for (const visit of this.visits) visit.isWell();
  }

  async empty() {
    for (const visit of this.visits.splice(0)) await visit.context.close();
  }

  async close() {
    await this.empty();
    await this.browser.close();
    this.app.close();
    await this.ward.stop();
  }
}
