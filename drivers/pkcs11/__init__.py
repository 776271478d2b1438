"""PKCS#11 tokens and keys; the only place that imports python-pkcs11."""
