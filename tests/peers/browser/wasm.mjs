// A page that compiles WebAssembly in an inline script with the nonce, and evaluates a text; WEB is the same under `Csp::web()`, EVAL under a policy that
// lets texts be evaluated.
import assert from 'node:assert/strict';
import { step } from './steps.mjs';

const { WEB: web, EVAL: evaluating } = process.env;

const data = async (page, app) => {
  await page.goto(app);
  await page.waitForFunction(() => document.body.dataset.done);
  const { wasm, text } = await page.evaluate(() => ({ ...document.body.dataset }));
  return { wasm, text };
};

export const steps = [
  step('WebAssembly compiles, and no text is evaluated', async ({ page, app, witness }) => {
    assert.deepEqual(await data(page, app), { wasm: 'compiled', text: 'EvalError' });
    assert.deepEqual(witness.violations.map(({ blockedURI }) => blockedURI), ['eval']);
  }),

  step('control: under the policy of most pages it does not compile', async ({ page }) => {
    assert.deepEqual(await data(page, web), { wasm: 'CompileError', text: 'EvalError' });
  }),

  step('control: where texts may be evaluated both do', async ({ page }) => {
    assert.deepEqual(await data(page, evaluating), { wasm: 'compiled', text: 'evaluated' });
  }),
];
