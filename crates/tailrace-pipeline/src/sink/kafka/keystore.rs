//! Java key stores and PKCS#12 files, turned into PEM.
