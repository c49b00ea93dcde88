// Fields of MQTT exchanges.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::mqtt {

extern const Protocol protocol;

}  // namespace iris::parsers::mqtt
