// An exchange as text: everything that it refers to is read.
#pragma once

#include <iris/protocols/mqtt.hpp>

#include <string>

namespace iris::parsers::test {

// "publish a/b qos1 #7 'hello' 5 -> 0 rtt"
inline std::string describe(const MqttExchange& mqtt) {
  std::string text = std::string(mqtt.from_client() ? "" : "broker ") + std::string(mqtt.kind_name());
  if (mqtt.version()) {
    text += " " + std::string(mqtt.protocol_name()) + " " + std::to_string(*mqtt.version()) + " id '" +
            std::string(mqtt.client_id()) + "' keep " + std::to_string(mqtt.keep_alive().value_or(0));
  }
  if (mqtt.username().data() != nullptr) text += " user " + std::string(mqtt.username());
  if (mqtt.will_topic().data() != nullptr) text += " will " + std::string(mqtt.will_topic());
  for (const std::string_view topic : mqtt.topics()) text += " <" + std::string(topic) + ">";
  if (mqtt.topics().empty() && mqtt.topic().data() != nullptr) text += " " + std::string(mqtt.topic());
  if (mqtt.qos()) text += " qos" + std::to_string(*mqtt.qos());
  if (mqtt.packet_id()) text += " #" + std::to_string(*mqtt.packet_id());
  if (mqtt.payload().data() != nullptr) {
    const std::string payload(mqtt.payload());
    text += " '" + (payload.size() > 32 ? std::to_string(payload.size()) : payload) + "' " +
            std::to_string(mqtt.payload_length());
  }
  if (mqtt.clean()) text += " clean";
  if (mqtt.retain()) text += " retain";
  if (mqtt.duplicate()) text += " duplicate";
  if (mqtt.acknowledged()) text += " ->";
  if (mqtt.reason()) text += " " + std::to_string(*mqtt.reason());
  if (mqtt.session_present()) text += " present";
  if (mqtt.rtt()) text += " rtt";
  return text;
}

}  // namespace iris::parsers::test
