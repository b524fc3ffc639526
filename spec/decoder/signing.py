"""Keys and signatures of test vectors (signatures-v1), in integers alone. Never for keys that protect anything.

A key is made from a seed, so that vectors are the same each time: a P-256 nonce is that of RFC 6979.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac

# Ed25519 (RFC 8032, 5.1)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def _edwards_add(p, q):
    """Points in extended coordinates."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _edwards_times(scalar: int, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _edwards_add(result, point)
        point = _edwards_add(point, point)
        scalar >>= 1
    return result


def _edwards_base():
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


def _edwards_bytes(point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _edwards_base()


def ed25519(secret: bytes, message: bytes | None = None) -> bytes:
    """The public key, or the signature of a message."""
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = _edwards_bytes(_edwards_times(scalar, BASE))
    if message is None:
        return public
    nonce = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % L
    r = _edwards_bytes(_edwards_times(nonce, BASE))
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    return r + ((nonce + k * scalar) % L).to_bytes(32, "little")


# ECDSA over P-256 (FIPS 186-5, RFC 6979)

Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _curve_add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % Q == 0:
            return None
        slope = 3 * (p[0] * p[0] - 1) * pow(2 * p[1], -1, Q)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, Q)
    x = (slope * slope - p[0] - q[0]) % Q
    return x, (slope * (p[0] - x) - p[1]) % Q


def _curve_times(scalar: int, point):
    result = None
    while scalar:
        if scalar & 1:
            result = _curve_add(result, point)
        point = _curve_add(point, point)
        scalar >>= 1
    return result


def _nonces(secret: int, digest: bytes):
    """The candidates of RFC 6979, 3.2."""
    seed = secret.to_bytes(32, "big") + (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    key, value = bytes(32), b"\1" * 32
    for separator in (b"\0", b"\1"):
        key = hmac.digest(key, value + separator + seed, "sha256")
        value = hmac.digest(key, value, "sha256")
    while True:
        value = hmac.digest(key, value, "sha256")
        yield int.from_bytes(value, "big")
        key = hmac.digest(key, value + b"\0", "sha256")
        value = hmac.digest(key, value, "sha256")


def p256(secret: int, message: bytes | None = None) -> bytes:
    """The public key's x and y, or the signature of a message."""
    if message is None:
        return b"".join(number.to_bytes(32, "big") for number in _curve_times(secret, G))
    digest = hashlib.sha256(message).digest()
    for nonce in _nonces(secret, digest):
        if 0 < nonce < N:
            r = _curve_times(nonce, G)[0] % N
            s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
            if r and s:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    raise AssertionError("RFC 6979 ends")


# Signatures of adapters


@dataclasses.dataclass(frozen=True)
class Key:
    algorithm: str
    seed: str

    @property
    def _secret(self) -> bytes:
        return hashlib.sha256(self.seed.encode()).digest()

    def _raw(self, message: bytes | None = None) -> bytes:
        if self.algorithm == "ed25519":
            return ed25519(self._secret, message)
        return p256(int.from_bytes(self._secret, "big") % (N - 1) + 1, message)

    @property
    def der(self) -> bytes:
        """Clause 1.2."""
        if self.algorithm == "ed25519":
            return bytes.fromhex("302A300506032B6570032100") + self._raw()
        prefix = "3059301306072A8648CE3D020106082A8648CE3D030107034200"
        return bytes.fromhex(prefix) + b"\4" + self._raw()

    @property
    def pem(self) -> str:
        lines = base64.b64encode(self.der).decode()
        lines = "\n".join(lines[start : start + 64] for start in range(0, len(lines), 64))
        return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"

    @property
    def id(self) -> str:
        return "sha256:" + hashlib.sha256(self.der).hexdigest()

    def sign(self, content_root: bytes, expires: str | None = None) -> dict:
        """The map of clause 3.1."""
        expiry = (expires or "").encode()
        number = {"ed25519": 1, "p256": 2}[self.algorithm]
        message = b"adapterctl-signature-v1\n" + bytes([number]) + hashlib.sha256(self.der).digest() + content_root
        message += len(expiry).to_bytes(4, "little") + expiry
        entry = {"algorithm": self.algorithm, "key": self.id, "signature": self._raw(message).hex()}
        return {**entry, **({"expires": expires} if expires else {})}


def signed(*entries: dict) -> list[dict]:
    """The array of clause 3.2."""
    return sorted(entries, key=lambda entry: entry["key"])
