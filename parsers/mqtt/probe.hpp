// MQTT is told by its first packet: a client's CONNECT, which names the protocol (MQTT 5.0, 3.1.2.1).
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::mqtt {

[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::mqtt
