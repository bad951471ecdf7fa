// A browser that tells what a page's policy blocks. FORMAT is the type of reports that it should send.
import assert from 'node:assert/strict';
import { shoot, step, until } from './steps.mjs';

// Reports of the newer format would else wait for a minute.
export const flags = ['--short-reporting-delay'];

const seen = async (page, app) => (await page.request.get(`${app}/seen`)).json();

const has = ({ violations }, expected) => violations.some((violation) =>
  Object.entries(expected).every(([name, value]) => violation[name] === value));

export const steps = [
  step('the page of which nothing is blocked is reported only under the policy that is tried', async ({ page, app, witness }) => {
    await page.goto(`${app}/quiet`);
    const { violations } = await until(async () => {
      const found = await seen(page, app);
      return found.violations.length > 0 && found;
    });
    assert.deepEqual(violations, [{ directive: 'img-src', blocked: app, path: '/quiet', reportOnly: true }]);
    // Its image, and the icon that the browser asks for.
    assert.ok(witness.violations.every((violation) => violation.disposition === 'report'), JSON.stringify(witness.violations));
  }),

  step('an image of another origin and an inline script are blocked', async (scene) => {
    const { page, app, elsewhere, witness } = scene;
    await page.goto(`${app}/?image=${encodeURIComponent(elsewhere.origin)}`);
    await page.waitForLoadState('load');
    assert.deepEqual(await page.evaluate(() => ({ ...document.body.dataset })), {});
    const enforced = witness.violations.filter((violation) => violation.disposition === 'enforce');
    assert.deepEqual(enforced.map((violation) => violation.effectiveDirective).sort(), ['img-src', 'script-src-elem']);
    await shoot(scene, 'blocked');
  }),

  step('both are reported, in the format of the scheme', async ({ page, app, elsewhere }) => {
    const found = await until(async () => {
      const found = await seen(page, app);
      return found.violations.filter((violation) => violation.path === '/').length === 4 && found;
    });
    for (const reportOnly of [false, true]) {
      assert.ok(has(found, { directive: 'img-src', blocked: elsewhere.origin, path: '/', reportOnly }), JSON.stringify(found));
      assert.ok(has(found, { directive: 'script-src-elem', blocked: 'inline code', path: '/', reportOnly }), JSON.stringify(found));
    }
    assert.deepEqual([...new Set(found.formats)], [process.env.FORMAT]);
  }),

  step('of the quiet page nothing more has come, which was opened first', async ({ page, app }) => {
    const { violations } = await seen(page, app);
    assert.equal(violations.filter((violation) => violation.path === '/quiet').length, 1);
    assert.equal(violations.length, 5);
  }),
];
