"""The TLS side of ``https://`` scanners: whom to trust, and with which certificate to be known."""

import ssl

from shim.settings import Settings, SettingsError


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context that the settings describe; None where no scanner needs one.

    Raises:
        SettingsError: a file cannot be read, or is not what it should be.
    """
    if not any(scanner.startswith("https:") for scanner in settings.scanners):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
    except OSError as error:
        raise SettingsError(f"{settings.tls_ca}: want CA certificates in PEM form: {error}") from error
    if settings.tls_certificate is not None:
        try:
            # An empty password, for otherwise OpenSSL asks for one at the terminal, and waits.
            context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
        except OSError as error:
            pair = f"{settings.tls_certificate}, {settings.tls_key}"
            raise SettingsError(f"{pair}: want a certificate and its unencrypted key in PEM form: {error}") from error
    return context
