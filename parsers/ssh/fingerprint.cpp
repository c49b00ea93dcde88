// HASSH (https://github.com/salesforce/hassh) and the host key's fingerprint, computed when somebody asks.
#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <new>

#include <iris/protocols/ssh.hpp>

#include "parsers/api.hpp"
#include "parsers/digest.hpp"

namespace iris {

// data() == nullptr: not computed yet.
struct SshHandshake::Layout::Computed {
  static constexpr std::string_view fingerprint_prefix = "SHA256:";
  static constexpr std::size_t fingerprint_length = fingerprint_prefix.size() + 43;  // base64 without padding

  std::string_view hassh, hassh_server, host_key;
  parsers::Md5Text hassh_digits{}, hassh_server_digits{};
  std::array<char, fingerprint_length + 2> host_key_characters{};  // OpenSSL writes "=" and a zero
};

}  // namespace iris

namespace iris::parsers::ssh {
namespace {

using Computed = SshHandshake::Layout::Computed;
using Names = SshKexInit::Names;

constexpr std::string_view absent;

Computed* computed_of(const SshHandshake& handshake) noexcept {
  const auto& layout = handshake.layout;
  if (layout.computed == nullptr && layout.arena != nullptr) {
    void* memory = static_cast<Arena*>(layout.arena)->allocate(sizeof(Computed), alignof(Computed));
    if (memory != nullptr) layout.computed = new (memory) Computed;
  }
  return layout.computed;
}

// The lists as sent: their names lie behind each other in the message, with commas between them.
std::string_view joined(Names names) noexcept {
  if (names.empty()) return "";
  const char* begin = names.front().data();
  return {begin, static_cast<std::size_t>(names.back().data() + names.back().size() - begin)};
}

std::string_view hash_of(const SshHandshake& handshake, const std::array<Names, 4>& lists, Md5Text& digits) noexcept {
  std::array<std::string_view, 4> texts;
  std::size_t size = 3;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    texts[i] = joined(lists[i]);
    size += texts[i].size();
  }
  auto* text = static_cast<char*>(static_cast<Arena*>(handshake.layout.arena)->allocate(size, 1));
  if (text == nullptr) return {};
  char* out = text;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) *out++ = ';';
    if (!texts[i].empty()) std::memcpy(out, texts[i].data(), texts[i].size());
    out += texts[i].size();
  }
  digits = md5_hex({text, size});
  return {digits.data(), digits.size()};
}

template <class Compute>
const std::string_view* remember(const void* session, std::string_view Computed::* kept, Compute compute) noexcept {
  const auto& handshake = *static_cast<const SshHandshake*>(session);
  Computed* computed = computed_of(handshake);
  if (computed == nullptr) return &absent;
  std::string_view& text = computed->*kept;
  if (text.data() == nullptr) text = compute(handshake, *computed);
  return &text;
}

}  // namespace
}  // namespace iris::parsers::ssh

namespace iris::detail {

using namespace iris::parsers::ssh;  // NOLINT(google-build-using-namespace): its other half

const std::string_view* iris_ssh_hassh(const void* handshake) noexcept {
  return remember(handshake, &Computed::hassh, [](const SshHandshake& ssh, Computed& computed) {
    const SshKexInit& kex = ssh.client_kex();
    if (kex.cookie.empty()) return std::string_view();
    return hash_of(ssh,
                   {kex.kex_algorithms, kex.encryption_client_to_server, kex.mac_client_to_server,
                    kex.compression_client_to_server},
                   computed.hassh_digits);
  });
}

const std::string_view* iris_ssh_hassh_server(const void* handshake) noexcept {
  return remember(handshake, &Computed::hassh_server, [](const SshHandshake& ssh, Computed& computed) {
    const SshKexInit& kex = ssh.server_kex();
    if (kex.cookie.empty()) return std::string_view();
    return hash_of(ssh,
                   {kex.kex_algorithms, kex.encryption_server_to_client, kex.mac_server_to_client,
                    kex.compression_server_to_client},
                   computed.hassh_server_digits);
  });
}

const std::string_view* iris_ssh_host_key_fingerprint(const void* handshake) noexcept {
  return remember(handshake, &Computed::host_key, [](const SshHandshake& ssh, Computed& computed) {
    if (ssh.host_key().empty()) return std::string_view();
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    if (EVP_Digest(ssh.host_key().data(), ssh.host_key().size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
      return std::string_view();
    }
    auto& characters = computed.host_key_characters;
    std::memcpy(characters.data(), Computed::fingerprint_prefix.data(), Computed::fingerprint_prefix.size());
    constexpr int sha256_length = 32;
    EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(characters.data()) + Computed::fingerprint_prefix.size(),
                    digest.data(), sha256_length);
    return std::string_view(characters.data(), Computed::fingerprint_length);
  });
}

}  // namespace iris::detail
