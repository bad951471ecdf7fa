// Walks through a running app in a real browser: `node walk.mjs <walk>`, where <walk>.mjs beside this file exports `steps`,
// and `flags` where the browser needs some of its own.
//
// Environment: APP (the app's origin), SCREENS (folder for screenshots), GAMBESON_CHROMIUM (the browser), CERTIFICATE
// and KEY (of all sites over TLS, in PEM, if there are any); a walk may read more. Prints one JSON line a step: step, ok, and
// for a failed one error, at, saw, screenshot. Ends with 0 when all passed.
// It ends when its standard input closes, so that a test that dies leaves no orphan.
import './names.mjs';
import { withBrowser } from './chromium.mjs';
import { Elsewhere } from './elsewhere.mjs';
import { run } from './steps.mjs';
import { Witness } from './witness.mjs';

// Everything is on this machine: what takes longer does not come.
const PATIENCE = 10_000;

for (const closed of ['end', 'close']) process.stdin.on(closed, () => process.exit(1));
process.stdin.resume();

const walk = process.argv[2];
const { steps, flags = [] } = await import(`./${walk}.mjs`);
const app = process.env.APP;

const passed = await withBrowser(flags, async (context) => {
  context.setDefaultTimeout(PATIENCE);
  const elsewhere = await Elsewhere.beside(app);
  const witness = await Witness.of(context);
  const page = context.pages()[0] ?? await context.newPage();
  const passed = await run(steps, { walk, app, context, page, elsewhere, witness, screens: process.env.SCREENS });
  elsewhere.close();
  return passed;
});
process.exit(passed ? 0 : 1);
