// Grades header sets. Reads one JSON object a line:
//   { "headers": [[name, value], …], "preflight": [[name, value], …] or null, "body": text, "http": [[url, status], …] or null }
// "http" is the way that a request over plain http goes, null when nobody answers there. Answers with one JSON object a line:
//   { "score", "grade", "tests": { name: result }, "csp": [[severity, type, directive, value], …] }
import fs from "node:fs";
import { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import readline from "node:readline";

const observatory = new URL("./node_modules/@mdn/mdn-http-observatory/", import.meta.url);

// What an install script would download: the browsers' preload list. Nothing of this app's is on it.
const preloaded = new URL("conf/hsts-preload.json", observatory);
if (!fs.existsSync(preloaded)) {
  const half = new URL(`conf/${process.pid}.json`, observatory);
  fs.writeFileSync(half, "{}");
  fs.renameSync(half, preloaded);
}

const part = (path) => import(new URL(`src/${path}`, observatory));
const { ALL_TESTS } = await part("constants.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await part("grader/charts.js");
const { getGradeForScore, getScoreModifier } = await part("grader/grader.js");
const { HTML_TYPES, Requests } = await part("types.js");
const { Session } = await part("retriever/session.js");
const { parseHttpEquivHeaders } = await part("retriever/utils.js");
const { CONFIG } = await part("config.js");

const require = createRequire(import.meta.url);
const { AxiosHeaders } = require("axios");
const { CspEvaluator } = require("csp_evaluator/dist/evaluator.js");
const { CspParser } = require("csp_evaluator/dist/parser.js");

const HOST = "app.example.com";
const ORIGIN = `https://${HOST}/`;

// Fields as Node.js joins the lines of an answer, which is what the Observatory sees.
function fields(lines) {
  const message = new IncomingMessage(null);
  const flat = lines.flat();
  message._addHeaderLines(flat, flat.length);
  return message.headers;
}

function answer(lines, origin) {
  const config = { headers: new AxiosHeaders(origin ? { Origin: origin } : {}) };
  const request = { headers: config.headers, getHeader: (name) => config.headers.get(name) ?? undefined };
  return { headers: new AxiosHeaders(fields(lines)), status: 200, statusText: "OK", verified: true, data: "", config, request };
}

function asked(set) {
  const requests = new Requests(HOST);
  const session = new Session(new URL(ORIGIN));
  const { responses } = requests;
  responses.auto = answer(set.headers);
  responses.https = responses.auto;
  responses.cors = set.preflight && answer(set.preflight, CONFIG.retriever.corsOrigin);
  responses.http = set.http && answer(set.headers);
  const steps = (set.http ?? []).map(([url, status]) => ({ url: new URL(url), status }));
  responses.httpRedirects = steps;
  responses.httpsRedirects = [{ url: new URL(ORIGIN), status: 200 }];
  session.redirectHistory = responses.httpsRedirects;
  session.response = responses.auto;
  requests.session = session;
  for (const [name, value] of set.headers) {
    if (name.toLowerCase() === "set-cookie") {
      session.jar.setCookieSync(value, ORIGIN, { ignoreError: true });
    }
  }
  requests.resources.path = set.body || null;
  const kind = responses.auto.headers["content-type"]?.split(";")[0];
  const page = HTML_TYPES.has(kind) && requests.resources.path;
  responses.auto.httpEquiv = page ? parseHttpEquivHeaders(requests.resources.path, ORIGIN) : new Map();
  return requests;
}

function grade(set) {
  const requests = asked(set);
  const results = ALL_TESTS.map((test) => test(requests));
  const modifiers = results.map(({ result }) => getScoreModifier(result));
  const sum = (numbers) => numbers.reduce((all, number) => all + number, 100);
  const strict = sum(modifiers.filter((modifier) => modifier < 0));
  const final = getGradeForScore(strict >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : strict);
  const tests = Object.fromEntries(results.map((result) => [result.constructor.name, result.result]));
  return { score: final.score, grade: final.grade, tests, csp: policies(set) };
}

function policies(set) {
  const texts = set.headers.filter(([name]) => name.toLowerCase() === "content-security-policy");
  return texts.flatMap(([, text]) => {
    const found = new CspEvaluator(new CspParser(text).csp).evaluate();
    return found.map(({ severity, type, directive, value }) => [severity, type, directive, value ?? ""]);
  });
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let said;
  try {
    said = grade(JSON.parse(line));
  } catch (error) {
    said = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
