// Somebody else's site: another loopback name and port, which to a browser is another site than the app's.
import http from 'node:http';
import https from 'node:https';

export class Elsewhere {
  #server;
  #html = '';

  // Serves beside the app at `app`; its name is the loopback name that the app's origin does not use, or `elsewhere.test`
  // beside an app of another name. Over TLS if the app is: a page there may not ask a name over plain http.
  static async beside(app) {
    const site = new Elsewhere();
    const { protocol, hostname } = new URL(app);
    const answer = (_req, res) => res.setHeader('content-type', 'text/html; charset=utf-8').end(site.#html);
    const { CERTIFICATE: cert, KEY: key } = process.env;
    site.#server = protocol === 'https:' ? https.createServer({ cert, key }, answer) : http.createServer(answer);
    await new Promise((ready) => site.#server.listen(0, '127.0.0.1', ready));
    const name = { '127.0.0.1': 'localhost', localhost: '127.0.0.1' }[hostname] ?? 'elsewhere.test';
    site.origin = `${protocol}//${name}:${site.#server.address().port}`;
    return site;
  }

  // What the site shows from now on.
  show(body) {
    this.#html = `<!doctype html><title>elsewhere</title><body>${body}</body>`;
    return `${this.origin}/`;
  }

  // Submits a form of that site to `action` in the person's browser; gives the answer that the browser got.
  async post(page, action, fields) {
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
    await page.goto(this.show(`<form method="post" action="${action}">${inputs.join('')}<button>win</button></form>`));
    const answer = page.waitForResponse((response) => response.url() === action);
    await page.click('button');
    return answer;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
