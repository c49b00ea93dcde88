#include "daemon/source/capture_file.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace iris::source {
namespace {

namespace fs = std::filesystem;
using parsers::packet::LinkType;

constexpr std::size_t read_ahead = 1u << 18;

// libpcap hands on the 32 bits of a pcap file's seconds as a signed number, and a damaged file may hold any. What does
// not fit becomes the last moment that a Timestamp can tell.
Timestamp timestamp_of(const timeval& time) {
  constexpr std::uint64_t second = 1'000'000'000;
  constexpr std::uint64_t last = UINT64_MAX / second - 5;  // the fraction is at most 2^32 ns
  const auto seconds = time.tv_sec < 0 ? std::uint64_t{static_cast<std::uint32_t>(time.tv_sec)}
                                       : static_cast<std::uint64_t>(time.tv_sec);
  return {std::min(seconds, last) * second + static_cast<std::uint32_t>(time.tv_usec)};
}

struct ReadLinkType {
  int type;  // as pcap_datalink() gives it
  LinkType link;
};
// DLT_RAW is 14 on OpenBSD and 12 elsewhere, and in some files its number in files, 101.
constexpr ReadLinkType link_types[] = {
    {DLT_EN10MB, LinkType::ethernet},
    {DLT_RAW, LinkType::raw_ip},
    {14, LinkType::raw_ip},
    {101, LinkType::raw_ip},
    {DLT_IPV4, LinkType::raw_ip},
    {DLT_IPV6, LinkType::raw_ip},
    {DLT_LINUX_SLL, LinkType::linux_sll},
    {DLT_LINUX_SLL2, LinkType::linux_sll2},
    {DLT_NULL, LinkType::null_loopback},
    {DLT_LOOP, LinkType::null_loopback},
    {DLT_PPP, LinkType::ppp},
    {DLT_PPP_SERIAL, LinkType::ppp},
    {DLT_PPP_ETHER, LinkType::pppoe},
};
constexpr const char* read_link_types =
    "EN10MB, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NULL, LOOP, PPP, PPP_SERIAL and PPP_ETHER";

std::string link_type(int type) {
  const char* name = pcap_datalink_val_to_name(type);
  const char* description = pcap_datalink_val_to_description(type);
  if (name == nullptr) return fmt::format("of link type {}", type);
  return fmt::format("of link type {} ({})", name, description != nullptr ? description : "unnamed");
}

}  // namespace

void CaptureFile::Close::operator()(pcap* handle) const noexcept { pcap_close(handle); }

Result<CaptureFile> CaptureFile::open(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return fail(ErrorCode::invalid, fmt::format("{}: is a directory; expected a pcap or pcapng file", path.string()));
  }
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable,
                fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  std::setvbuf(file, nullptr, _IOFBF, read_ahead);
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  pcap_t* handle = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason.data());
  if (handle == nullptr) {
    std::fclose(file);
    return fail(ErrorCode::invalid, fmt::format("{}: is not a pcap or pcapng file: {}", path.string(), reason.data()));
  }
  CaptureFile opened(path, handle);  // closes `file`, too; NOLINT(clang-analyzer-unix.Stream)
  const int type = pcap_datalink(handle);
  const auto* known = std::ranges::find(link_types, type, &ReadLinkType::type);
  if (known == std::ranges::end(link_types)) {
    return fail(ErrorCode::invalid, fmt::format("{}: its packets are {}; Iris reads captures of link types {}",
                                                path.string(), link_type(type), read_link_types));
  }
  opened.link_ = known->link;
  return opened;
}

Result<bool> CaptureFile::next(CapturedPacket& packet) {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int result = pcap_next_ex(handle_.get(), &header, &data);
  if (result == PCAP_ERROR_BREAK) return false;
  if (result != 1 || header->caplen > longest_packet) {
    const std::string reason = result == 1 ? "a packet is longer than any can be" : pcap_geterr(handle_.get());
    return fail(ErrorCode::invalid,
                fmt::format("{}: is damaged after {} packets: {}", path_.string(), packets_, reason));
  }
  ++packets_;
  packet = {data, header->caplen, std::max(header->caplen, header->len), timestamp_of(header->ts)};
  return true;
}

}  // namespace iris::source
