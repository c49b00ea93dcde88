# All of parsers/ is one library. What the tests encode themselves.
pkg_check_modules(BROTLI_ENCODER REQUIRED IMPORTED_TARGET libbrotlienc)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
set(link iris_parsers ZLIB::ZLIB PkgConfig::BROTLI_ENCODER PkgConfig::NGHTTP2)
