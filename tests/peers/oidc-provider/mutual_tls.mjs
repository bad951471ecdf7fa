// The provider behind TLS, for clients that show a certificate (RFC 8705). Nothing of it without TLS_CERT.
//
// Environment, all PEM: TLS_CERT and TLS_KEY of the server, whose names are `localhost`; TLS_CLIENT_CA, who signs the clients'
// certificates; SELF_SIGNED, a certificate that is registered as it is.
// The client `service-tls` has a certificate of that authority for the DNS name `orders.example`, `service-own-tls` shows
// SELF_SIGNED. Their tokens are bound to what they showed.
import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import { exportJWK } from 'jose';

const { TLS_CERT, TLS_KEY, TLS_CLIENT_CA, SELF_SIGNED } = process.env;

export const behindTls = Boolean(TLS_CERT);

export const methods = behindTls ? ['tls_client_auth', 'self_signed_tls_client_auth'] : [];

export function createServer(answer) {
  const options = { cert: TLS_CERT, key: TLS_KEY, ca: TLS_CLIENT_CA, requestCert: true, rejectUnauthorized: false };
  return https.createServer(options, answer);
}

const certificate = (ctx) => ctx.req.socket.getPeerX509Certificate();

export const feature = {
  enabled: behindTls,
  certificateBoundAccessTokens: true,
  tlsClientAuth: true,
  selfSignedTlsClientAuth: true,
  getCertificate: certificate,
  certificateAuthorized: (ctx) => ctx.req.socket.authorized,
  certificateSubjectMatches: (ctx, property, expected) =>
    property === 'tls_client_auth_san_dns'
    && (certificate(ctx).subjectAltName ?? '').split(', ').includes(`DNS:${expected}`),
};

export async function clients(program) {
  if (!behindTls) return [];
  const own = new X509Certificate(SELF_SIGNED);
  const bound = { ...program, tls_client_certificate_bound_access_tokens: true };
  return [
    {
      ...bound,
      client_id: 'service-tls',
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'orders.example',
    },
    {
      ...bound,
      client_id: 'service-own-tls',
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...await exportJWK(own.publicKey), x5c: [own.raw.toString('base64')] }] },
    },
  ];
}
