// MQTT control packets (MQTT 5.0, 2 and 3; MQTT 3.1.1 has the same without properties).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <iris/protocols/mqtt.hpp>

#include "parsers/api.hpp"

namespace iris::parsers::mqtt {

using Bytes = std::span<const std::uint8_t>;

enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
};

// The first byte and the length behind it, one to four bytes of seven bits, lowest first (1.5.5, 2.1).
struct FixedHeader {
  std::uint8_t first = 0;
  std::uint32_t length = 0;  // of what follows the header

  [[nodiscard]] PacketType type() const { return static_cast<PacketType>(first >> 4U); }
  [[nodiscard]] std::uint8_t flags() const { return first & 0x0fU; }
};

// Feeds one byte of a fixed header after the other.
class FixedHeaderReader {
 public:
  enum class Outcome : std::uint8_t { more, complete, malformed };

  [[nodiscard]] Outcome take(std::uint8_t byte) noexcept;
  [[nodiscard]] const FixedHeader& header() const noexcept { return header_; }

 private:
  FixedHeader header_;
  std::uint8_t taken_ = 0;
};

inline constexpr std::size_t payload_kept = 1024;

// Whether `type` begins an exchange, and what acknowledges it.
[[nodiscard]] bool is_request(PacketType type) noexcept;

// A request: false when it is malformed. `body` is what follows the fixed header, or as much of it as is kept: of
// header.length bytes. `version` is the connection's; a CONNECT sets it. Text refers to `body`, lists lie in `memory`.
[[nodiscard]] bool read_request(const FixedHeader& header, Bytes body, std::uint8_t& version, Arena& memory,
                                MqttExchange::Layout& request) noexcept;

// What a packet acknowledges, and how.
struct Acknowledgement {
  MqttKind kind = MqttKind::connect;
  std::optional<std::uint16_t> packet_id{};  // none: of CONNECT
  std::optional<std::uint8_t> reason{};
  bool session_present = false;
  bool last = true;  // false: others follow unless `reason` is a failure
};

// nullopt: it acknowledges nothing, or is malformed.
[[nodiscard]] std::optional<Acknowledgement> read_acknowledgement(const FixedHeader& header, Bytes body,
                                                                  std::uint8_t version) noexcept;

}  // namespace iris::parsers::mqtt
