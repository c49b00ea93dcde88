// X.509 certificates, parsed when somebody asks for them (OpenSSL). What is told of them is copied into the
// connection's arena.
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <optional>

#include "parsers/text.hpp"
#include "parsers/tls/computed.hpp"

namespace iris::parsers::tls {
namespace {

using Bytes = TlsHandshake::Bytes;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    function(object);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;

// data() == nullptr when the arena is exhausted.
std::string_view copy(std::string_view text, Arena& arena) noexcept {
  auto* memory = static_cast<char*>(arena.allocate(text.size(), 1));
  if (memory == nullptr) return {};
  if (!text.empty()) std::memcpy(memory, text.data(), text.size());
  return {memory, text.size()};
}

std::string_view name_text(const X509_NAME* name, Arena& arena) noexcept {
  const Memory memory(BIO_new(BIO_s_mem()));
  // RFC 4514, in UTF-8: without escapes for what is not ASCII.
  constexpr unsigned long form = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, form) < 0) return {};
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return copy({text, static_cast<std::size_t>(length)}, arena);
}

std::string_view serial_text(const ASN1_INTEGER* serial, Arena& arena) noexcept {
  const BigNumber number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number) return {};
  const auto size = static_cast<std::size_t>(BN_num_bytes(number.get()));
  auto* text = static_cast<char*>(arena.allocate(2 * size + 1, 1));
  auto* bytes = static_cast<std::uint8_t*>(arena.allocate(size, 1));
  if (text == nullptr || bytes == nullptr) return {};
  BN_bn2bin(number.get(), bytes);
  write_hex({bytes, size}, text);
  return size == 0 ? std::string_view("00") : std::string_view(text, 2 * size);
}

// Before 1970: 1970.
Timestamp time_of(const ASN1_TIME* time) noexcept {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  const std::time_t seconds = timegm(&parts);
  return {seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds) * 1'000'000'000U};
}

std::string_view key_type_of(const EVP_PKEY* key) noexcept {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return "RSA";
    case EVP_PKEY_RSA_PSS:
      return "RSA-PSS";
    case EVP_PKEY_EC:
      return "EC";
    case EVP_PKEY_DSA:
      return "DSA";
    case EVP_PKEY_DH:
      return "DH";
    case EVP_PKEY_ED25519:
      return "ED25519";
    case EVP_PKEY_ED448:
      return "ED448";
    default:
      return {};
  }
}

Bytes bytes_of(const ASN1_STRING* string) noexcept {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// What `read(name)`, an optional T, tells of each name.
template <class T, class Read>
std::span<const T> list_of(const GENERAL_NAMES* names, Arena& arena, Read read) noexcept {
  const int count = sk_GENERAL_NAME_num(names);
  std::size_t wanted = 0;
  for (int i = 0; i < count; ++i) wanted += read(*sk_GENERAL_NAME_value(names, i)) ? 1 : 0;
  void* memory = wanted == 0 ? nullptr : arena.allocate(wanted * sizeof(T), alignof(T));
  if (memory == nullptr) return {};
  auto* list = static_cast<T*>(memory);
  std::size_t found = 0;
  for (int i = 0; i < count; ++i) {
    if (const auto value = read(*sk_GENERAL_NAME_value(names, i))) new (list + found++) T(*value);
  }
  return {list, found};
}

// Of dNSName, rfc822Name and uniformResourceIdentifier, which are IA5Strings.
std::span<const std::string_view> texts_of(const GENERAL_NAMES* names, int type, Arena& arena) noexcept {
  const auto as_sent = list_of<std::string_view>(names, arena, [&](const GENERAL_NAME& name) {
    return name.type == type ? std::optional(as_text(bytes_of(name.d.ia5))) : std::nullopt;
  });
  auto* texts = const_cast<std::string_view*>(as_sent.data());  // it was just made
  for (std::size_t i = 0; i < as_sent.size(); ++i) {
    texts[i] = copy(as_sent[i], arena);
    if (texts[i].data() == nullptr) return {texts, i};
  }
  return as_sent;
}

std::optional<IpAddress> address_of(const GENERAL_NAME& name) noexcept {
  if (name.type != GEN_IPADD) return std::nullopt;
  const Bytes bytes = bytes_of(name.d.iPAddress);
  if (bytes.size() == 4) return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
  if (bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.version = IpVersion::V6;
  std::ranges::copy(bytes, address.bytes.begin());
  return address;
}

void read_alternative_names(const X509* certificate, Arena& arena, TlsCertificate& told) noexcept {
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return;
  told.dns_names = texts_of(names.get(), GEN_DNS, arena);
  told.emails = texts_of(names.get(), GEN_EMAIL, arena);
  told.uris = texts_of(names.get(), GEN_URI, arena);
  told.ip_addresses = list_of<IpAddress>(names.get(), arena, &address_of);
}

// False when it does not parse.
bool parse_certificate(Bytes der, Arena& arena, TlsCertificate& told) noexcept {
  const std::uint8_t* bytes = der.data();
  const Certificate certificate(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  if (!certificate) return false;
  const Sha256Text digest = sha256_hex(as_text(der));
  told.der = der;
  told.sha256 = copy({digest.data(), digest.size()}, arena);
  told.subject = name_text(X509_get_subject_name(certificate.get()), arena);
  told.issuer = name_text(X509_get_issuer_name(certificate.get()), arena);
  told.serial = serial_text(X509_get0_serialNumber(certificate.get()), arena);
  told.not_before = time_of(X509_get0_notBefore(certificate.get()));
  told.not_after = time_of(X509_get0_notAfter(certificate.get()));
  if (const EVP_PKEY* key = X509_get0_pubkey(certificate.get()); key != nullptr) {
    told.key_type = key_type_of(key);
    told.key_bits = static_cast<std::uint32_t>(EVP_PKEY_get_bits(key));
  }
  read_alternative_names(certificate.get(), arena, told);
  return true;
}

std::span<const TlsCertificate> parse_chain(std::span<const Bytes> chain, Arena& arena) noexcept {
  void* memory = arena.allocate(chain.size() * sizeof(TlsCertificate), alignof(TlsCertificate));
  if (memory == nullptr) return {};
  auto* first = static_cast<TlsCertificate*>(memory);
  std::size_t count = 0;
  for (const Bytes der : chain) {
    auto* certificate = new (first + count) TlsCertificate;
    if (parse_certificate(der, arena, *certificate)) ++count;
  }
  return {first, count};
}

constexpr std::span<const TlsCertificate> none;

}  // namespace
}  // namespace iris::parsers::tls

namespace iris::detail {

using namespace iris::parsers::tls;  // NOLINT(google-build-using-namespace): its other half

const std::span<const TlsCertificate>* iris_tls_certificates(const TlsHandshake* handshake, bool of_client) noexcept {
  const auto& layout = handshake->layout;
  const auto chain = of_client ? layout.client_chain : layout.server_chain;
  TlsHandshake::Layout::Computed* computed = chain.empty() ? nullptr : computed_of(*handshake);
  if (computed == nullptr) return &none;
  auto& parsed = of_client ? computed->client_certificates : computed->certificates;
  if (parsed.data() == nullptr) parsed = parse_chain(chain, *static_cast<parsers::Arena*>(layout.arena));
  return &parsed;
}

}  // namespace iris::detail
