// An app over TLS. UNTOLD is the same without HSTS, PLAIN the same over plain http.
import assert from 'node:assert/strict';
import { step } from './steps.mjs';

const { UNTOLD: untold, PLAIN: plain } = process.env;

const byHttp = (origin) => origin.replace('https:', 'http:');

const text = (page) => page.textContent('body');

const opens = async (page, url) => {
  const opened = await page.goto(url).then(() => true, () => false);
  // The browser's own page about it comes later than the failure.
  if (!opened) await page.waitForURL('chrome-error://**');
  return opened;
};

export const steps = [
  step('control: before the browser knows the app, plain http finds nothing on its port', async ({ page, app }) => {
    assert.equal(await opens(page, byHttp(app)), false);
  }),

  step('the answer says how long the app is to be asked by https', async ({ page, app }) => {
    const answer = await page.goto(app);
    assert.match(answer.headers()['strict-transport-security'], /^max-age=\d{5,}/);
    assert.equal(await text(page), 'Some(Https) none', 'a person opened it');
  }),

  step('from then on the browser turns http into https', async ({ page, app }) => {
    await page.goto('about:blank');
    await page.goto(byHttp(app));
    assert.equal(page.url(), `${app}/`);
  }),

  step('the browser says from which site it was asked', async ({ page, app, elsewhere }) => {
    await page.goto(app);
    await page.evaluate(() => location.assign('/?again'));
    await page.waitForURL(`${app}/?again`);
    assert.equal(await text(page), 'Some(Https) same-origin');
    await page.goto(elsewhere.show(`<a href="${app}">there</a>`));
    await page.click('a');
    await page.waitForURL(`${app}/`);
    assert.equal(await text(page), 'Some(Https) cross-site');
  }),

  step('control: without HSTS http stays http, and over http nothing is said of the site', async ({ page }) => {
    const answer = await page.goto(untold);
    assert.equal(answer.headers()['strict-transport-security'], undefined);
    assert.equal(await opens(page, byHttp(untold)), false);
    const open = await page.goto(plain);
    assert.equal(open.headers()['strict-transport-security'], undefined);
    assert.equal(await text(page), 'Some(Http) nothing');
  }),
];
