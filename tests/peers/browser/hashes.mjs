// A page without a nonce, whose inline scripts and style are picked by their hashes; /changed is the same with one blank more in each.
import assert from 'node:assert/strict';
import { step } from './steps.mjs';

const data = (page) => page.evaluate(() => ({ ...document.body.dataset }));
const colour = (page) => page.evaluate(() => getComputedStyle(document.body).color);

export const steps = [
  step('what is as it was hashed runs, whatever ends its lines', async ({ page, app, witness }) => {
    const answer = await page.goto(app);
    assert.ok(!answer.headers()['content-security-policy'].includes('nonce-'), 'there is no nonce');
    assert.deepEqual(await data(page), { sha256: 'ran', sha384: 'ran', sha512: 'ran' });
    assert.equal(await colour(page), 'rgb(1, 2, 3)');
    assert.deepEqual(witness.violations, []);
  }),

  step('control: what was changed by a blank does not', async ({ page, app, witness }) => {
    await page.goto(`${app}/changed`);
    assert.deepEqual(await data(page), {});
    assert.equal(await colour(page), 'rgb(0, 0, 0)');
    const blocked = witness.violations.map(({ effectiveDirective }) => effectiveDirective).sort();
    assert.deepEqual(blocked, ['script-src-elem', 'script-src-elem', 'script-src-elem', 'style-src-elem']);
  }),
];
