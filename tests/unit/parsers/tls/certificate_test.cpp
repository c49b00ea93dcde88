// A certificate that the test itself makes, as a server sends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "parsers/tls/parser.hpp"
#include "tests/unit/parsers/arena.hpp"

namespace iris::parsers::tls {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using DerBytes = std::vector<std::uint8_t>;

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes, static_cast<int>(value.size()), -1, 0);
}

// `alternative_names` as OpenSSL's configuration has them; empty: no such extension.
DerBytes make_certificate(EVP_PKEY* key, const std::string& alternative_names) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate.get()), 0x0abcdef012345);
  ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), "20200102030405Z");
  ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), "20510102030405Z");
  add_name(X509_get_subject_name(certificate.get()), "O", "Ex, Ample \xc3\xa4");
  add_name(X509_get_subject_name(certificate.get()), "CN", "example.org");
  add_name(X509_get_issuer_name(certificate.get()), "CN", "Root");
  X509_set_pubkey(certificate.get(), key);
  if (!alternative_names.empty()) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_names.c_str());
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate.get(), key, nullptr);
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate.get(), &bytes);
  const DerBytes der(bytes, bytes + size);
  OPENSSL_free(bytes);
  return der;
}

class TlsCertificates : public testing::Test {
 protected:
  // As the parser keeps a chain.
  std::span<const TlsCertificate> read(const std::vector<DerBytes>& chain, std::size_t cap = 65'536) {
    arena = std::make_unique<parsers::test::BlockArena>(cap);
    der.assign(chain.begin(), chain.end());
    handshake.layout = {};
    handshake.layout.arena = arena.get();
    handshake.layout.server_chain = der;
    return handshake.certificates();
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
                                                          &EVP_PKEY_free};
  std::vector<std::span<const std::uint8_t>> der;
  std::unique_ptr<parsers::test::BlockArena> arena;
  TlsHandshake handshake;
};

TEST_F(TlsCertificates, EveryMember) {
  const DerBytes bytes = make_certificate(key.get(),
                                          "DNS:example.org,IP:192.0.2.7,email:a@example.org,DNS:*.example.org,"
                                          "URI:spiffe://example.org/x,IP:2001:db8::7,RID:1.2.3");
  const auto certificates = read({bytes});
  ASSERT_EQ(certificates.size(), 1U);
  const TlsCertificate& one = certificates[0];
  EXPECT_EQ(one.subject, "CN=example.org,O=Ex\\, Ample \xc3\xa4");
  EXPECT_EQ(one.issuer, "CN=Root");
  EXPECT_EQ(one.serial, "abcdef012345");
  EXPECT_EQ(one.not_before.nanoseconds, 1'577'934'245'000'000'000U);
  EXPECT_EQ(one.not_after.nanoseconds, 2'556'241'445'000'000'000U);
  EXPECT_EQ(one.key_type, "ED25519");
  EXPECT_EQ(one.key_bits, 256U);
  EXPECT_THAT(one.dns_names, ElementsAre("example.org", "*.example.org"));
  EXPECT_THAT(one.emails, ElementsAre("a@example.org"));
  EXPECT_THAT(one.uris, ElementsAre("spiffe://example.org/x"));
  ASSERT_EQ(one.ip_addresses.size(), 2U);
  EXPECT_EQ(one.ip_addresses[0], IpAddress::v4({192, 0, 2, 7}));
  EXPECT_EQ(one.ip_addresses[1].version, IpVersion::V6);
  EXPECT_EQ(one.ip_addresses[1].bytes[15], 7);
  EXPECT_EQ(one.der.data(), der[0].data());
  EXPECT_EQ(handshake.certificates().data(), certificates.data()) << "parsed once";
}

TEST_F(TlsCertificates, ThatAreNoneAreLeftOut) {
  const DerBytes bytes = make_certificate(key.get(), "");
  DerBytes cut(bytes.begin(), bytes.end() - 20);
  const auto certificates = read({cut, bytes, {}});
  ASSERT_EQ(certificates.size(), 1U);
  EXPECT_EQ(certificates[0].issuer, "CN=Root");
  EXPECT_THAT(certificates[0].dns_names, IsEmpty());
  EXPECT_THAT(certificates[0].ip_addresses, IsEmpty());
}

TEST_F(TlsCertificates, AnyCapOfMemory) {
  const DerBytes bytes = make_certificate(key.get(), "DNS:example.org,IP:192.0.2.7,DNS:b.example.org,URI:x:y");
  for (std::size_t cap = 0; cap < 2'000; cap += 7) {
    std::size_t seen = 0;
    for (const TlsCertificate& each : read({bytes, bytes}, cap)) {
      for (const std::string_view name : each.dns_names) seen += name.size();
      for (const std::string_view name : each.uris) seen += name.size();
      seen += each.subject.size() + each.sha256.size() + each.ip_addresses.size();
    }
    EXPECT_LE(arena->used(), cap);
    EXPECT_LT(seen, 2'000U);
  }
}

}  // namespace
}  // namespace iris::parsers::tls
