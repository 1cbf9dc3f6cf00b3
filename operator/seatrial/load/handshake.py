"""TLS as a client: the certificates that are trusted, and what it means when a handshake fails."""

import ssl
from functools import lru_cache

from seatrial.api.tls import TargetTls
from seatrial.load.assignment import AssignmentError

#: Kinds of error by what OpenSSL found wrong with the certificate (its header x509_vfy.h).
_KINDS = {
    "tlsExpired": (9, 10),  # not yet valid, has expired
    "tlsAuthority": (2, 18, 19, 20, 21, 24, 26),  # no issuer that is trusted, or none that may be one
    "tlsName": (62, 63, 64),  # host name, address
}
_KIND_OF_CODE = {code: kind for kind, codes in _KINDS.items() for code in codes}


@lru_cache(maxsize=1)
def client_context(tls: TargetTls, ca: str) -> ssl.SSLContext:
    """Makes what all connections have in common; reading authorities takes a tenth of a second, so it is done once.

    Args:
        tls: How to speak TLS.
        ca: Certificate authorities in PEM, if ``tls`` has any.

    Raises:
        AssignmentError: The certificate authorities cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    # As curl and Go do: a certificate that was given is trusted, even if another one has signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError) as error:
            # What was given instead may be a key: it is not shown.
            raise AssignmentError("target.tls.ca: there are no certificates in PEM in it") from error
    return context


def error_kind(error: Exception) -> str:
    """The kind of error that counts when a handshake fails."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    return _KIND_OF_CODE.get(code, "tls")
