// A fresh browser: no profile of anybody's, no network but loopback.
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  // Chromium's own sandbox needs rights that a build machine rarely gives; only pages of ours are opened.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Sites of different names, all on this machine.
  '--host-resolver-rules=MAP *.test 127.0.0.1',
];

// Takes the certificate of our sites, and no other that nobody vouches for. `--ignore-certificate-errors` would take all, and
// learn nothing of HSTS then.
function trusting(certificate) {
  if (!certificate) return [];
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return [`--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`];
}

// Starts the browser that GAMBESON_CHROMIUM names, with these flags too, hands its context to `use`, and leaves nothing behind.
export async function withBrowser(flags, use) {
  const profile = await mkdtemp(path.join(tmpdir(), 'gambeson-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.GAMBESON_CHROMIUM,
    headless: true,
    args: [...FLAGS, ...trusting(process.env.CERTIFICATE), ...flags],
    // People's browsers keep pages in memory for the way back.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    viewport: { width: 1000, height: 560 },
  });
  try {
    return await use(context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}
