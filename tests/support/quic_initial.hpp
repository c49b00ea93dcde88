// Initial packets protected by the test itself, from the RFCs' words and with OpenSSL's HKDF: independent of what opens
// them.
#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace iris::parsers::quic::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}
inline Bytes integer(std::size_t value) {  // RFC 9000, 16: two or four bytes
  if (value < 0x4000) return {static_cast<std::uint8_t>(0x40U | value >> 8U), static_cast<std::uint8_t>(value)};
  return {static_cast<std::uint8_t>(0x80U | value >> 24U), static_cast<std::uint8_t>(value >> 16U),
          static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}
inline Bytes crypto(std::size_t offset, const Bytes& data) {
  return Bytes{6} + integer(offset) + integer(data.size()) + data;
}

inline Bytes hkdf(int mode, const Bytes& key, const Bytes& salt, const Bytes& info, std::size_t size) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  char digest[] = "SHA256";
  std::vector<OSSL_PARAM> parameters{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                     OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0)};
  const auto add = [&](const char* name, const Bytes& bytes) {
    if (bytes.empty()) return;
    auto* data = const_cast<std::uint8_t*>(bytes.data());  // it is only read
    parameters.push_back(OSSL_PARAM_construct_octet_string(name, data, bytes.size()));
  };
  add(OSSL_KDF_PARAM_KEY, key);
  add(OSSL_KDF_PARAM_SALT, salt);
  add(OSSL_KDF_PARAM_INFO, info);
  parameters.push_back(OSSL_PARAM_construct_end());
  Bytes out(size);
  const bool done = EVP_KDF_derive(context, out.data(), out.size(), parameters.data()) == 1;
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  if (!done) throw std::runtime_error("HKDF");
  return out;
}
inline Bytes expand_label(const Bytes& secret, const std::string& label, std::size_t size) {
  const std::string full = "tls13 " + label;
  const Bytes info = Bytes{0, static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(full.size())} +
                     Bytes(full.begin(), full.end()) + Bytes{0};
  return hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, secret, {}, info, size);
}

inline Bytes cipher(const EVP_CIPHER* algorithm, const Bytes& key, const Bytes& iv, const Bytes& aad,
                    const Bytes& plain, Bytes* tag) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  Bytes out(plain.size() + 16);
  int size = 0;
  EVP_EncryptInit_ex(context, algorithm, nullptr, key.data(), iv.empty() ? nullptr : iv.data());
  if (!aad.empty()) EVP_EncryptUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size()));
  EVP_EncryptUpdate(context, out.data(), &size, plain.data(), static_cast<int>(plain.size()));
  int more = 0;
  if (tag != nullptr) {
    EVP_EncryptFinal_ex(context, out.data() + size, &more);
    tag->resize(16);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, tag->data());
  }
  EVP_CIPHER_CTX_free(context);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

struct Initial {
  std::uint32_t version = 1;
  std::string salt = "38762cf7f55934b34d179ae6a4c80cadccbb7f0a";
  bool v2 = false;
  Bytes key_dcid;  // that keys come from
  Bytes dcid;
  Bytes scid = {9, 9};
  bool from_client = true;
  std::uint8_t number = 0;
  std::size_t pad_to = 1200;  // of the frames; servers' need none
  Bytes token{};

  [[nodiscard]] Bytes packet(Bytes frames) const {
    if (frames.size() < pad_to) frames.resize(pad_to, 0);
    const Bytes initial = hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, key_dcid, from_hex(salt), {}, 32);
    const Bytes secret = expand_label(initial, from_client ? "client in" : "server in", 32);
    const std::string prefix = v2 ? "quicv2 " : "quic ";
    const Bytes key = expand_label(secret, prefix + "key", 16);
    Bytes nonce = expand_label(secret, prefix + "iv", 12);
    const Bytes hp = expand_label(secret, prefix + "hp", 16);
    nonce[11] ^= number;
    const auto first = static_cast<std::uint8_t>(v2 ? 0xd0 : 0xc0);  // packet number of one byte
    Bytes header = Bytes{first, static_cast<std::uint8_t>(version >> 24U), static_cast<std::uint8_t>(version >> 16U),
                         static_cast<std::uint8_t>(version >> 8U), static_cast<std::uint8_t>(version)} +
                   Bytes{static_cast<std::uint8_t>(dcid.size())} + dcid +
                   Bytes{static_cast<std::uint8_t>(scid.size())} + scid + integer(token.size()) + token +
                   integer(1 + frames.size() + 16) + Bytes{number};
    Bytes tag;
    const Bytes sealed = cipher(EVP_aes_128_gcm(), key, nonce, header, frames, &tag);
    const Bytes body = sealed + tag;
    const Bytes sample(body.begin() + 3, body.begin() + 19);
    const Bytes mask = cipher(EVP_aes_128_ecb(), hp, {}, {}, sample, nullptr);
    header[0] ^= static_cast<std::uint8_t>(mask[0] & 0x0f);
    header.back() ^= mask[1];
    return header + body;
  }
};

}  // namespace iris::parsers::quic::test
