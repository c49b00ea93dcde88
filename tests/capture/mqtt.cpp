// What MQTT clients do: one record a connection, a publication, a subscription.
#include <iris/iris.hpp>

struct Connect {
  iris::Endpoint client;
  std::string_view client_id;
  std::optional<std::uint8_t> version;
  std::optional<std::uint16_t> keep_alive;
  bool clean;
  std::optional<std::string_view> username;
};
struct Publish {
  iris::Endpoint client;
  std::optional<std::uint8_t> qos;
  bool retain;
  std::string_view topic;
  std::uint64_t bytes;
};
struct Subscribe {
  iris::Endpoint client;
  std::string_view topic;
  std::optional<std::uint8_t> qos;
};

IRIS_CALLBACK("mqtt")
IRIS_ON(L7EndSession)
void exchange(const iris::FiveTuple& flow, const iris::MqttExchange& mqtt) {
  const iris::Endpoint client = flow.originator;
  if (!mqtt.from_client()) return;
  if (mqtt.kind_name() == "connect") {
    std::optional<std::string_view> username;
    if (mqtt.username().data() != nullptr) username = mqtt.username();
    iris::emit(Connect{client, mqtt.client_id(), mqtt.version(), mqtt.keep_alive(), mqtt.clean(), username});
  } else if (mqtt.kind_name() == "publish") {
    iris::emit(Publish{client, mqtt.qos(), mqtt.retain(), mqtt.topic(), mqtt.payload_length()});
  } else if (mqtt.kind_name() == "subscribe") {
    for (const std::string_view topic : mqtt.topics()) iris::emit(Subscribe{client, topic, mqtt.qos()});
  }
}
