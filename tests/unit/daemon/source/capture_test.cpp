// Captures as a source: what is read, in what time, and what is said of files that cannot be.
#include "daemon/source/capture.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>

#include "tests/unit/daemon/source/captures.hpp"

namespace iris::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t second = 1'000'000'000;

// A packet as the test keeps it after its release.
struct Seen {
  std::string bytes;
  std::uint32_t wire_length = 0;
  std::uint64_t ts = 0;
  bool operator==(const Seen&) const = default;
};
void PrintTo(const Seen& seen, std::ostream* stream) {
  *stream << seen.bytes.size() << " bytes '" << seen.bytes.substr(0, 20) << "' of " << seen.wire_length << " at "
          << seen.ts;
}

std::string text_of(const PacketRef& packet) { return {reinterpret_cast<const char*>(packet.data), packet.length}; }

std::vector<Seen> all(CaptureSource& source, std::size_t burst_size = 4) {
  std::vector<Seen> seen;
  std::vector<PacketRef> burst(burst_size);
  while (!source.exhausted()) {
    const std::span<const PacketRef> received(burst.data(), source.receive(burst));
    for (const PacketRef& packet : received) {
      seen.push_back({text_of(packet), packet.wire_length, packet.ts.nanoseconds});
    }
    if (!received.empty()) EXPECT_EQ(source.now(), received.back().ts);
    source.release(received);
  }
  return seen;
}

class Capture : public Folder {
 protected:
  static std::unique_ptr<CaptureSource> opened(std::vector<std::filesystem::path> files) {
    Result<std::unique_ptr<CaptureSource>> source = CaptureSource::open(std::move(files));
    if (!source) ADD_FAILURE() << source.error().message;
    return source ? *std::move(source) : nullptr;
  }
  static Error refused(std::vector<std::filesystem::path> files) {
    Result<std::unique_ptr<CaptureSource>> source = CaptureSource::open(std::move(files));
    return source ? Error{ErrorCode::internal, "accepted"} : source.error();
  }
};

TEST_F(Capture, PcapWithNanoseconds) {
  const auto source = opened({write("a.pcap", Pcap().packet(10, 999'999'999, "one").packet(11, 1, "second").text())});
  EXPECT_EQ(source->now().nanoseconds, 0u);
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, 10 * second + 999'999'999}, Seen{"second", 6, 11 * second + 1}));
  EXPECT_FALSE(source->error());
  EXPECT_EQ(source->counters().packets, 2u);
  EXPECT_EQ(source->counters().bytes, 9u);
  EXPECT_EQ(source->counters().missed, 0u);
  EXPECT_EQ(source->in_use(), 0u);
}

TEST_F(Capture, PcapWithMicroseconds) {
  const auto source = opened({write("a.pcap", Pcap(microseconds_magic).packet(10, 999'999, "one").text())});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, 10 * second + 999'999'000}));
}

TEST_F(Capture, PcapNg) {
  const std::uint64_t ts = 1'700'000'000 * second + 123'456'789;
  const auto source = opened({write("a.pcapng", PcapNg().packet(ts, "one").packet(ts + 1, "second").text())});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, ts}, Seen{"second", 6, ts + 1}));
  EXPECT_FALSE(source->error());
}

TEST_F(Capture, PacketsCutShortKeepTheirLengthOnTheWire) {
  const auto source = opened({write("a.pcap", Pcap().packet(1, 0, "cut", 1500).text())});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"cut", 1500, second}));
  EXPECT_EQ(source->counters().bytes, 1500u);
}

TEST_F(Capture, LengthOnTheWireIsNeverLessThanWhatIsThere) {
  const auto source = opened({write("a.pcap", Pcap().packet(1, 0, "longer", 2).text())});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"longer", 6, second}));
}

TEST_F(Capture, SecondsPast2038) {
  const auto source = opened({write("a.pcap", Pcap().packet(0xfffffffe, 5, "x").text())});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"x", 1, 0xfffffffe * second + 5}));
}

TEST_F(Capture, ClockThatStepsBack) {
  const auto source = opened({write("a.pcap", Pcap().packet(9, 0, "x").packet(5, 0, "y").text())});
  EXPECT_THAT(all(*source, 1), ElementsAre(Seen{"x", 1, 9 * second}, Seen{"y", 1, 5 * second}));
  EXPECT_EQ(source->now().nanoseconds, 5 * second);
}

TEST_F(Capture, WithoutPackets) {
  const auto source = opened({write("a.pcap", Pcap().text())});
  EXPECT_FALSE(source->exhausted());
  EXPECT_THAT(all(*source), IsEmpty());
  EXPECT_TRUE(source->exhausted());
  EXPECT_FALSE(source->error());
}

TEST_F(Capture, NoFiles) {
  const auto source = opened({});
  EXPECT_THAT(all(*source), IsEmpty());
  EXPECT_FALSE(source->error());
}

