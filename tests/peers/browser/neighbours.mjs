// An app, and pages of its own site that are not its own: another port, another name of the domain. NEAR are their origins, separated by blanks, SITE is
// what the browser says of them, OPEN is the app without the cross-site check, TRUSTING the app that trusts the first of them.
import assert from 'node:assert/strict';
import { listen } from './socket.mjs';
import { step } from './steps.mjs';

const { OPEN: open, TRUSTING: trusting, SITE: site } = process.env;
const near = process.env.NEAR.split(' ');

// Submits a form of the page at `from` to `app`; gives the answer.
async function post(page, from, app) {
  await page.goto(from);
  const answer = page.waitForResponse((response) => response.url() === `${app}/post`);
  await page.evaluate((action) => {
    const form = document.createElement('form');
    [form.method, form.action] = ['post', action];
    document.body.append(form);
    form.submit();
  }, `${app}/post`);
  await page.waitForURL(`${app}/post`);
  return answer;
}

const hear = async (page, from, app) => {
  await page.goto(from);
  return listen(page, app);
};

export const steps = [
  step('control: the app\'s own page sends and listens', async ({ page, app }) => {
    assert.equal((await post(page, app, app)).status(), 200);
    assert.equal(await hear(page, app, app), 'hello');
  }),

  step('a form of a neighbour is refused', async ({ page, app }) => {
    for (const from of near) {
      const answer = await post(page, from, app);
      assert.equal(answer.status(), 403, from);
      assert.equal((await answer.request().allHeaders())['sec-fetch-site'] ?? 'nothing', site, from);
    }
  }),

  step('a neighbour opens no socket', async ({ page, app }) => {
    for (const from of near) assert.equal(await hear(page, from, app), 'nothing', from);
  }),

  step('who is trusted gets through, and the others do not', async ({ page }) => {
    const [friend, ...others] = near;
    assert.equal((await post(page, friend, trusting)).status(), 200);
    assert.equal(await hear(page, friend, trusting), 'hello');
    for (const from of others) assert.equal((await post(page, from, trusting)).status(), 403, from);
  }),

  step('control: without the check all get through', async ({ page }) => {
    for (const from of near) {
      assert.equal((await post(page, from, open)).status(), 200, from);
      assert.equal(await hear(page, from, open), 'hello', from);
    }
  }),
];
