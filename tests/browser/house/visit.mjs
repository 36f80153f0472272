// A person at a browser. Every page of Ward that they come to is looked at: what the browser complains of, and whether it fits a
// phone.

import assert from 'node:assert/strict';

const PATIENCE_MS = 20_000;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };
const TEXT_SHOWN_MAX = 1500;

export class Visit {
  #complaints = [];

  static async begin(house, options) {
    const context = await house.browser.newContext({ viewport: DESKTOP, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const visit = new Visit();
    Object.assign(visit, { house, context, page: await context.newPage() });
    visit.#listen();
    return visit;
  }

  /** Scripts' errors, and what the policy of a page forbade (which Chromium tells as an error on the console). */
  #listen() {
    const isOurs = (url) => url.startsWith(this.house.ward.origin);
    this.page.on('console', (message) => {
      const { url } = message.location();
      // Of an answer with 400 to a form or to an app, which the case looks at itself, the browser says this too.
      const isAsked = ['/auth/', '/fhir/'].some((below) => url.includes(below)) && !url.includes('/files/');
      const isAnswer = message.text().startsWith('Failed to load resource') && isAsked;
      if (['error', 'warning'].includes(message.type()) && isOurs(this.page.url()) && !isAnswer) {
        this.#complaints.push(`${this.page.url()}: ${message.text()}`);
      }
    });
    this.page.on('pageerror', (error) => this.#complaints.push(`${this.page.url()}: ${error}`));
  }

  /** Another window of the same browser. */
  async beside() {
    const visit = new Visit();
    Object.assign(visit, { house: this.house, context: this.context, page: await this.context.newPage() });
    visit.#listen();
    this.house.visits.push(visit);
    return visit;
  }

  /** To a path of the server, or any address. */
  go(where) {
    return this.page.goto(new URL(where, this.house.ward.origin).href);
  }

  /** Waits for a page of Ward with this heading, and looks at it. */
  async at(heading) {
    await this.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    assert.equal(await this.page.title(), `${heading} · Ward`);
    assert.ok(this.page.url().startsWith(this.house.ward.origin), this.page.url());
    for (const size of [PHONE, DESKTOP]) {
      await this.page.setViewportSize(size);
      assert.equal(await this.wider(), 0, `${heading} is wider than ${size.width} px`);
    }
  }

  /** Pixels that one would have to scroll sideways. */
  wider() {
    return this.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  }

  fill(label, text) {
    return this.page.getByLabel(label, { exact: true }).fill(text);
  }

  press(name) {
    return this.#onward(this.page.getByRole('button', { name, exact: true }));
  }

  follow(name) {
    return this.#onward(this.page.getByRole('link', { name, exact: true }));
  }

  /** To the page that it leads to, which may look like the one before. */
  async #onward(element) {
    const isPage = (frame) => frame === this.page.mainFrame();
    await Promise.all([this.page.waitForEvent('framenavigated', isPage), element.click()]);
  }

  /** What the page says has gone wrong. */
  alert() {
    return this.page.getByRole('alert').innerText();
  }

  /** What the page says has been done. */
  notice() {
    return this.page.getByRole('status').first().innerText();
  }

  /** The box that gives this scope. */
  scope(scope) {
    return this.page.locator(`input[type=checkbox][name=scope][value="${scope}"]`);
  }

  isWell() {
    assert.deepEqual(this.#complaints, [], 'the browser complained');
  }

  /** Where it is and what is there, for whoever has to find out why. */
  async described(picture) {
    try {
      await this.page.screenshot({ path: picture, fullPage: true });
      const text = await this.page.locator('body').innerText();
      return `--- ${this.page.url()} (${picture})\n${text.slice(0, TEXT_SHOWN_MAX)}\n---`;
    } catch (problem) {
      return `--- ${this.page.url()}: ${problem}`;
    }
  }
}
