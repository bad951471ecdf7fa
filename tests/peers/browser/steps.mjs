// A walk is a list of short steps; the first that fails ends it and says what the browser saw.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

// One step: a sentence that is true when `walk` ends without an error.
export const step = (says, walk) => ({ says, walk });

// What `look` gives once it is something; asked again and again, for at most twenty seconds.
export async function until(look) {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`it did not come about: ${look}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

// A screenshot named for the walk and its place in it.
export async function shoot({ page, walk, screens }, name) {
  await mkdir(screens, { recursive: true });
  const file = path.join(screens, `${walk}-${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
  return file;
}

// Runs the steps in order and tells each as one line of JSON; false when one failed.
export async function run(steps, scene) {
  for (const { says, walk } of steps) {
    try {
      await walk(scene);
      tell({ step: says, ok: true });
    } catch (error) {
      const saw = scene.witness.take();
      const screenshot = await shoot(scene, 'failed').catch((reason) => `none: ${reason.message}`);
      tell({ step: says, ok: false, error: error.message, at: scene.page.url(), saw, screenshot });
      return false;
    }
    scene.witness.take();
  }
  return true;
}

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
