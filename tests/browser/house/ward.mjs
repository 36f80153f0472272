// A demo server of our own on a free port, addressed as `localhost`: browsers make no passkeys for a number.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_TIMEOUT_S = 60;
const BINARY = process.env.WARD_TEST_BINARY;

export class Ward {
  static async start(folder) {
    const port = await freePort();
    const ward = new Ward();
    Object.assign(ward, { folder, port, data: join(folder, 'data'), origin: `http://localhost:${port}` });
    ward.base = `${ward.origin}/fhir`;
    // However this program ends, the server goes with it.
    process.once('exit', () => ward.process.kill());
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
    await ward.#run({});
    return ward;
  }

  async #run(settings) {
    const log = join(this.folder, 'log');
    const greeting = join(this.folder, 'greeting');
    const words = ['serve', '--demo', '--empty', '--listen', `127.0.0.1:${this.port}`, '--data', this.data];
    const database = process.env.WARD_TEST_DATABASE;
    if (database) words.push('--database', database);
    this.process = spawn(BINARY, words, {
      env: { ...process.env, WARD_SERVER_BASE_URL: this.base, ...settings },
      stdio: ['ignore', openSync(greeting, 'w'), openSync(log, 'a')],
    });
    const end = Date.now() + START_TIMEOUT_S * 1000;
    while (!readFileSync(greeting, 'utf8').includes('Ward is ready at ')) {
      if (this.process.exitCode !== null || Date.now() > end) {
        throw new Error(`the server did not start:\n${readFileSync(log, 'utf8')}`);
      }
      await sleep(50);
    }
  }

  /** The same server anew, with other settings (as variables): what it remembers is in its store. */
  async restart(settings = {}) {
    await this.stop();
    await this.#run(settings);
  }

  /** A demo caller's access token. */
  token(caller) {
    return execFileSync(BINARY, ['token', '--as', caller, '--data', this.data], { encoding: 'utf8' }).trim();
  }

  /** What a person of the demo signs in with. */
  secretsOf(username) {
    return JSON.parse(readFileSync(join(this.data, 'demo', `${username}.json`), 'utf8'));
  }

  /** Stores resources under their own ids. */
  async store(resources) {
    const entry = resources.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    const answer = await fetch(this.base, {
      method: 'POST',
      headers: { 'Content-Type': 'application/fhir+json', Authorization: `Bearer ${this.token('loader')}` },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    });
    if (!answer.ok) throw new Error(`the records were not stored: ${await answer.text()}`);
  }

  async stop() {
    const gone = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await gone;
  }
}

/** Free at this moment. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
