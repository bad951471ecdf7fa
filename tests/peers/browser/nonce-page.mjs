// The smallest page under our headers: one script with a nonce, and text of a stranger that the page fails to escape.
import assert from 'node:assert/strict';
import { shoot, step, until } from './steps.mjs';

const INJECTED = '<script>document.body.dataset.injected = "ran"</script>';

const data = (page) => page.evaluate(() => ({ ...document.body.dataset }));

// Opens the page, loads it again, and gives what the server said to the browser each time.
async function twice(page, url) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  const statuses = [];
  devtools.on('Network.responseReceivedExtraInfo', ({ statusCode }) => statuses.push(statusCode));
  await page.goto(url);
  await page.goto('about:blank');
  await page.goto(url);
  await until(() => statuses.length >= 2);
  await devtools.detach();
  return statuses;
}

export const steps = [
  step('the script with the nonce runs', async ({ page, app }) => {
    await page.goto(app);
    assert.deepEqual(await data(page), { own: 'ran' });
  }),

  step('each answer has a nonce of its own', async ({ page, app }) => {
    const nonce = async () => {
      const policy = (await page.goto(app)).headers()['content-security-policy'];
      return /'nonce-([^']+)'/.exec(policy)[1];
    };
    assert.notEqual(await nonce(), await nonce());
  }),

  step('a page that the browser kept still runs after a 304', async ({ page, app, witness }) => {
    const [first, second] = await twice(page, `${app}/kept`);
    assert.deepEqual([first, second], [200, 304]);
    assert.deepEqual(await data(page), { own: 'ran' });
    assert.deepEqual(witness.violations, []);
  }),

  step('control: with a new policy on the 304 it does not', async ({ page, app, witness }) => {
    const [first, second] = await twice(page, `${app}/kept-with-policy`);
    assert.deepEqual([first, second], [200, 304]);
    assert.deepEqual(await data(page), {});
    assert.equal(witness.violations[0].effectiveDirective, 'script-src-elem');
  }),

  step('an injected inline script is blocked and reported', async (scene) => {
    const { page, app, witness } = scene;
    await page.goto(`${app}/?text=${encodeURIComponent(INJECTED)}`);
    await page.waitForFunction(() => document.body.dataset.own === 'ran');
    assert.ok((await page.content()).includes('dataset.injected'), 'the script is in the page');
    assert.deepEqual(await data(page), { own: 'ran' });
    const [violation] = witness.violations;
    assert.match(violation.effectiveDirective, /^script-src/);
    assert.equal(violation.blockedURI, 'inline');
    assert.equal(violation.disposition, 'enforce');
    await shoot(scene, 'injected');
  }),

  step('an injected event handler is blocked', async ({ page, app, witness }) => {
    const text = '<img src="/none.png" onerror="document.body.dataset.injected = 1">';
    await page.goto(`${app}/?text=${encodeURIComponent(text)}`);
    await page.waitForLoadState('load');
    assert.deepEqual(await data(page), { own: 'ran' });
    assert.equal(witness.violations[0].effectiveDirective, 'script-src-attr');
  }),

  step('another site can not frame the page', async ({ page, app, elsewhere }) => {
    await page.goto(elsewhere.show(`<iframe src="${app}"></iframe>`));
    const frame = page.frames()[1];
    assert.equal(await frame.evaluate(() => document.body.dataset.own ?? 'nothing'), 'nothing');
  }),

  step('a post of the page itself is taken', async ({ page, app }) => {
    await page.goto(app);
    await page.click('button');
    await page.waitForURL(`${app}/changes`);
    assert.equal(await page.textContent('body'), '1');
  }),

  step('a form of another site is refused, and changes nothing', async (scene) => {
    const { page, app, elsewhere } = scene;
    const answer = await elsewhere.post(page, `${app}/changes`, { text: 'won' });
    assert.equal(answer.status(), 403);
    assert.equal((await answer.request().allHeaders())['sec-fetch-site'], 'cross-site');
    await shoot(scene, 'refused');
    assert.equal(await (await page.request.get(`${app}/changes`)).text(), '1');
  }),

  step('a form without an origin is refused', async ({ page, app, elsewhere }) => {
    const form = `<form method=post action=${app}/changes><script>document.forms[0].submit()</script></form>`;
    // The frame may not show the answer, so the browser reports it as a response or on the console only.
    const refused = Promise.any([
      page.waitForResponse((response) => response.request().method() === 'POST' && response.status() === 403),
      page.waitForEvent('console', (message) => message.text().includes('status of 403')),
    ]);
    await page.goto(elsewhere.show(`<iframe sandbox="allow-forms allow-scripts" srcdoc="${form}"></iframe>`));
    await refused;
    assert.equal(await (await page.request.get(`${app}/changes`)).text(), '1');
  }),

  step('another site\'s script can not read an answer', async ({ page, app, elsewhere }) => {
    await page.goto(elsewhere.show('a script'));
    const read = await page.evaluate((url) => fetch(url).then(() => 'read', () => 'not read'), `${app}/changes`);
    assert.equal(read, 'not read');
  }),
];
