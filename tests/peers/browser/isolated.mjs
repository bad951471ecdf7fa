// A page that is cross-origin isolated; OPEN is the same one under the headers of most apps.
import assert from 'node:assert/strict';
import { ask } from './ask-worker.mjs';
import { step } from './steps.mjs';

const open = process.env.OPEN;

const isolation = async (page, origin) => {
  await page.goto(origin);
  return page.evaluate(() => [crossOriginIsolated, typeof SharedArrayBuffer]);
};

export const steps = [
  step('the page is isolated and shares memory', async ({ page, app }) => {
    assert.deepEqual(await isolation(page, app), [true, 'function']);
  }),

  step('its worker runs, and is isolated too', async ({ page, app, elsewhere }) => {
    await page.goto(app);
    const told = await ask(page, 'dedicated', '/worker.js', elsewhere.show('data'));
    assert.deepEqual([told.isolated, told.fetched], [true, 'data']);
  }),

  step('control: under the headers of most apps it is not', async ({ page }) => {
    assert.deepEqual(await isolation(page, open), [false, 'undefined']);
  }),
];
