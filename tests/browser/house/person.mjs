// Somebody with an account: their password, their authenticator app, and how they fill in the pages.

import { setTimeout as sleep } from 'node:timers/promises';
import { STEP_S, totp } from './totp.mjs';

/** A code of the step before is taken as long as that step is young enough not to end on the way. */
const EARLY_S = 20;

export class Person {
  /** Cookies of the browser they are signed in at. */
  session;
  recoveryCodes = [];
  #lastStep = 0;

  constructor({ username, password, totp_secret: secret }) {
    Object.assign(this, { username, password, secret });
  }

  /** They have just signed in elsewhere. */
  usedCode() {
    this.#lastStep = Math.floor(Date.now() / 1000 / STEP_S);
  }

  /** What the app shows, or a recovery code when all that it can show at this moment is used up. */
  async proof() {
    return this.#free() ?? this.recoveryCodes.pop() ?? this.code();
  }

  /** A code of the app that was not used yet; waits for the next one where it must. */
  async code() {
    for (;;) {
      const free = this.#free();
      if (free) return free;
      await sleep(500);
    }
  }

  #free() {
    const now_s = Date.now() / 1000;
    const step = Math.floor(now_s / STEP_S);
    const first = now_s % STEP_S < EARLY_S ? step - 1 : step;
    const free = [first, first + 1, step + 1].find((one) => one > this.#lastStep);
    if (!free) return undefined;
    this.#lastStep = free;
    return totp(this.secret, free);
  }

  /** From the sign-in page to where it leads, by password and a second factor. */
  async signIn(visit) {
    await this.typePassword(visit);
    await visit.at('Confirm that it is you');
    await visit.fill('Code', await this.proof());
    await visit.press('Go on');
  }

  async typePassword(visit) {
    await visit.at('Sign in');
    await visit.fill('User name', this.username);
    await visit.fill('Password', this.password);
    await visit.press('Sign in');
  }
}
