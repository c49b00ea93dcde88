#include "parsers/mqtt/packet.hpp"

#include <algorithm>
#include <new>

#include "parsers/bytes.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::mqtt {
namespace {

constexpr std::uint8_t version_5 = 5;

// ---- pieces -----------------------------------------------------------------------------------------------------

std::string_view take_text(Reader& reader) noexcept {
  const Bytes bytes = reader.vector16();
  return reader.ok() ? as_text(bytes) : std::string_view{};
}

// Properties of version 5 (2.2.2): a length of variable size, then as many bytes. Nothing of earlier versions.
void skip_properties(Reader& reader, std::uint8_t version) noexcept {
  if (version < version_5) return;
  std::size_t length = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    const std::uint8_t byte = reader.u8();
    length |= std::size_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) break;
  }
  reader.take(length);
}

// ---- requests -----------------------------------------------------------------------------------------------------

bool read_connect(Bytes body, std::uint8_t& version, MqttExchange::Layout& request) noexcept {
  constexpr std::uint8_t has_username = 0x80;
  constexpr std::uint8_t has_will = 0x04;
  constexpr std::uint8_t clean = 0x02;
  Reader reader(body);
  request.protocol_name = take_text(reader);
  version = reader.u8();
  request.version = version;
  const std::uint8_t flags = reader.u8();
  request.clean = (flags & clean) != 0;
  request.keep_alive = reader.u16();
  skip_properties(reader, version);
  request.client_id = take_text(reader);
  if (!reader.ok()) return false;
  // What follows is told as far as it goes: a will may be longer than what is kept.
  if ((flags & has_will) != 0) {
    skip_properties(reader, version);
    request.will_topic = take_text(reader);
    reader.vector16();
  }
  if ((flags & has_username) != 0) request.username = take_text(reader);
  return true;
}

bool read_publish(const FixedHeader& header, Bytes body, std::uint8_t version, MqttExchange::Layout& request) noexcept {
  const std::uint8_t flags = header.flags();
  const std::uint8_t qos = (flags >> 1U) & 3U;
  if (qos == 3) return false;
  request.qos = qos;
  request.retain = (flags & 1U) != 0;
  request.duplicate = (flags & 8U) != 0;
  Reader reader(body);
  request.topic = take_text(reader);
  if (qos != 0) request.packet_id = reader.u16();
  skip_properties(reader, version);
  if (!reader.ok()) return false;
  const std::size_t before = body.size() - reader.remaining();
  request.payload_length = header.length - static_cast<std::uint32_t>(before);
  request.payload = as_text(reader.take(std::min(reader.remaining(), payload_kept)));
  return true;
}

// Of subscriptions each topic filter has an option byte behind it, whose lowest bits are the QoS.
bool read_topics(Bytes body, std::uint8_t version, bool options, Arena& memory,
                 MqttExchange::Layout& request) noexcept {
  Reader reader(body);
  request.packet_id = reader.u16();
  skip_properties(reader, version);
  if (!reader.ok()) return false;
  const auto next = [&](Reader& from, std::uint8_t& option) {
    const std::string_view topic = take_text(from);
    option = options ? from.u8() : std::uint8_t{0};
    return topic;
  };
  std::size_t count = 0;
  std::uint8_t option = 0;
  for (Reader counter = reader; !counter.empty(); count += counter.ok() ? 1 : 0) next(counter, option);
  if (count == 0) return false;
  auto* topics =
      static_cast<std::string_view*>(memory.allocate(count * sizeof(std::string_view), alignof(std::string_view)));
  if (topics == nullptr) return false;
  for (std::size_t i = 0; i < count; ++i) {
    new (&topics[i]) std::string_view(next(reader, option));
    if (i == 0 && options) request.qos = option & 3U;
  }
  request.topics = {topics, count};
  request.topic = topics[0];
  return true;
}

// ---- acknowledgements -----------------------------------------------------------------------------------------------

constexpr std::uint8_t first_failure = 0x80;

// PUBACK, PUBREC, PUBCOMP: success need not be said.
Acknowledgement of_publish(Reader reader, bool last) noexcept {
  Acknowledgement found{.kind = MqttKind::publish, .packet_id = reader.u16(), .last = last};
  found.reason = reader.empty() ? std::uint8_t{0} : reader.u8();
  found.last = last || *found.reason >= first_failure;
  return found;
}

}  // namespace

FixedHeaderReader::Outcome FixedHeaderReader::take(std::uint8_t byte) noexcept {
  if (taken_ == 0) {
    header_.first = byte;
    const std::uint8_t type = byte >> 4U;
    ++taken_;
    return type == 0 ? Outcome::malformed : Outcome::more;
  }
  constexpr std::uint8_t most = 4;
  header_.length |= std::uint32_t{byte & 0x7fU} << (7U * (taken_ - 1U));
  if ((byte & 0x80U) == 0) return Outcome::complete;
  return taken_++ == most ? Outcome::malformed : Outcome::more;
}

bool is_request(PacketType type) noexcept {
  return type == PacketType::connect || type == PacketType::publish || type == PacketType::subscribe ||
         type == PacketType::unsubscribe;
}

bool read_request(const FixedHeader& header, Bytes body, std::uint8_t& version, Arena& memory,
                  MqttExchange::Layout& request) noexcept {
  switch (header.type()) {
    case PacketType::connect:
      request.kind = MqttKind::connect;
      request.kind_name = "connect";
      return read_connect(body, version, request);
    case PacketType::publish:
      request.kind = MqttKind::publish;
      request.kind_name = "publish";
      return read_publish(header, body, version, request);
    case PacketType::subscribe:
      request.kind = MqttKind::subscribe;
      request.kind_name = "subscribe";
      return read_topics(body, version, true, memory, request);
    case PacketType::unsubscribe:
      request.kind = MqttKind::unsubscribe;
      request.kind_name = "unsubscribe";
      return read_topics(body, version, false, memory, request);
    default:
      return false;
  }
}

std::optional<Acknowledgement> read_acknowledgement(const FixedHeader& header, Bytes body,
                                                    std::uint8_t version) noexcept {
  Reader reader(body);
  if (body.size() < 2) return std::nullopt;
  switch (header.type()) {
    case PacketType::connack: {
      Acknowledgement found{.kind = MqttKind::connect};
      found.session_present = (reader.u8() & 1U) != 0;
      found.reason = reader.u8();
      return found;
    }
    case PacketType::puback:
    case PacketType::pubcomp:
      return of_publish(reader, true);
    case PacketType::pubrec:
      return of_publish(reader, false);
    case PacketType::suback:
    case PacketType::unsuback: {
      const bool of_subscribe = header.type() == PacketType::suback;
      Acknowledgement found{.kind = of_subscribe ? MqttKind::subscribe : MqttKind::unsubscribe};
      found.packet_id = reader.u16();
      skip_properties(reader, version);
      if (!reader.empty()) found.reason = reader.u8();
      return found;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace iris::parsers::mqtt
