// Starts a worker of the page and asks it what it can do.

// `kind` is dedicated, shared or service; `elsewhere` an address of another site.
export const ask = (page, kind, script, elsewhere) => page.evaluate(async ([kind, script, elsewhere]) => {
  // A page that wants trusted types lets addresses of scripts through by a policy of its own.
  const trusted = trustedTypes.createPolicy('test', { createScriptURL: (url) => url }).createScriptURL(script);
  const { port1, port2 } = new MessageChannel();
  const told = new Promise((tell) => { port1.onmessage = ({ data }) => tell(data); });
  if (kind === 'dedicated') {
    new Worker(trusted).postMessage(elsewhere, [port2]);
  } else if (kind === 'shared') {
    const { port } = new SharedWorker(trusted);
    port.onmessage = ({ data }) => port1.onmessage({ data });
    port.postMessage(elsewhere);
  } else {
    const registration = await navigator.serviceWorker.register(trusted, { scope: script });
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    await new Promise((ready) => {
      const look = () => worker.state === 'activated' && ready();
      worker.onstatechange = look;
      look();
    });
    worker.postMessage(elsewhere, [port2]);
  }
  return told;
}, [kind, script, elsewhere]);
