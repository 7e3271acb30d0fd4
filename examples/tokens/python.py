"""Signs a token for one person with a shared secret (HS256). TOKEN_SECRET is what the server has as `token-secret`."""

import base64
import hashlib
import hmac
import json
import os
import time


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_for(person_id: str, name: str, secret: str) -> str:
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": person_id, "name": name, "iat": now, "exp": now + 600}
    text = ".".join(part(json.dumps(value).encode()) for value in (header, claims))
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{part(signature)}"


if __name__ == "__main__":
    # In your view: {"token": token_for(str(user.id), user.name, secret) if user else None}
    print(token_for("42", "Ada", os.environ["TOKEN_SECRET"]))
