#include "parsers/mqtt/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/mqtt.hpp>

#include "parsers/fields.hpp"
#include "parsers/mqtt/parser.hpp"
#include "parsers/mqtt/probe.hpp"

namespace iris::parsers::mqtt {
namespace {

using fields::number;
using fields::optional_number;
using fields::text;
using fields::texts;
using fields::truth;

#define IRIS_MQTT(member) offsetof(MqttExchange, layout) + offsetof(MqttExchange::Layout, member)

constexpr std::array own{
    text("kind", IRIS_MQTT(kind_name), "connect, publish, subscribe, unsubscribe"),
    text("protocol_name", IRIS_MQTT(protocol_name), "of CONNECT: MQTT, MQIsdp"),
    optional_number<std::uint8_t>("version", IRIS_MQTT(version), "of CONNECT: 3 (3.1), 4 (3.1.1), 5"),
    text("client_id", IRIS_MQTT(client_id), "of CONNECT; may be empty"),
    text("username", IRIS_MQTT(username), "of CONNECT"),
    text("will_topic", IRIS_MQTT(will_topic), "of CONNECT"),
    optional_number<std::uint16_t>("keep_alive", IRIS_MQTT(keep_alive), "of CONNECT, in seconds"),
    truth("clean", IRIS_MQTT(clean), "of CONNECT: starts without an earlier session"),
    truth("session_present", IRIS_MQTT(session_present), "the broker has an earlier session"),
    text("topic", IRIS_MQTT(topic), "that is published, or the first that is subscribed to"),
    texts("topics", IRIS_MQTT(topics), "topic filters that are subscribed to, or no longer"),
    text("payload", IRIS_MQTT(payload), "of PUBLISH: its first 1,024 bytes"),
    number<std::uint32_t>("payload_length", IRIS_MQTT(payload_length), "of PUBLISH, in bytes"),
    optional_number<std::uint8_t>("qos", IRIS_MQTT(qos), "0, 1 or 2, of PUBLISH and SUBSCRIBE"),
    truth("retain", IRIS_MQTT(retain), "of PUBLISH"),
    truth("duplicate", IRIS_MQTT(duplicate), "of PUBLISH: sent again"),
    optional_number<std::uint16_t>("packet_id", IRIS_MQTT(packet_id), "where an acknowledgement is due"),
    truth("from_client", IRIS_MQTT(from_client), "the connection's client sent the request"),
    truth("acknowledged", IRIS_MQTT(acknowledged), "the acknowledgement was seen"),
    optional_number<std::uint8_t>("reason", IRIS_MQTT(reason), "return or reason code of the acknowledgement"),
};
#undef IRIS_MQTT
constexpr auto all = fields::with_parts<own>();

}  // namespace

constinit const Protocol protocol{.name = "mqtt",
                                  .fields = all,
                                  .implies = "tcp",
                                  .session_type = "iris::MqttExchange",
                                  .probe = probe,
                                  .create = create};

}  // namespace iris::parsers::mqtt
