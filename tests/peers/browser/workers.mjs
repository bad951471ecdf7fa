// Workers of three kinds, and what they can do: under our headers, under the policy of what is no page, and under none.
import assert from 'node:assert/strict';
import { ask } from './ask-worker.mjs';
import { step } from './steps.mjs';

const KINDS = ['dedicated', 'shared', 'service'];

async function each({ page, app, elsewhere }, script) {
  await page.goto(app);
  const told = {};
  for (const kind of KINDS) told[kind] = await ask(page, kind, script, elsewhere.show('data'));
  return told;
}

const all = (tells) => Object.fromEntries(KINDS.map((kind) => [kind, { isolated: false, ...tells }]));

export const steps = [
  step('under our headers they load and fetch what is the app\'s, and nothing else', async (scene) => {
    assert.deepEqual(
      await each(scene, '/worker.js'),
      all({ imported: true, fetched: 'data', elsewhere: false, evaluated: false }),
    );
  }),

  step('control: under the policy of what is no page they can do nothing', async (scene) => {
    assert.deepEqual(
      await each(scene, '/locked.js'),
      all({ imported: false, fetched: false, elsewhere: false, evaluated: false }),
    );
  }),

  step('control: without a policy they reach everything', async (scene) => {
    assert.deepEqual(
      await each(scene, '/open.js'),
      all({ imported: true, fetched: 'data', elsewhere: true, evaluated: true }),
    );
  }),
];
