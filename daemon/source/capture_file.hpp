// Reading one pcap or pcapng file, packet by packet, as libpcap does it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <iris/time.hpp>

#include "jit/abi/result.hpp"
#include "parsers/packet/link.hpp"

struct pcap;

namespace iris::source {

struct CapturedPacket {
  const std::uint8_t* data = nullptr;  // from the link header on; valid until the next packet is read
  std::uint32_t length = 0;            // at most CaptureFile::longest_packet
  std::uint32_t wire_length = 0;       // not less than `length`
  Timestamp ts;
};

class CaptureFile {
 public:
  static constexpr std::uint32_t longest_packet = 262144;  // libpcap's limit

  // Errors name the file: missing, unreadable, a directory, not a capture, or of a link type that is not read.
  [[nodiscard]] static Result<CaptureFile> open(const std::filesystem::path& path);

  // False at the end. A damaged file is an error, which says after how many packets; nothing more is to be had then.
  [[nodiscard]] Result<bool> next(CapturedPacket& packet);

  [[nodiscard]] parsers::packet::LinkType link() const { return link_; }  // of every packet
  [[nodiscard]] std::uint64_t packets() const { return packets_; }        // read so far

 private:
  struct Close {
    void operator()(pcap* handle) const noexcept;
  };
  CaptureFile(std::filesystem::path path, pcap* handle) : path_(std::move(path)), handle_(handle) {}

  std::filesystem::path path_;
  std::unique_ptr<pcap, Close> handle_;
  parsers::packet::LinkType link_ = parsers::packet::LinkType::ethernet;
  std::uint64_t packets_ = 0;
};

}  // namespace iris::source
