// What helmet costs a response: CPU time of this process, on responses that no socket carries, less what they cost bare.
// As the Rust benches do: the subjects take turns, of each sweep the fastest batch counts, and of the sweeps the median.
import { randomBytes } from "node:crypto";
import { IncomingMessage, ServerResponse } from "node:http";
import helmet from "helmet";

const CALLS = 20_000;
const BATCHES = 9;
const SWEEPS = 5;

function respond(middleware) {
  const request = new IncomingMessage(null);
  request.method = "GET";
  request.url = "/notes";
  const response = new ServerResponse(request);
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.setHeader("content-length", "43");
  middleware?.(request, response, () => {});
  return response;
}

function withNonce() {
  const nonce = (_request, response) => `'nonce-${response.locals.nonce}'`;
  const policy = helmet({ contentSecurityPolicy: { directives: { "script-src": [nonce, "'strict-dynamic'"] } } });
  return (request, response, next) => {
    response.locals = { nonce: randomBytes(18).toString("base64") };
    policy(request, response, next);
  };
}

const subjects = { bare: undefined, helmet: helmet(), "helmet with a nonce": withNonce() };

for (const [name, middleware] of Object.entries(subjects)) {
  const names = respond(middleware).getHeaderNames();
  const policy = names.includes("content-security-policy");
  if (policy !== (middleware !== undefined)) throw new Error(`${name} does not do what it says: ${names}`);
}

function batch(middleware) {
  const before = process.cpuUsage();
  for (let call = 0; call < CALLS; call += 1) respond(middleware);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / CALLS;
}

const sweeps = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
  const fastest = {};
  for (let turn = 0; turn < BATCHES; turn += 1) {
    for (const [name, middleware] of Object.entries(subjects)) {
      fastest[name] = Math.min(fastest[name] ?? Infinity, batch(middleware));
    }
  }
  for (const [name, value] of Object.entries(fastest)) sweeps[name].push(value);
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const bare = median(sweeps.bare);
for (const [name, values] of Object.entries(sweeps)) {
  const cost = median(values);
  console.log(`${name}: ${cost.toFixed(0)} ns a response, ${(cost - bare).toFixed(0)} over bare`);
}
