// A provider that gives anybody any token (npm oauth2-mock-server), on loopback: what it gives must not be taken.
//
// Environment: PORT (0 or unset: any free port). When it is ready it prints one JSON line: issuer, pid.
// It ends when its standard input closes, so that a test that dies leaves no orphan.
//
// POST /token with grant_type=client_credentials gives a token to whoever asks: `typ` is JWT always, and there is no `sub`
// and no `aud`. With the form field `claims`, a JSON object, the token has these claims too.
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
server.service.on('beforeTokenSigning', (token, request) => {
  Object.assign(token.payload, JSON.parse(request.body.claims || '{}'));
});
await server.start(Number(process.env.PORT || 0), '127.0.0.1');
server.issuer.url = `http://127.0.0.1:${server.address().port}`;
process.stdout.write(`${JSON.stringify({ issuer: server.issuer.url, pid: process.pid })}\n`);

for (const closed of ['end', 'close']) process.stdin.on(closed, () => process.exit(0));
process.stdin.resume();
