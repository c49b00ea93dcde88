#include "parsers/packet/tcp_options.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace iris::parsers::packet {
namespace {

using Bytes = std::vector<std::uint8_t>;

// In memory of exactly that size, for AddressSanitizer.
TcpOptions parse(const Bytes& bytes) {
  const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
  std::ranges::copy(bytes, exact.get());
  return tcp_options({exact.get(), bytes.size()});
}

TEST(TcpOptions, OfAnOrdinarySyn) {
  const TcpOptions options = parse({2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4, 1, 3, 3, 7});
  EXPECT_EQ(options, (TcpOptions{.mss = 1460,
                                 .window_scale = std::uint8_t{7},
                                 .timestamps = TcpTimestamps{0x102, 0x304},
                                 .sack_permitted = true}));
}

TEST(TcpOptions, Edges) {
  EXPECT_EQ(parse({}), TcpOptions{});
  EXPECT_EQ(parse({1, 1, 1}), TcpOptions{});
  EXPECT_EQ(parse({0, 2, 4, 5, 0xb4}), TcpOptions{}) << "what follows the end is padding";
  EXPECT_EQ(parse({254, 4, 9, 9, 4, 2}), TcpOptions{.sack_permitted = true}) << "unknown options are passed over";
  EXPECT_EQ(parse({3, 3, 200}).window_scale, 14) << "RFC 7323, 2.3";
  EXPECT_EQ(parse({2, 4, 0, 1, 2, 4, 0, 2}).mss, 2) << "the last counts";
}

TEST(TcpOptions, LengthsThatMakeNoSense) {
  for (const Bytes& bytes : {Bytes{2}, Bytes{4, 2, 3, 0}, Bytes{4, 2, 3, 1, 7}, Bytes{4, 2, 2, 4, 5},
                             Bytes{4, 2, 99, 40, 1}, Bytes{4, 2, 8}}) {
    const TcpOptions options = parse(bytes);
    EXPECT_FALSE(options.well_formed);
    EXPECT_EQ(options.sack_permitted, bytes.size() > 1) << "what came before is kept";
  }
  EXPECT_EQ(parse({2, 3, 5, 4, 2}), (TcpOptions{.sack_permitted = true, .well_formed = false}))
      << "an option of the wrong length is passed over";
}

TEST(TcpOptions, OfAWholeHeader) {
  Bytes header(24);
  header[12] = 6 << 4;
  header[20] = 2, header[21] = 4, header[22] = 2, header[23] = 0;
  EXPECT_EQ(tcp_options_of(header).mss, 512);
  header.push_back(4), header.push_back(2);
  EXPECT_FALSE(tcp_options_of(header).sack_permitted) << "payload";
  EXPECT_EQ(tcp_options_of(std::span(header).first(22)), TcpOptions{.well_formed = false}) << "cut off";
  EXPECT_FALSE(tcp_options_of(std::span(header).first(19)).well_formed);
  header[12] = 4 << 4;
  EXPECT_FALSE(tcp_options_of(header).well_formed);
  EXPECT_FALSE(tcp_options_of({}).well_formed);
}

TEST(TcpOptions, AnyBytes) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(random() % 41);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % (random() % 2 != 0 ? 12 : 256));
    static_cast<void>(parse(bytes));
  }
}

}  // namespace
}  // namespace iris::parsers::packet
