"""What a token, a certificate and a letter look like: TOML, and data to PDF bytes."""
