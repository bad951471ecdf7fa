// Files of a stranger with scripts in them; OPEN serves the same files under headers that let them run.
import assert from 'node:assert/strict';
import { step, until } from './steps.mjs';

const open = process.env.OPEN;

const ran = async (origin) => Number(await (await fetch(`${origin}/count`)).text());

// Opens the address as a person does; gives what the browser kept as a file.
async function download(page, url) {
  await page.goto('about:blank');
  const kept = page.waitForEvent('download');
  await page.goto(url).catch(() => 'a navigation that becomes a download ends so');
  return kept;
}

// What the browser makes of the file when these fields are not there.
async function without(page, url, fields) {
  await page.route(url, async (route) => {
    const response = await route.fetch();
    const headers = response.headers();
    for (const field of fields) delete headers[field];
    await route.fulfill({ response, headers });
  });
  await page.goto(url);
  await page.waitForLoadState('load');
  await page.unroute(url);
}

export const steps = [
  step('a page and a drawing are kept as files, under their names', async ({ page, app }) => {
    for (const [file, name] of [['file.html', 'file.html'], ['named.html', 'letter.html'], ['drawing.svg', 'drawing.svg']]) {
      const kept = await download(page, `${app}/${file}`);
      assert.equal(kept.suggestedFilename(), name);
      assert.equal(await kept.failure(), null);
      assert.equal(page.url(), 'about:blank', 'nothing is shown');
    }
    assert.equal(await ran(app), 0);
  }),

  step('in a frame of the app\'s own origin nothing runs either', async ({ page, app }) => {
    await without(page, `${app}/file.html`, ['content-disposition', 'content-security-policy', 'x-frame-options']);
    const before = await ran(app);
    const kept = page.waitForEvent('download');
    await page.evaluate(() => { document.body.innerHTML = '<iframe src="/drawing.svg"></iframe>'; });
    await kept;
    assert.equal(await ran(app), before);
  }),

  step('were one shown after all, the sandbox would hold', async ({ page, app, witness }) => {
    const before = await ran(app);
    for (const file of ['file.html', 'drawing.svg']) {
      await without(page, `${app}/${file}`, ['content-disposition']);
      assert.equal(await page.evaluate(() => origin), 'null');
    }
    assert.equal(await ran(app), before);
    void witness;
  }),

  step('control: without disposition and policy the same file runs', async ({ page, app }) => {
    const before = await ran(app);
    await without(page, `${app}/file.html`, ['content-disposition', 'content-security-policy']);
    await until(async () => await ran(app) > before);
  }),

  step('control: under open headers it is shown and runs', async ({ page }) => {
    await page.goto(`${open}/file.html`);
    await until(async () => await ran(open) > 0);
    assert.equal(await page.textContent('h1'), 'a file');
  }),
];
