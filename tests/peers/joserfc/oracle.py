"""joserfc as a third opinion about tokens.

python3 oracle.py sign     reads a JSON object of claims; prints {"jwks": ..., "tokens": {"<alg>": "...", ...}}, one for each algorithm
python3 oracle.py verify   reads {"jwks", "issuer", "audience", "now", "tokens": [...]}; prints [true, false, ...]
"""

import json
import sys

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

KEYS = {
    **{alg: (RSAKey, 2048) for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]},
    "ES256": (ECKey, "P-256"),
    "ES384": (ECKey, "P-384"),
    "ES512": (ECKey, "P-521"),
    "EdDSA": (OKPKey, "Ed25519"),
    "Ed25519": (OKPKey, "Ed25519"),
}
ALGORITHMS = list(KEYS)
ESSENTIAL = ["sub", "client_id", "jti", "iat", "exp"]


def sign(claims):
    keys, tokens = [], {}
    for alg, (kind, size) in KEYS.items():
        kid = f"joserfc-{alg}"
        key = kind.generate_key(size, {"kid": kid, "alg": alg, "use": "sig"})
        keys.append(key.as_dict(private=False))
        tokens[alg] = jwt.encode({"alg": alg, "kid": kid, "typ": "at+jwt"}, claims, key, algorithms=ALGORITHMS)
    return {"jwks": {"keys": keys}, "tokens": tokens}


def verify(asked):
    keys = KeySet.import_key_set(asked["jwks"])
    wanted = {name: {"essential": True} for name in ESSENTIAL}
    wanted["iss"] = {"essential": True, "value": asked["issuer"]}
    wanted["aud"] = {"essential": True, "value": asked["audience"]}
    rules = jwt.JWTClaimsRegistry(now=asked["now"], leeway=30, **wanted)

    def accepts(text):
        try:
            token = jwt.decode(text, keys, algorithms=ALGORITHMS)
            rules.validate(token.claims)
        except (JoseError, ValueError):
            return False
        return token.header.get("typ") == "at+jwt"

    return [accepts(token) for token in asked["tokens"]]


work = {"sign": sign, "verify": verify}[sys.argv[1]]
json.dump(work(json.load(sys.stdin)), sys.stdout)
