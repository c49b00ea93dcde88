# All of parsers/ is one library. OpenSSL: the test makes a certificate.
set(link iris_parsers OpenSSL::Crypto)