TEST_F(Capture, PacketsOfEverySize) {
  Pcap pcap;
  std::vector<Seen> expected;
  for (std::uint32_t size : {0u, 1u, 60u, 1514u, 1984u, 1985u, 9000u, 16320u, 16321u, 65549u, 262144u}) {
    std::string data(size, 'x');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + size);
    pcap.packet(1, size, data);
    expected.push_back({data, size, second + size});
  }
  EXPECT_EQ(all(*opened({write("a.pcap", pcap.text())}), 3), expected);
}

TEST_F(Capture, SeveralFilesOneAfterTheOther) {
  const auto source =
      opened({write("b.pcapng", PcapNg().packet(7 * second, "late").text()), write("empty.pcap", Pcap().text()),
              write("a.pcap", Pcap().packet(3, 0, "early").packet(4, 0, "next").text())});
  std::vector<PacketRef> burst(8);
  ASSERT_EQ(source->receive(burst), 3u) << "one burst goes on over the ends of files";
  EXPECT_EQ(text_of(burst[0]), "late");
  EXPECT_EQ(text_of(burst[1]), "early");
  EXPECT_EQ(text_of(burst[2]), "next");
  EXPECT_TRUE(source->exhausted());
  EXPECT_EQ(source->receive(burst), 0u);
}

TEST_F(Capture, HeldPacketsStayAsTheyAre) {
  Pcap pcap;
  for (std::uint32_t i = 0; i < 1000; ++i) pcap.packet(i, 0, std::to_string(i));
  const auto source = opened({write("a.pcap", pcap.text())});
  std::vector<PacketRef> burst(16);
  std::vector<PacketRef> held;
  while (const std::size_t count = source->receive(burst)) {
    const std::span<const PacketRef> received(burst.data(), count);
    held.push_back(received[0]);
    source->hold(received[0]);
    source->release(received);
  }
  ASSERT_EQ(held.size(), 63u);
  EXPECT_EQ(source->in_use(), 63u);
  for (std::size_t i = 0; i < held.size(); ++i) EXPECT_EQ(text_of(held[i]), std::to_string(i * 16));
  source->release(held);
  EXPECT_EQ(source->in_use(), 0u);
}

TEST_F(Capture, ComposedPacketsLieAmongTheOthers) {
  const auto source = opened({write("a.pcap", Pcap().packet(1, 0, "x").text())});
  std::vector<PacketRef> packets(1);
  ASSERT_EQ(source->receive(packets), 1u);
  for (const std::uint32_t length : {3u, longest_composed}) {
    const Room room = source->compose(length);
    ASSERT_NE(room.data, nullptr);
    std::memset(room.data, 'y', length);
    packets.push_back({room.data, length, length, {}, room.handle});
  }
  EXPECT_EQ(source->in_use(), 3u);
  EXPECT_EQ(text_of(packets[0]), "x");
  EXPECT_EQ(text_of(packets[1]), "yyy");
  source->hold(packets[1]);
  source->release(packets);
  EXPECT_EQ(source->in_use(), 1u);
  EXPECT_EQ(text_of(packets[1]), "yyy");
  source->release(std::span(packets).subspan(1, 1));
  EXPECT_EQ(source->in_use(), 0u);
  EXPECT_EQ(source->counters().packets, 1u) << "they were not received";
}

TEST_F(Capture, ComposesNothingLongerThanADatagram) {
  const auto source = opened({});
  EXPECT_EQ(source->compose(longest_composed + 1).data, nullptr);
  EXPECT_EQ(source->in_use(), 0u);
}

TEST_F(Capture, EachReferenceIsReleasedByItself) {
  const auto source = opened({write("a.pcap", Pcap().packet(1, 0, "x").text())});
  std::vector<PacketRef> burst(1);
  ASSERT_EQ(source->receive(burst), 1u);
  source->hold(burst[0]);
  source->hold(burst[0]);
  for (std::size_t left : {1u, 1u, 0u}) {
    source->release(burst);
    EXPECT_EQ(source->in_use(), left);
  }
}

TEST_F(Capture, CutOffInAPacket) {
  const auto path = write("cut.pcap", Pcap().packet(1, 0, "one").packet(2, 0, "two").packet(3, 0, "three").cut(2));
  const auto source = opened({path, write("next.pcap", Pcap().packet(9, 0, "not reached").text())});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, 1 * second}, Seen{"two", 3, 2 * second}));
  EXPECT_TRUE(source->exhausted());
  ASSERT_TRUE(source->error());
  EXPECT_EQ(source->error()->code, ErrorCode::invalid);
  EXPECT_THAT(source->error()->message, HasSubstr(path.string() + ": is damaged after 2 packets: truncated"));
  EXPECT_EQ(source->counters().packets, 2u);
}

TEST_F(Capture, CutOffInAPacketsHeader) {
  const auto source = opened({write("cut.pcap", Pcap().packet(1, 0, "one").packet(2, 0, "two").cut(10))});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, 1 * second}));
  ASSERT_TRUE(source->error());
  EXPECT_THAT(source->error()->message, HasSubstr("is damaged after 1 packets: truncated"));
}

