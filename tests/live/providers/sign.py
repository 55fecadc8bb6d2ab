"""Signs requests by the providers' own Python SDKs.

    pip install twilio plivo vonage-jwt pynacl && pip install --no-deps signalwire
    python tests/live/providers/sign.py < requests.json

Reads a list of {"provider", "secret", "url", "body"} and writes a list of headers. Where an SDK has
a check only, it is asked whether it takes what was signed here.
"""

import base64
import hashlib
import json
import sys
import time
import uuid
from urllib.parse import parse_qsl


def form(body):
    return dict(parse_qsl(body, keep_blank_values=True))


def twilio(secret, url, body):
    from twilio.request_validator import RequestValidator

    return {"X-Twilio-Signature": RequestValidator(secret).compute_signature(url, form(body))}


def signalwire(secret, url, body):
    from signalwire.request_validator import RequestValidator
    from twilio.request_validator import RequestValidator as Signer

    # Their SDK checks only, and its own scheme is the one it took over.
    signature = Signer(secret).compute_signature(url, form(body))
    assert RequestValidator(secret).validate(url, form(body), signature)
    return {"X-SignalWire-Signature": signature}


def texml(secret, url, body):
    from nacl.signing import SigningKey

    stamp = str(int(time.time()))
    signed = SigningKey(base64.b64decode(secret)).sign(f"{stamp}|{body}".encode())
    signature = base64.b64encode(signed.signature).decode()
    return {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}


def plivo(secret, url, body):
    from plivo.utils import signature_v3 as v3

    nonce = str(uuid.uuid4())
    text = v3.construct_post_url(url, form(body))
    signature = v3.get_signature_v3(secret.encode(), text, nonce.encode())
    signature = signature.decode() if isinstance(signature, bytes) else signature
    assert v3.validate_v3_signature("POST", url, nonce, secret, signature, form(body))
    return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce}


def vonage(secret, url, body):
    import jwt
    from vonage_jwt.verify_jwt import verify_signature

    claims = {
        "iss": "Vonage",
        "iat": int(time.time()),
        "jti": str(uuid.uuid4()),
        "application_id": "00000000-0000-0000-0000-000000000000",
        "api_key": "a1b2c3d4",
        "payload_hash": hashlib.sha256(body.encode()).hexdigest(),
    }
    token = jwt.encode(claims, secret, algorithm="HS256")
    assert verify_signature(token, secret)
    return {"Authorization": f"Bearer {token}"}


SIGNERS = {f.__name__: f for f in (twilio, signalwire, texml, plivo, vonage)}

wanted = json.load(sys.stdin)
signed = [SIGNERS[one["provider"]](one["secret"], one["url"], one["body"]) for one in wanted]
json.dump(signed, sys.stdout)
