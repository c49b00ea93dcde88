#include "parsers/digest.hpp"

#include <openssl/evp.h>

namespace iris::parsers {
namespace {

template <class Text>
Text digest(std::string_view bytes, const EVP_MD* algorithm) noexcept {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> value{};
  // Fails where a policy forbids the algorithm (FIPS and MD5): zeros then.
  (void)EVP_Digest(bytes.data(), bytes.size(), value.data(), nullptr, algorithm, nullptr);
  Text text{};
  write_hex(std::span(value).first(text.size() / 2), text.data());
  return text;
}

}  // namespace

void write_hex(std::span<const std::uint8_t> bytes, char* out) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *out++ = digits[byte >> 4U];
    *out++ = digits[byte & 15U];
  }
}

Md5Text md5_hex(std::string_view bytes) noexcept { return digest<Md5Text>(bytes, EVP_md5()); }
Sha256Text sha256_hex(std::string_view bytes) noexcept { return digest<Sha256Text>(bytes, EVP_sha256()); }

}  // namespace iris::parsers
