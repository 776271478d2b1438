"""CAs elsewhere, played on loopback over real TLS, with what goes wrong at such a server."""