TEST_F(Capture, PacketOfImpossibleLength) {
  std::string text = Pcap().packet(1, 0, "one").packet(2, 0, "two").text();
  std::memset(text.data() + 24 + 16 + 3 + 8, 0x7f, 4);  // the second's captured length
  const auto source = opened({write("a.pcap", text)});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, 1 * second}));
  ASSERT_TRUE(source->error());
  EXPECT_THAT(source->error()->message, HasSubstr("is damaged after 1 packets"));
}

TEST_F(Capture, InterfacesOfDifferentLinkTypes) {
  const auto path = write("a.pcapng", PcapNg().packet(1, "one").interface(101).packet(2, "two", 1).text());
  const auto source = opened({path});
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, 1}));
  ASSERT_TRUE(source->error());
  EXPECT_THAT(source->error()->message, HasSubstr("after 1 packets"));
}

TEST_F(Capture, Missing) {
  const Error error = refused({path_ / "none.pcap"});
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_EQ(error.message, (path_ / "none.pcap").string() + ": cannot be opened: No such file or directory");
}

TEST_F(Capture, TheLastOfSeveralMissing) {
  EXPECT_EQ(refused({write("a.pcap", Pcap().packet(1, 0, "x").text()), path_ / "none.pcap"}).code,
            ErrorCode::not_found);
}

TEST_F(Capture, RemovedBeforeItsTurn) {
  const auto second_file = write("b.pcap", Pcap().packet(1, 0, "two").text());
  const auto source = opened({write("a.pcap", Pcap().packet(1, 0, "one").text()), second_file});
  std::filesystem::remove(second_file);
  EXPECT_THAT(all(*source), ElementsAre(Seen{"one", 3, second}));
  ASSERT_TRUE(source->error());
  EXPECT_EQ(source->error()->code, ErrorCode::not_found);
}

TEST_F(Capture, Directory) {
  EXPECT_EQ(refused({path_}).message, path_.string() + ": is a directory; expected a pcap or pcapng file");
}

TEST_F(Capture, Unreadable) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  const auto path = write("a.pcap", Pcap().text());
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const Error error = refused({path});
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_EQ(error.message, path.string() + ": cannot be opened: Permission denied");
}

TEST_F(Capture, EmptyFile) {
  EXPECT_THAT(refused({write("empty", "")}).message, HasSubstr("is not a pcap or pcapng file: truncated"));
}

TEST_F(Capture, Garbage) {
  const Error error = refused({write("garbage", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")});
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_THAT(error.message, HasSubstr("garbage: is not a pcap or pcapng file: unknown file format"));
}

TEST_F(Capture, HeaderOnlyInPart) {
  EXPECT_THAT(refused({write("a.pcap", Pcap().cut(4))}).message, HasSubstr("is not a pcap or pcapng file"));
}

TEST_F(Capture, LinkTypes) {
  using parsers::packet::LinkType;
  // Numbers as files have them: tcpdump.org's list of link types.
  const std::pair<std::uint16_t, LinkType> types[] = {
      {0, LinkType::null_loopback},   {1, LinkType::ethernet},    {9, LinkType::ppp},      {12, LinkType::raw_ip},
      {14, LinkType::raw_ip},         {50, LinkType::ppp},        {51, LinkType::pppoe},   {101, LinkType::raw_ip},
      {108, LinkType::null_loopback}, {113, LinkType::linux_sll}, {228, LinkType::raw_ip}, {229, LinkType::raw_ip},
      {276, LinkType::linux_sll2},
  };
  for (const auto& [number, link] : types) {
    SCOPED_TRACE(number);
    for (const auto& path : {write("a.pcap", Pcap(nanoseconds_magic, number).packet(1, 0, "x").text()),
                             write("a.pcapng", PcapNg(number).packet(1, "x").text())}) {
      const auto source = opened({path});
      ASSERT_TRUE(source);
      std::array<PacketRef, 2> burst;
      ASSERT_EQ(source->receive(burst), 1u);
      EXPECT_EQ(burst[0].link, link);
      source->release(std::span(burst).first(1));
    }
  }
}

TEST_F(Capture, FilesOfDifferentLinkTypesInOneBurst) {
  using parsers::packet::LinkType;
  const auto source = opened({write("a.pcap", Pcap().packet(1, 0, "one").text()),
                              write("b.pcap", Pcap(nanoseconds_magic, 101).packet(2, 0, "two").text())});
  std::array<PacketRef, 4> burst;
  ASSERT_EQ(source->receive(burst), 2u);
  EXPECT_EQ(burst[0].link, LinkType::ethernet);
  EXPECT_EQ(burst[1].link, LinkType::raw_ip);
  source->release(std::span(burst).first(2));
}

TEST_F(Capture, OtherLinkTypesAreNamed) {
  EXPECT_THAT(refused({write("a.pcap", Pcap(nanoseconds_magic, 105).text())}).message,
              HasSubstr("a.pcap: its packets are of link type IEEE802_11 (802.11); Iris reads captures of link types "
                        "EN10MB, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NULL, LOOP, PPP, PPP_SERIAL and PPP_ETHER"));
  EXPECT_THAT(refused({write("b.pcapng", PcapNg(189).packet(1, "x").text())}).message, HasSubstr("USB_LINUX"));
}

}  // namespace
}  // namespace iris::source
