// MQTT as authors see it (MQTT 3.1, 3.1.1 and 5.0).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <iris/time.hpp>

namespace iris {

enum class MqttKind : std::uint8_t { connect, publish, subscribe, unsubscribe };

// Data type: one request and the packet that acknowledges it: CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE. L7EndHdrs and
// L7EndSession come together: when the acknowledgement was seen, of QoS 2 the last; at once where none is due; without
// it when the connection ended, or when 64 later requests wait as well. Text that is absent has data() == nullptr.
// Valid only during the call.
struct MqttExchange {
  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    std::string_view kind_name;
    std::string_view protocol_name;
    std::string_view client_id;
    std::string_view username;
    std::string_view will_topic;
    std::string_view topic;
    std::span<const std::string_view> topics;
    std::string_view payload;
    std::uint32_t payload_length = 0;
    std::optional<std::uint16_t> keep_alive;
    std::optional<std::uint16_t> packet_id;
    std::optional<std::uint8_t> version;
    std::optional<std::uint8_t> qos;
    std::optional<std::uint8_t> reason;
    std::optional<Duration> rtt;
    MqttKind kind = MqttKind::connect;
    bool from_client = false;
    bool clean = false;
    bool retain = false;
    bool duplicate = false;
    bool acknowledged = false;
    bool session_present = false;
  } layout;

  [[nodiscard]] MqttKind kind() const { return layout.kind; }
  [[nodiscard]] std::string_view kind_name() const { return layout.kind_name; }  // "connect"
  // Whether the connection's client sent the request; brokers publish, too.
  [[nodiscard]] bool from_client() const { return layout.from_client; }

  // CONNECT.
  [[nodiscard]] std::string_view protocol_name() const { return layout.protocol_name; }  // MQTT, MQIsdp
  [[nodiscard]] std::optional<std::uint8_t> version() const { return layout.version; }   // 3 (3.1), 4 (3.1.1), 5
  [[nodiscard]] std::string_view client_id() const { return layout.client_id; }          // may be empty
  [[nodiscard]] std::string_view username() const { return layout.username; }            // passwords are not kept
  [[nodiscard]] std::string_view will_topic() const { return layout.will_topic; }
  [[nodiscard]] std::optional<std::uint16_t> keep_alive() const { return layout.keep_alive; }  // seconds
  [[nodiscard]] bool clean() const { return layout.clean; }                      // starts without an earlier session
  [[nodiscard]] bool session_present() const { return layout.session_present; }  // the broker has an earlier session

  // PUBLISH.
  [[nodiscard]] std::string_view topic() const { return layout.topic; }  // also the first that is subscribed to
  [[nodiscard]] bool retain() const { return layout.retain; }
  [[nodiscard]] bool duplicate() const { return layout.duplicate; }
  // The message's first 1,024 bytes, whatever they are, and how many it has.
  [[nodiscard]] std::string_view payload() const { return layout.payload; }
  [[nodiscard]] std::uint32_t payload_length() const { return layout.payload_length; }

  // SUBSCRIBE and UNSUBSCRIBE: topic filters, wildcards and all.
  [[nodiscard]] std::span<const std::string_view> topics() const { return layout.topics; }

  // Of PUBLISH, and of the first topic that is subscribed to: 0, 1 or 2.
  [[nodiscard]] std::optional<std::uint8_t> qos() const { return layout.qos; }
  [[nodiscard]] std::optional<std::uint16_t> packet_id() const { return layout.packet_id; }
  [[nodiscard]] bool acknowledged() const { return layout.acknowledged; }
  // The acknowledgement's return or reason code, the first one: 0 is success; of SUBSCRIBE the QoS that was granted, or
  // 128 and above.
  [[nodiscard]] std::optional<std::uint8_t> reason() const { return layout.reason; }
  // From request to acknowledgement, as seen at the tap.
  [[nodiscard]] std::optional<Duration> rtt() const { return layout.rtt; }
};

}  // namespace iris
