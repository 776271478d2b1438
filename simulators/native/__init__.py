"""What faults need in C: a PKCS#11 module and a preloaded library, built where they are used."""
