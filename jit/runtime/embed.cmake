# Writes OUTPUT, a C++ source that holds the bytes of INPUT: cmake -DINPUT=… -DOUTPUT=… -P embed.cmake
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "#include \"jit/runtime/bitcode.hpp\"

namespace {
alignas(16) constexpr unsigned char bytes[] = {
${bytes}};
}

std::span<const std::byte> iris::runtime::bitcode() noexcept { return std::as_bytes(std::span(bytes)); }
")
