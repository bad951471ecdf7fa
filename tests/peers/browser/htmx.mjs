// A page with htmx. OPEN is the same page under a policy that lets injected scripts run, DEAD under one that lets none run.
import assert from 'node:assert/strict';
import { shoot, step } from './steps.mjs';

const { OPEN: open, DEAD: dead } = process.env;

const injected = (page) => page.evaluate(() => document.body.dataset.injected ?? 'nothing');

async function fetchPart(page, origin) {
  await page.goto(origin);
  await page.click('#get');
  await page.waitForSelector('#there #part');
}

export const steps = [
  step('the page loads without a violation, and its indicator is hidden', async ({ page, app, witness }) => {
    await page.goto(app);
    await page.waitForFunction(() => typeof htmx === 'object');
    assert.equal(await page.$eval('#wait', (wait) => getComputedStyle(wait).opacity), '0');
    assert.deepEqual(witness.violations, []);
  }),

  step('a form is sent and answered in place', async ({ page, app }) => {
    await page.goto(app);
    await page.click('#post');
    await page.waitForSelector('#there #sent');
    assert.equal(await page.textContent('#sent'), 'text=hello');
    assert.equal(page.url(), `${app}/`);
  }),

  step('a part is shown, and the script and the handler in it are blocked', async (scene) => {
    const { page, app, witness } = scene;
    await fetchPart(page, app);
    await page.waitForFunction(() => document.images[0].complete);
    assert.equal(await injected(page), 'nothing');
    const blocked = witness.violations.map(({ effectiveDirective }) => effectiveDirective);
    assert.ok(blocked.includes('script-src-elem') && blocked.includes('script-src-attr'), `${blocked}`);
    await shoot(scene, 'part');
  }),

  step('what htmx would evaluate is not', async ({ page, app }) => {
    await fetchPart(page, app);
    await page.click('#bold');
    assert.equal(await injected(page), 'nothing');
    await page.click('#get');
    await page.waitForSelector('#there #part');
  }),

  step('control: under a weak policy all of it runs', async ({ page }) => {
    await fetchPart(page, open);
    await page.waitForFunction(() => document.body.dataset.injected === 'handler');
    await page.click('#bold');
    assert.equal(await injected(page), 'hx-on');
  }),

  step('control: under the policy of what is no page htmx does nothing', async ({ page }) => {
    await page.goto(dead);
    assert.equal(await page.evaluate(() => typeof htmx), 'undefined');
  }),
];
