// A person who signs in, is away until her token has ended, and signs out. ISSUER is the provider's origin; its tokens last
// LIFETIME seconds.
import assert from 'node:assert/strict';
import { shoot, step, until } from './steps.mjs';

const issuer = process.env.ISSUER;
const lifetime = Number(process.env.LIFETIME) * 1000;

const PRIVATE = 'Only alice sees this.';
const HERS = /Only alice|You are alice/;
const TABS = 4;
const REQUESTS = 40;

let signedInAt;

const text = (page) => page.locator('body').innerText();

// How often the provider was asked for each path.
const counts = async () => (await fetch(`${issuer}/dev/requests`)).json();

async function press(page, person, back) {
  await page.getByRole('button', { name: person }).click();
  await page.waitForURL(back);
  signedInAt = Date.now();
}

const session = async (context, app) =>
  (await context.cookies(app)).find((cookie) => cookie.name.endsWith('session'));

// The page for people who are signed in, asked for without a page, and without following where it sends.
const ask = (page, app, headers = {}) => page.request.get(`${app}/private`, { maxRedirects: 0, headers });

// All tabs are opened again and many requests go out at once; each is answered as hers. Gives the length of it.
async function wakeUp({ page, app, tabs }) {
  const began = Date.now();
  const opened = Promise.all(tabs.map(async (tab) => {
    const answer = await tab.goto(`${app}/private`);
    assert.equal(answer.status(), 200);
    assert.equal(tab.url(), `${app}/private`, 'nobody is sent to the log-in');
    assert.ok((await text(tab)).includes(PRIVATE));
  }));
  const asked = Promise.all([...Array(REQUESTS)].map(async () => {
    const answer = await ask(page, app);
    assert.equal(answer.status(), 200);
    assert.ok((await answer.text()).includes(PRIVATE));
  }));
  await Promise.all([opened, asked]);
  return began;
}

export const steps = [
  step('a stranger is sent to the provider, and comes back to where they were', async (scene) => {
    const { page, app, context } = scene;
    await page.goto(`${app}/private`);
    assert.ok(page.url().startsWith(`${issuer}/authorize?`), page.url());
    await shoot(scene, 'provider');
    await press(page, 'alice', `${app}/private`);
    assert.ok((await text(page)).includes(PRIVATE));
    const cookie = await session(context, app);
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Lax']);
    const seen = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);
    assert.deepEqual(seen, ['', 0, 0], 'a script finds nothing');
    for (const { value } of await context.cookies()) assert.ok(!value.includes('eyJ'), 'no token in a cookie');
    await shoot(scene, 'signed-in');
  }),

  step('she is away until the token has ended, and all tabs are still hers', async (scene) => {
    const { context, app } = scene;
    scene.tabs = await Promise.all([...Array(TABS)].map(() => context.newPage()));
    const cookie = await session(context, app);
    for (let round = 1; round <= 2; round += 1) {
      const before = await counts();
      await until(() => Date.now() > signedInAt + round * (lifetime + 1000));
      assert.equal((await counts())['/token'], before['/token'], 'nobody refreshes for who is away');
      const began = await wakeUp(scene);
      const after = await until(async () => {
        const now = await counts();
        return now['/token'] > before['/token'] && now;
      });
      // A fresh token is due again after half of its life: on a slow machine the requests may reach into that.
      const due = 1 + Math.floor((Date.now() - began) / (lifetime / 2));
      const refreshes = after['/token'] - before['/token'];
      assert.ok(refreshes <= due, `${refreshes} refreshes for ${TABS + REQUESTS} requests, ${due} were due`);
      assert.equal(after['/authorize'], before['/authorize'], 'the browser was not sent to the provider');
      await wakeUp(scene);
    }
    assert.equal((await session(context, app)).value, cookie.value);
    await shoot({ ...scene, page: scene.tabs[0] }, 'after-expiry');
  }),

  step('the provider ends her session, and it ends here with the next refresh', async (scene) => {
    const { page, app, tabs } = scene;
    await page.goto(`${issuer}/logout`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${issuer}/logout`);
    await until(async () => (await ask(page, app)).status() === 303);
    await tabs[0].goto(`${app}/`);
    assert.match(await text(tabs[0]), /Sign in to see your page/);
    await tabs[0].goto(`${app}/private`);
    assert.ok(tabs[0].url().startsWith(`${issuer}/authorize?`), tabs[0].url());
    await shoot({ ...scene, page: tabs[0] }, 'ended-by-the-provider');
    await Promise.all(tabs.map((tab) => tab.close()));
  }),

  step('she signs in again and out, and going back shows nothing of hers', async (scene) => {
    const { page, app, context } = scene;
    await page.goto(`${app}/private`);
    await press(page, 'alice', `${app}/private`);
    await page.click('a[href="/"]');
    await page.waitForURL(`${app}/`);
    assert.match(await text(page), HERS);
    scene.kept = await session(context, app);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${app}/`);
    await page.waitForSelector('a[href="/login"]');
    assert.equal(await session(context, app), undefined);
    // The browser's own way back, to the first page of this tab: also from its memory, if it kept a page there.
    for (let back = 1; page.url() !== 'about:blank'; back += 1) {
      const shown = page.waitForEvent('framenavigated');
      await page.evaluate(() => { setTimeout(() => history.back(), 0); });
      await shown;
      const live = await page.waitForLoadState('load').then(() => true, () => false);
      assert.ok(live, `${back} back: ${page.url()} is shown from memory`);
      assert.doesNotMatch(await text(page), HERS, `${back} back: ${page.url()}`);
      if (back === 1) await shoot(scene, 'back');
    }
  }),

  step('her cookie of before is nobody\'s', async (scene) => {
    const { page, app, kept, context } = scene;
    await context.clearCookies();
    const replayed = await ask(page, app, { cookie: `${kept.name}=${kept.value}` });
    assert.equal(replayed.status(), 303);
    assert.match(replayed.headers().location, /\/login\?/);
    await context.addCookies([{ ...kept, expires: -1 }]);
    await page.goto(`${app}/`);
    assert.match(await text(page), /Sign in to see your page/);
    await shoot(scene, 'cookie-of-before');
  }),
];
