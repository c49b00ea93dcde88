# All of parsers/ is one library. OpenSSL: packets are protected by the test.
set(link iris_parsers OpenSSL::Crypto)
