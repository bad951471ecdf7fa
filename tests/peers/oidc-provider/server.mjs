// A real OpenID provider (npm oidc-provider) on loopback, for the tests.
//
// Environment: PORT (0 or unset: any free port), AUDIENCE (default "hardened-notes"),
// SIGNING_ALG (RS256, ES256 or EdDSA, default RS256), TOKEN_TTL (seconds, default 300), CLIENT_SECRET (default: random).
// REDIRECT_URIS (parted by blanks): with them there is a client `notes-web` for browsers (code + PKCE, refresh tokens
// that work once, the secret as HTTP Basic), and LOGOUT_URIS are where its log-outs may end. BACKCHANNEL_URI is told of log-outs.
// The client `service-basic` shows its secret as HTTP Basic. With SERVICE_JWK (a public key) there is `service-key`, which
// proves itself by private_key_jwt, signed by ES256.
// With TLS_CERT it is behind TLS and knows clients by their certificates: see mutual_tls.mjs.
// When it is ready it prints one JSON line: issuer, audience, resource, client_secret, clients, pid.
// It ends when its standard input closes, so that a test that dies leaves no orphan.
//
// People sign in by the package's own development pages: POST prompt=login&login=alice&password=x, then prompt=consent.
// Only the names of PEOPLE are known.
//
// Beside the provider's own endpoints:
//   POST /__rotate   new signing keys with new ids; the old ones are gone from the key set at once
//   GET  /__hits     how often each path was asked for, as JSON
//   POST /__exit     ends the process
// With the form field `token_format=opaque` it gives tokens that only introspection can read; DPoP, introspection and revocation are on.
// The token endpoint also reads the form field `signing_alg` (RS256, ES256 or EdDSA). A `resource` other than the
// default one becomes the token's audience, so that a token for somebody else can be had.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import * as mutualTls from './mutual_tls.mjs';

const RESOURCE = 'urn:gambeson:peer:api';
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const PEOPLE = {
  alice: { tenant: 'acme', roles: ['editor'] },
  bob: { tenant: 'acme', roles: ['viewer'] },
  carol: { tenant: 'acme', roles: ['admin'] },
  dave: { tenant: 'globex', roles: ['admin'] },
};

const audience = process.env.AUDIENCE || 'hardened-notes';
const signingAlg = process.env.SIGNING_ALG || 'RS256';
const tokenTtl = Number(process.env.TOKEN_TTL || 300);
const clientSecret = process.env.CLIENT_SECRET || randomBytes(24).toString('base64url');
const words = (text) => (text || '').split(' ').filter(Boolean);
const redirectUris = words(process.env.REDIRECT_URIS);
const logoutUris = words(process.env.LOGOUT_URIS);
const backchannelUri = process.env.BACKCHANNEL_URI;
const hits = {};

async function signingKeys() {
  return Promise.all(ALGORITHMS.map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`;
    return { ...await exportJWK(privateKey), alg, kid, use: 'sig' };
  }));
}

function resourceServer(ctx, resource) {
  const asked = ctx.oidc.body?.signing_alg;
  return {
    scope: 'notes',
    audience: resource === RESOURCE ? audience : resource,
    accessTokenTTL: tokenTtl,
    accessTokenFormat: ctx.oidc.body?.token_format === 'opaque' ? 'opaque' : 'jwt',
    jwt: { sign: { alg: ALGORITHMS.includes(asked) ? asked : signingAlg } },
  };
}

const programs = Object.keys(PEOPLE).map((id) => ({
  client_id: id,
  client_secret: clientSecret,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_post',
}));

const program = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
programs.push({
  ...program,
  client_id: 'service-basic',
  client_secret: clientSecret,
  token_endpoint_auth_method: 'client_secret_basic',
});
if (process.env.SERVICE_JWK) {
  programs.push({
    ...program,
    client_id: 'service-key',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [JSON.parse(process.env.SERVICE_JWK)] },
  });
}

programs.push(...await mutualTls.clients(program));

const web = {
  client_id: 'notes-web',
  client_secret: clientSecret,
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: redirectUris,
  post_logout_redirect_uris: logoutUris,
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_basic',
  ...backchannelUri && { backchannel_logout_uri: backchannelUri, backchannel_logout_session_required: true },
};

function account(_ctx, sub) {
  return PEOPLE[sub] && { accountId: sub, claims: () => ({ sub, name: sub, ...PEOPLE[sub] }) };
}

async function newProvider(issuer) {
  return new Provider(issuer, {
    jwks: { keys: await signingKeys() },
    clients: redirectUris.length ? [...programs, web] : programs,
    claims: { openid: ['sub'], profile: ['name', 'tenant', 'roles'] },
    conformIdTokenClaims: false,
    extraTokenClaims: (_ctx, token) => PEOPLE[token.accountId ?? token.clientId],
    // The app that is told of log-outs is on loopback, where the package's own dispatcher goes nowhere.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: account,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', ...mutualTls.methods],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: redirectUris.length > 0 },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true },
      mTLS: mutualTls.feature,
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: resourceServer,
      },
    },
  });
}

async function answerControl(req, res) {
  switch (`${req.method} ${req.url}`) {
    case 'POST /__rotate':
      provider = (await newProvider(issuer)).callback();
      return res.writeHead(204).end();
    case 'GET /__hits':
      return res.setHeader('content-type', 'application/json').end(JSON.stringify(hits));
    case 'POST /__exit':
      res.writeHead(204).end();
      return setImmediate(() => process.exit(0));
    default:
      return res.writeHead(404).end();
  }
}

// The package speaks to people on stdout; here stdout is for the one ready line.
console.log = console.info = console.error;

let provider;
let issuer;
function answer(req, res) {
  if (req.url.startsWith('/__')) return answerControl(req, res);
  const path = req.url.split('?')[0];
  hits[path] = (hits[path] ?? 0) + 1;
  return provider(req, res);
}

const server = mutualTls.behindTls ? mutualTls.createServer(answer) : http.createServer(answer);

server.listen(Number(process.env.PORT || 0), '127.0.0.1', async () => {
  const origin = mutualTls.behindTls ? 'https://localhost' : 'http://127.0.0.1';
  issuer = `${origin}:${server.address().port}`;
  provider = (await newProvider(issuer)).callback();
  process.stdout.write(`${JSON.stringify({
    issuer,
    audience,
    resource: RESOURCE,
    client_secret: clientSecret,
    clients: Object.keys(PEOPLE),
    pid: process.pid,
  })}\n`);
});

server.on('error', (error) => {
  process.stderr.write(`cannot listen on 127.0.0.1:${process.env.PORT || 0}: ${error.message}\n`);
  process.exit(1);
});

for (const closed of ['end', 'close']) process.stdin.on(closed, () => process.exit(0));
process.stdin.resume();
