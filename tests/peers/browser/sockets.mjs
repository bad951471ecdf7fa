// An app with a WebSocket and a form; OPEN is the same app without the cross-site check.
import assert from 'node:assert/strict';
import { listen } from './socket.mjs';
import { shoot, step } from './steps.mjs';

const open = process.env.OPEN;

export const steps = [
  step('the app\'s own page opens a socket', async ({ page, app }) => {
    await page.goto(app);
    assert.equal(await listen(page, app), 'hello');
  }),

  step('the app\'s own page sends', async ({ page, app }) => {
    await page.goto(app);
    const sent = await page.evaluate(() => fetch('/post', { method: 'POST' }).then((answer) => answer.text()));
    assert.equal(sent, 'posted');
  }),

  step('another site\'s page opens none', async (scene) => {
    const { page, app, elsewhere } = scene;
    await page.goto(elsewhere.show('a page that listens'));
    assert.equal(await listen(page, app), 'nothing');
    await shoot(scene, new URL(app).hostname);
  }),

  step('another site\'s form is refused', async ({ page, app, elsewhere }) => {
    const answer = await elsewhere.post(page, `${app}/post`, {});
    assert.equal(answer.status(), 403);
  }),

  step('control: without the check both get through', async ({ page, elsewhere }) => {
    await page.goto(elsewhere.show('a page that listens'));
    assert.equal(await listen(page, open), 'hello');
    assert.equal((await elsewhere.post(page, `${open}/post`, {})).status(), 200);
  }),
];
