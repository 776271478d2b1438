"""What is padded here verifies elsewhere: raw RSA by the numbers, verified by `cryptography`."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as pads
from cryptography.hazmat.primitives.asymmetric import rsa

from drivers.errors import Unsupported
from drivers.piv import padding
from drivers.tokens import Algorithm, SignatureScheme

PSS = pads.PSS(pads.MGF1(hashes.SHA256()), 32)
SIZES = {Algorithm.RSA2048: 2048, Algorithm.RSA3072: 3072}


@pytest.fixture(scope="module", params=list(SIZES))
def key(request: pytest.FixtureRequest) -> tuple[Algorithm, rsa.RSAPrivateKey]:
    algorithm: Algorithm = request.param
    return algorithm, rsa.generate_private_key(65537, SIZES[algorithm])


@pytest.mark.parametrize(
    ("scheme", "pad"),
    [(SignatureScheme.RSA_PKCS1_SHA256, pads.PKCS1v15()), (SignatureScheme.RSA_PSS_SHA256, PSS)],
)
def test_rsa_encodings_verify(
    key: tuple[Algorithm, rsa.RSAPrivateKey], scheme: SignatureScheme, pad: pads.AsymmetricPadding
) -> None:
    algorithm, private = key
    numbers, size = private.private_numbers(), SIZES[algorithm] // 8
    for length in range(0, 200, 7):
        message = bytes(length)
        encoded = padding.challenge(algorithm, scheme, message)
        assert len(encoded) == size
        number = int.from_bytes(encoded, "big")
        assert number < numbers.public_numbers.n
        signature = pow(number, numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
        private.public_key().verify(signature, message, pad, hashes.SHA256())


def test_pss_is_salted_anew_each_time() -> None:
    twice = {padding.challenge(Algorithm.RSA2048, SignatureScheme.RSA_PSS_SHA256, b"same") for _ in range(2)}
    assert len(twice) == 2


@pytest.mark.parametrize(
    ("algorithm", "scheme"),
    [
        (Algorithm.P256, SignatureScheme.RSA_PKCS1_SHA256),
        (Algorithm.P384, SignatureScheme.RSA_PSS_SHA256),
        (Algorithm.RSA2048, SignatureScheme.ECDSA_SHA256),
        (Algorithm.RSA3072, SignatureScheme.ECDSA_SHA384),
    ],
)
def test_a_scheme_of_another_kind_of_key_is_refused(algorithm: Algorithm, scheme: SignatureScheme) -> None:
    with pytest.raises(Unsupported, match="makes no signature"):
        padding.challenge(algorithm, scheme, b"")
