// The owner of a connection against DPDK's own software RSS, which is what drivers' authors check their NICs with.
#include "daemon/source/owner.hpp"

#include <gtest/gtest.h>
#include <rte_thash.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

namespace iris::source {
namespace {

using parsers::packet::Decoded;

Decoded random_tuple(std::mt19937& random, IpVersion version) {
  Decoded decoded;
  decoded.version = version;
  for (auto* address : {&decoded.src_ip, &decoded.dst_ip}) {
    for (auto& byte : *address) byte = static_cast<std::uint8_t>(random());
    if (version == IpVersion::V6) continue;
    std::fill_n(address->begin(), 10, 0);
    (*address)[10] = (*address)[11] = 0xff;
  }
  decoded.src_port = static_cast<std::uint16_t>(random());
  decoded.dst_port = static_cast<std::uint16_t>(random());
  return decoded;
}

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// The words that a NIC hashes, in host order, as rte_softrss takes them.
std::vector<std::uint32_t> input(const Decoded& decoded, bool ports) {
  std::vector<std::uint32_t> words;
  for (const auto* address : {&decoded.src_ip, &decoded.dst_ip}) {
    for (std::size_t i = decoded.version == IpVersion::V4 ? 12 : 0; i < 16; i += 4) {
      words.push_back(big_endian(address->data() + i));
    }
  }
  if (ports) words.push_back(std::uint32_t{decoded.src_port} << 16 | decoded.dst_port);
  return words;
}

std::uint32_t reference(const Decoded& decoded, bool ports) {
  std::vector<std::uint32_t> words = input(decoded, ports);
  return rte_softrss(words.data(), static_cast<std::uint32_t>(words.size()), symmetric_rss_key.data());
}

Decoded reversed(Decoded decoded) {
  std::swap(decoded.src_ip, decoded.dst_ip);
  std::swap(decoded.src_port, decoded.dst_port);
  return decoded;
}

class OfVersion : public testing::TestWithParam<IpVersion> {};

TEST_P(OfVersion, HashesAsANicWithTheKeyDoes) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const Decoded tuple = random_tuple(random, GetParam());
    ASSERT_EQ(Owner::hash(tuple), reference(tuple, true));
    ASSERT_EQ(Owner::hash_addresses(tuple), reference(tuple, false));
  }
}

TEST_P(OfVersion, BothDirectionsHaveOneOwner) {
  std::mt19937 random(2);
  for (const std::uint32_t workers : {1U, 2U, 3U, 7U, 16U}) {
    const Owner owner(workers);
    for (int i = 0; i < 2'000; ++i) {
      const Decoded tuple = random_tuple(random, GetParam());
      ASSERT_EQ(owner.of(tuple), owner.of(reversed(tuple)));
      ASSERT_EQ(owner.of_addresses(tuple), owner.of_addresses(reversed(tuple)));
      ASSERT_LT(owner.of(tuple), workers);
    }
  }
}

TEST_P(OfVersion, IsTheEntryOfTheRedirectionTable) {
  std::mt19937 random(3);
  for (const std::uint32_t table : {64U, 128U, 512U}) {
    const Owner owner(3, table);
    for (int i = 0; i < 2'000; ++i) {
      const Decoded tuple = random_tuple(random, GetParam());
      ASSERT_EQ(owner.of(tuple), (reference(tuple, true) & (table - 1)) % 3);
    }
  }
}

TEST_P(OfVersion, SpreadsConnectionsOverAllWorkers) {
  std::mt19937 random(4);
  const Owner owner(4);
  std::map<std::uint32_t, int> shares;
  for (int i = 0; i < 40'000; ++i) ++shares[owner.of(random_tuple(random, GetParam()))];
  for (std::uint32_t worker = 0; worker < 4; ++worker) EXPECT_NEAR(shares[worker], 10'000, 1'000);
}

INSTANTIATE_TEST_SUITE_P(All, OfVersion, testing::Values(IpVersion::V4, IpVersion::V6));

TEST(Owner, IgnoresTheTransport) {  // as RSS does: TCP and UDP of the same ports share a queue
  std::mt19937 random(5);
  Decoded tuple = random_tuple(random, IpVersion::V4);
  const std::uint32_t tcp = Owner::hash(tuple);
  tuple.transport = Transport::Udp;
  EXPECT_EQ(Owner::hash(tuple), tcp);
}

}  // namespace
}  // namespace iris::source
