// The notes app as a person uses it, from the front door to the back button. Alice writes and summarises; carol's turn
// comes afterwards, in the same browser. MODEL is the pretend model's origin.
import assert from 'node:assert/strict';
import { shoot, step } from './steps.mjs';

const INJECTED = '<script>document.body.dataset.injected = "ran"</script>';

const text = (page, selector) => page.locator(selector).innerText();
const budget = (page) => text(page, '#budget-left');

// Signs in at the dev identity provider, as this person.
async function signIn(page, app, person) {
  await page.goto(app);
  await page.click('a[href="/login"]');
  await page.getByRole('button', { name: person }).click();
  await page.waitForURL(`${app}/`);
}

async function summarise(page) {
  const answered = page.waitForResponse((answer) => answer.url().endsWith('/summary'));
  await page.click('button[data-do=summarise]');
  return answered;
}

export const steps = [
  step('a stranger sees where to sign in', async (scene) => {
    const { page, app } = scene;
    const answer = await page.goto(app);
    assert.equal(answer.status(), 200);
    assert.equal(await page.locator('#notes').count(), 0);
    await shoot(scene, 'front-door');
  }),

  step('the other loopback name leads to the same app', async ({ page, app }) => {
    const other = new URL(app);
    other.hostname = other.hostname === '127.0.0.1' ? 'localhost' : '127.0.0.1';
    await page.goto(other.href);
    assert.equal(page.url(), `${app}/`);
  }),

  step('alice signs in at the provider and is back', async (scene) => {
    const { page, app, context } = scene;
    await signIn(page, app, 'alice');
    assert.equal(await text(page, '#person'), 'alice');
    const session = (await context.cookies(app)).find((cookie) => cookie.name === 'session');
    assert.equal(session.httpOnly, true);
    assert.equal(session.sameSite, 'Lax');
    assert.equal(await page.evaluate(() => document.cookie), '', 'no script reads a cookie');
    const abilities = await page.locator('#abilities li').evaluateAll((all) => all.map((one) => one.className));
    assert.deepEqual(abilities, ['yes', 'yes', 'no', 'yes', 'no']);
  }),

  step('she writes a note, and markup in it is text', async (scene) => {
    const { page } = scene;
    await page.fill('#text', `The walls of the kitchen are to be blue. ${INJECTED}`);
    await page.click('#new-note button');
    await page.waitForSelector('#notes li');
    assert.ok((await text(page, '#notes .text')).includes(INJECTED));
    assert.deepEqual(await page.evaluate(() => ({ ...document.body.dataset })), {});
    await shoot(scene, 'signed-in');
  }),

  step('an inline script that got into the page is blocked', async ({ page, app, witness }) => {
    // As if the page had failed to escape: the headers are the app's own.
    await page.route(`${app}/`, async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replace('</main>', `${INJECTED}<img src=x onerror="document.body.dataset.injected=1"></main>`);
      await route.fulfill({ response: answer, body });
    });
    await page.reload();
    await page.waitForLoadState('load');
    assert.ok((await page.content()).includes('dataset.injected'), 'the script is in the page');
    assert.deepEqual(await page.evaluate(() => ({ ...document.body.dataset })), {});
    const blocked = witness.violations.map((violation) => violation.effectiveDirective).sort();
    assert.deepEqual(blocked, ['script-src-attr', 'script-src-elem']);
    await page.unroute(`${app}/`);
    await page.reload();
  }),

  step('another site can not write notes in her name', async ({ page, app, elsewhere }) => {
    const answer = await elsewhere.post(page, `${app}/api/notes`, { text: 'forged' });
    assert.equal(answer.status(), 403);
    const logout = await elsewhere.post(page, `${app}/logout`, {});
    assert.equal(logout.status(), 403);
    await page.goto(app);
    assert.equal(await page.locator('#notes li').count(), 1);
    assert.equal(await text(page, '#person'), 'alice');
  }),

  step('three summaries, and the budget stops the fourth', async (scene) => {
    const { page } = scene;
    assert.equal(await budget(page), '0.05 USD');
    for (const left of ['0.035 USD', '0.02 USD', '0.005 USD']) {
      assert.equal((await summarise(page)).status(), 200);
      await page.waitForFunction((left) => document.getElementById('budget-left').textContent === left, left);
    }
    assert.ok((await text(page, '.summary')).includes('kitchen'));
    assert.equal((await summarise(page)).status(), 402);
    await page.waitForSelector('#message:not(:empty)');
    assert.match(await text(page, '#message'), /budget for this is used up until .* \(trace [0-9a-f]{32}\)/);
    await shoot(scene, 'budget-used-up');
  }),

  step('she signs out, and the back button shows nothing private', async (scene) => {
    const { page, app, context } = scene;
    const before = (await context.cookies(app)).find((cookie) => cookie.name === 'session').value;
    await page.click('#sign-out');
    await page.waitForURL(`${app}/`);
    await page.waitForSelector('a[href="/login"]');
    await page.goBack();
    await page.waitForLoadState('load');
    assert.ok(!(await page.content()).includes('kitchen'), await page.content());
    await shoot(scene, 'back-button');
    const stolen = await page.request.get(`${app}/api/notes`, { headers: { cookie: `session=${before}` } });
    assert.equal(stolen.status(), 401, 'the session has ended on the server too');
  }),

  step('a model that is down is told to a person in words', async (scene) => {
    const { page, app } = scene;
    await signIn(page, app, 'carol');
    await fetch(`${process.env.MODEL}/dev/fault`, { method: 'POST', body: new URLSearchParams({ kind: 'down' }) });
    for (const status of [502, 502, 502, 503]) {
      assert.equal((await summarise(page)).status(), status);
      await page.waitForSelector('button[data-do=summarise]:not([disabled])');
    }
    assert.match(await text(page, '#message'), /503 .*try again in \d+ s/);
    assert.equal(await budget(page), '0.05 USD');
    await shoot(scene, 'model-down');
  }),
];
