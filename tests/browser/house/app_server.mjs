// The app's own server, at another origin than the hospital's: its pages, and fhirclient's build for browsers.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const file = (path) => readFileSync(new URL(path, import.meta.url));
const FILES = {
  '/': ['text/html', file('../app/index.html')],
  '/launch': ['text/html', file('../app/index.html')],
  '/app.js': ['text/javascript', file('../app/app.js')],
  '/fhirclient.js': ['text/javascript', file('../node_modules/fhirclient/build/fhir-client.pure.min.js')],
};

/** What the app asks for when nobody says otherwise. */
export const SCOPE = 'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs';
export const EHR_SCOPE = SCOPE.replace('launch/patient', 'launch');

export class AppServer {
  /** Once it is registered. */
  clientId;

  static async start(base) {
    const app = new AppServer();
    app.base = base;
    app.server = createServer((request, response) => app.#answer(request, response)).listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    app.port = app.server.address().port;
    app.origin = `http://127.0.0.1:${app.port}`;
    return app;
  }

  /** Where a person opens the app by themselves. */
  opened(scope = SCOPE) {
    const query = new URLSearchParams({ iss: this.base, scope });
    return `${this.origin}/launch?${query}`;
  }

  #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (pathname === '/settings.json') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      return response.end(JSON.stringify({ clientId: this.clientId, ehrScope: EHR_SCOPE }));
    }
    const [type, body] = FILES[pathname] ?? [];
    response.writeHead(body ? 200 : 404, { 'Content-Type': `${type ?? 'text/plain'}; charset=utf-8` });
    response.end(body);
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
