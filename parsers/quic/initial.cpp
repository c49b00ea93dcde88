#include "parsers/quic/initial.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace iris::parsers::quic {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Secret = std::array<std::uint8_t, 32>;

constexpr std::size_t tag_length = 16;
constexpr std::size_t sample_length = 16;
constexpr std::size_t largest_packet = 65536;

Secret hmac(Bytes key, Bytes message) noexcept {
  Secret result{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), result.data(), &length);
  return result;
}

// HKDF-Expand-Label with an empty context (RFC 8446, 7.1), for outputs of one block at most (RFC 5869, 2.3).
template <std::size_t size>
std::array<std::uint8_t, size> expand(const Secret& secret, std::string_view label) noexcept {
  constexpr std::string_view prefix = "tls13 ";
  static_assert(size <= sizeof(Secret));
  std::array<std::uint8_t, 64> info{};
  std::size_t length = 0;
  info[length++] = 0;
  info[length++] = static_cast<std::uint8_t>(size);
  info[length++] = static_cast<std::uint8_t>(prefix.size() + label.size());
  for (const std::string_view part : {prefix, label}) {
    std::memcpy(info.data() + length, part.data(), part.size());
    length += part.size();
  }
  info[length++] = 0;
  info[length++] = 1;
  const Secret block = hmac(secret, Bytes(info).first(length));
  std::array<std::uint8_t, size> result;
  std::copy_n(block.begin(), size, result.begin());
  return result;
}

PacketKeys packet_keys(const Version& version, const Secret& secret) noexcept {
  if (version.is_v2) {
    return {expand<16>(secret, "quicv2 key"), expand<12>(secret, "quicv2 iv"), expand<16>(secret, "quicv2 hp")};
  }
  return {expand<16>(secret, "quic key"), expand<12>(secret, "quic iv"), expand<16>(secret, "quic hp")};
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// What a thread needs to open packets.
struct Workshop {
  Context mask{EVP_CIPHER_CTX_new()};
  Context aead{EVP_CIPHER_CTX_new()};
  std::array<std::uint8_t, largest_packet> plain;
};

Workshop& workshop() {
  thread_local const auto own = std::make_unique<Workshop>();
  return *own;
}

// RFC 9001, 5.4.3.
bool header_mask(EVP_CIPHER_CTX* context, const PacketKeys& keys, const std::uint8_t* sample,
                 std::array<std::uint8_t, sample_length>& mask) noexcept {
  int written = 0;
  return EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, keys.header.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(context, mask.data(), &written, sample, sample_length) == 1;
}

}  // namespace

InitialKeys derive(const Version& version, Bytes dcid) noexcept {
  const Secret initial = hmac(*version.salt, dcid);
  return {packet_keys(version, expand<32>(initial, "client in")),
          packet_keys(version, expand<32>(initial, "server in"))};
}

Bytes open(const PacketKeys& keys, Bytes packet, std::size_t number_at) noexcept {
  constexpr std::size_t longest_number = 4;
  constexpr std::size_t longest_header = 1024;
  if (packet.size() > largest_packet || number_at > longest_header ||
      packet.size() < number_at + longest_number + sample_length) {
    return {};
  }
  Workshop& shop = workshop();
  std::array<std::uint8_t, sample_length> mask{};
  if (!header_mask(shop.mask.get(), keys, packet.data() + number_at + longest_number, mask)) return {};
  const auto first = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0fU));
  const std::size_t number_length = (first & 3U) + 1U;

  // The header without its protection is what is authenticated beside the payload.
  std::array<std::uint8_t, longest_header + longest_number> header;
  const std::size_t header_length = number_at + number_length;
  std::copy_n(packet.begin(), header_length, header.begin());
  header[0] = first;
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < number_length; ++i) {
    header[number_at + i] ^= mask[1 + i];
    nonce[nonce.size() - number_length + i] ^= header[number_at + i];
  }
  const Bytes sealed = packet.subspan(header_length);
  if (sealed.size() < tag_length) return {};
  const auto length = static_cast<int>(sealed.size() - tag_length);
  EVP_CIPHER_CTX* aead = shop.aead.get();
  auto* tag = const_cast<std::uint8_t*>(sealed.data() + length);  // OpenSSL only reads it
  int written = 0;
  int ignored = 0;
  const bool opened = EVP_DecryptInit_ex(aead, EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data()) == 1 &&
                      EVP_DecryptUpdate(aead, nullptr, &ignored, header.data(), static_cast<int>(header_length)) == 1 &&
                      EVP_DecryptUpdate(aead, shop.plain.data(), &written, sealed.data(), length) == 1 &&
                      EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_GCM_SET_TAG, tag_length, tag) == 1 &&
                      EVP_DecryptFinal_ex(aead, shop.plain.data() + written, &ignored) == 1;
  return opened ? Bytes(shop.plain).first(static_cast<std::size_t>(written)) : Bytes{};
}

}  // namespace iris::parsers::quic
