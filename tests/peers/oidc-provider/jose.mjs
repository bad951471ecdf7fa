// npm jose as a second opinion about tokens.
//
//   node jose.mjs sign     reads a JSON object of claims; prints {"jwks": …, "tokens": {"<alg>": "…", …}}, one for each algorithm
//   node jose.mjs verify   reads {"jwks", "issuer", "audience", "now", "tokens": […]}; prints [true, false, …]
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';

const ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];

async function sign(claims) {
  const keys = [];
  const tokens = {};
  for (const alg of ALGORITHMS) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `jose-${alg}`;
    keys.push({ ...await exportJWK(publicKey), alg, kid, use: 'sig' });
    tokens[alg] = await new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(privateKey);
  }
  return { jwks: { keys }, tokens };
}

async function verify({ jwks, issuer, audience, now, tokens }) {
  const keys = createLocalJWKSet(jwks);
  const rules = {
    issuer,
    audience,
    algorithms: ALGORITHMS,
    typ: 'at+jwt',
    clockTolerance: 30,
    currentDate: new Date(now * 1000),
    requiredClaims: ['sub', 'client_id', 'jti', 'iat', 'exp'],
  };
  const accepted = (token) => jwtVerify(token, keys, rules).then(() => true, () => false);
  return Promise.all(tokens.map(accepted));
}

const work = { sign, verify }[process.argv[2]];
let text = '';
for await (const chunk of process.stdin) text += chunk;
process.stdout.write(JSON.stringify(await work(JSON.parse(text))));
