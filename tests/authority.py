"""Certificates for receivers: one that is valid, and each way of not being so."""

import datetime
import ssl

import trustme

NAMES = ("localhost", "127.0.0.1", "hooks.example.com")


class Authority:
    """A certificate authority of one test run."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def trusted_by(self) -> ssl.SSLContext:
        """What a client uses that trusts this authority and no other."""
        context = ssl.create_default_context(cafile=None, cadata=self._pem(self._ca))
        assert context.verify_mode is ssl.CERT_REQUIRED
        return context

    def pem(self) -> bytes:
        """A valid certificate with its key, for a process that serves by itself."""
        issued = self._ca.issue_cert(*NAMES)
        parts = [issued.private_key_pem, *issued.cert_chain_pems]
        return b"".join(part.bytes() for part in parts)

    def server(self, kind: str) -> ssl.SSLContext:
        """A server's context: valid, expired, wrong_host, stranger or self_signed."""
        now = datetime.datetime.now(datetime.UTC)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        match kind:
            case "valid":
                self._ca.issue_cert(*NAMES).configure_cert(context)
            case "expired":
                self._ca.issue_cert(
                    *NAMES,
                    not_before=now - datetime.timedelta(days=2),
                    not_after=now - datetime.timedelta(days=1),
                ).configure_cert(context)
            case "wrong_host":
                self._ca.issue_cert("elsewhere.example.org").configure_cert(context)
            case "stranger":
                trustme.CA().issue_cert(*NAMES).configure_cert(context)
            case "self_signed":
                own = trustme.CA()
                pair = own.private_key_pem.bytes() + own.cert_pem.bytes()
                with trustme.Blob(pair).tempfile() as path:
                    context.load_cert_chain(path)
            case _:
                raise ValueError(kind)
        return context

    @staticmethod
    def _pem(ca: trustme.CA) -> str:
        return ca.cert_pem.bytes().decode("ascii")
