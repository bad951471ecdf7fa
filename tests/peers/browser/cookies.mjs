// An app that says nothing of its cookies; OPEN is the same without the marks that the layer adds.
import assert from 'node:assert/strict';
import { step } from './steps.mjs';

const open = process.env.OPEN;

// The names of the cookies that the browser sends to the app from its own page.
const kept = async (page, app) => {
  await page.goto(`${app}/kept`);
  return (await page.textContent('body')).split(' ').filter(Boolean);
};

// Those that come with a form of another site.
const brought = async (page, app, elsewhere) => {
  const answer = await elsewhere.post(page, `${app}/post`, {});
  return (await answer.text()).split(' ').filter(Boolean);
};

// What the page's scripts find.
const found = async (page, app) => {
  await page.goto(`${app}/kept`);
  return page.evaluate(() => document.cookie);
};

export const steps = [
  step('the browser keeps the cookies, and scripts find none', async ({ page, app }) => {
    await page.goto(`${app}/set`);
    assert.deepEqual(await kept(page, app), ['__Host-Http-bare', '__Host-Http-typed', 'plain']);
    assert.equal(await found(page, app), '');
  }),

  step('a form of another site brings none of them', async ({ page, app, elsewhere }) => {
    assert.deepEqual(await brought(page, app, elsewhere), []);
  }),

  step('a script can set no cookie of a name that only answers may set', async ({ page, app }) => {
    await page.goto(`${app}/kept`);
    await page.evaluate(() => {
      for (const name of ['__Host-Http-forged', '__Http-forged', '__Host-control']) document.cookie = `${name}=1; Secure; Path=/`;
    });
    const names = await kept(page, app);
    assert.ok(names.includes('__Host-control'), 'control: another prefix it may');
    assert.ok(!names.some((name) => name.includes('forged')), names.join());
  }),

  step('control: without the marks scripts find them, other sites\' forms bring them, and one is dropped', async (scene) => {
    const { page, context, elsewhere } = scene;
    await context.clearCookies();
    await page.goto(`${open}/set`);
    assert.equal(await found(page, open), 'plain=1');
    assert.deepEqual(await brought(page, open, elsewhere), ['plain']);
    assert.deepEqual(await kept(page, open), ['__Host-Http-typed', 'plain'], 'it has no HttpOnly, and its name demands it');
  }),
];
