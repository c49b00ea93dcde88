#include "tests/oracle/recorded.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include <iris/l4_pdu.hpp>

#include "daemon/source/capture.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::oracle {
namespace {

constexpr std::size_t most_packets = 80;

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(IRIS_TEST_DATA)) {
    if (entry.path().extension() == ".pcap") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

using Address = std::array<std::uint8_t, 16>;
using End = std::pair<Address, std::uint16_t>;
using Ends = std::tuple<Transport, End, End>;

// The conversations of one file, those that begin earlier first. `known_before`: ends of earlier ones.
void read(const std::filesystem::path& file, std::set<Ends>& known_before, std::vector<Recorded>& all) {
  auto capture = source::CaptureSource::open({file});
  if (!capture) throw std::runtime_error(capture.error().message);
  std::map<Ends, std::size_t> known;
  std::vector<Recorded> found;
  std::array<source::PacketRef, 32> burst;
  while (!(*capture)->exhausted()) {
    const auto packets = std::span(burst).first((*capture)->receive(burst));
    for (const source::PacketRef& packet : packets) {
      parsers::packet::Decoded decoded;
      const auto status = parsers::packet::decode({packet.bytes(), packet.wire_length, packet.link}, decoded);
      const bool whole = packet.bytes().size() == packet.wire_length;
      const bool taken = status == parsers::packet::DecodeStatus::ok && whole &&
                         packet.link == parsers::packet::LinkType::ethernet &&
                         (decoded.transport == Transport::Tcp || decoded.transport == Transport::Udp);
      if (!taken) continue;
      const End source{decoded.src_ip, decoded.src_port};
      const End destination{decoded.dst_ip, decoded.dst_port};
      const Ends ends{decoded.transport, std::min(source, destination), std::max(source, destination)};
      const auto [place, is_new] = known.try_emplace(ends, found.size());
      const bool opens = (decoded.flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
      if (is_new) found.emplace_back();
      Recorded& conversation = found[place->second];
      if (decoded.transport == Transport::Tcp && conversation.empty() && !opens) continue;
      conversation.emplace_back(packet.bytes().begin(), packet.bytes().end());
    }
    (*capture)->release(packets);
  }
  std::vector<bool> again(found.size());
  for (const auto& [ends, place] : known) again[place] = !known_before.insert(ends).second;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::size_t packets = found[i].size();
    if (packets != 0 && packets <= most_packets && !again[i]) all.push_back(std::move(found[i]));
  }
}

}  // namespace

std::span<const Recorded> recorded_conversations() {
  static const std::vector<Recorded> all = [] {
    std::vector<Recorded> read_so_far;
    std::set<Ends> known;
    for (const auto& file : files()) read(file, known, read_so_far);
    if (read_so_far.empty()) throw std::runtime_error("no recordings in " IRIS_TEST_DATA);
    return read_so_far;
  }();
  return all;
}

}  // namespace iris::oracle
