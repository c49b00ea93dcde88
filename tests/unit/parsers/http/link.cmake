# All of parsers/ is one library. What the tests encode themselves.
pkg_check_modules(BROTLI_ENCODER REQUIRED IMPORTED_TARGET libbrotlienc)
set(link iris_parsers ZLIB::ZLIB PkgConfig::BROTLI_ENCODER)
