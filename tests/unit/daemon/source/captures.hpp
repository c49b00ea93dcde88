// Capture files for the tests of this folder, written byte by byte, so that damaged ones can be had too.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <iris/time.hpp>

namespace iris::source {

inline constexpr std::uint32_t ethernet = 1;

// Bytes in the making, in host order as captures are.
class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    std::array<char, sizeof(T)> raw{};
    std::memcpy(raw.data(), &value, sizeof(T));
    text_.append(raw.data(), raw.size());
    return *this;
  }
  Bytes& put_bytes(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string cut(std::size_t from_end) const { return text_.substr(0, text_.size() - from_end); }

 private:
  std::string text_;
};

inline constexpr std::uint32_t microseconds_magic = 0xa1b2c3d4;
inline constexpr std::uint32_t nanoseconds_magic = 0xa1b23c4d;

class Pcap {
 public:
  explicit Pcap(std::uint32_t magic = nanoseconds_magic, std::uint32_t link_type = ethernet) {
    bytes_.put(magic).put<std::uint16_t>(2).put<std::uint16_t>(4).put<std::uint64_t>(0);
    bytes_.put<std::uint32_t>(262144).put(link_type);
  }
  // `wire_length` 0: as long as `data`.
  Pcap& packet(std::uint32_t seconds, std::uint32_t fraction, std::string_view data, std::uint32_t wire_length = 0) {
    const auto length = static_cast<std::uint32_t>(data.size());
    bytes_.put(seconds).put(fraction).put(length).put(wire_length == 0 ? length : wire_length).put_bytes(data);
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return bytes_.text(); }
  [[nodiscard]] std::string cut(std::size_t from_end) const { return bytes_.cut(from_end); }

 private:
  Bytes bytes_;
};

// One section and one interface with nanosecond timestamps.
class PcapNg {
 public:
  explicit PcapNg(std::uint16_t link_type = ethernet) {
    bytes_.put<std::uint32_t>(0x0a0d0d0a).put<std::uint32_t>(28).put<std::uint32_t>(0x1a2b3c4d);
    bytes_.put<std::uint16_t>(1).put<std::uint16_t>(0).put<std::int64_t>(-1).put<std::uint32_t>(28);
    interface(link_type);
  }
  PcapNg& interface(std::uint16_t link_type) {
    bytes_.put<std::uint32_t>(1).put<std::uint32_t>(32).put(link_type).put<std::uint16_t>(0).put<std::uint32_t>(0);
    bytes_.put<std::uint16_t>(9).put<std::uint16_t>(1).put<std::uint32_t>(9);  // if_tsresol: 10^-9
    bytes_.put<std::uint32_t>(0).put<std::uint32_t>(32);
    return *this;
  }
  PcapNg& packet(std::uint64_t nanoseconds, std::string_view data, std::uint32_t interface_id = 0) {
    const auto length = static_cast<std::uint32_t>(data.size());
    const std::uint32_t padding = (4 - length % 4) % 4;
    bytes_.put<std::uint32_t>(6).put(32 + length + padding).put(interface_id);
    bytes_.put(static_cast<std::uint32_t>(nanoseconds >> 32)).put(static_cast<std::uint32_t>(nanoseconds));
    bytes_.put(length).put(length).put_bytes(data).put_bytes(std::string(padding, '\0'));
    bytes_.put(32 + length + padding);
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return bytes_.text(); }

 private:
  Bytes bytes_;
};

// A folder that lives as long as the test.
class Folder : public ::testing::Test {
 protected:
  Folder() { std::filesystem::create_directories(path_); }
  ~Folder() override { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path write(std::string_view name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

  const std::filesystem::path path_ =
      std::filesystem::path(::testing::TempDir()) / ("iris-source-" + std::to_string(getpid()));
};

}  // namespace iris::source
