#include "daemon/control/fields.hpp"

#include <fmt/format.h>

#include <string>

#include "jit/abi/nearest.hpp"

namespace iris::control {
namespace {

using parsers::FieldType;
using parsers::Level;

std::string_view type_name(const parsers::Field& field) {
  switch (field.type) {
    case FieldType::number:
      if (field.notation == parsers::Notation::duration) return "duration";
      if (field.notation == parsers::Notation::mac) return "mac";
      return field.truth ? "truth" : field.list ? "numbers" : "number";
    case FieldType::text:
      return field.list ? "texts" : "text";
    case FieldType::address:
      return "address";
  }
  return {};
}

std::string_view ready_at(Level level, bool of_packets) {
  switch (level) {
    case Level::tuple:
      return name(of_packets ? Event::Packet : Event::L4FirstPacket);
    case Level::protocol:
      return name(Event::L7OnDisc);
    case Level::session:
      return name(Event::L7EndHdrs);
    case Level::stream:
      return name(Event::InL4Conn);
  }
  return {};
}

}  // namespace

Result<std::vector<const parsers::Protocol*>> protocols_named(std::string_view name) {
  std::vector<const parsers::Protocol*> found;
  std::vector<std::string_view> known;
  for (const parsers::Protocol& protocol : parsers::registry()) {
    if (protocol.name.empty()) continue;
    known.push_back(protocol.name);
    if (name.empty() || protocol.name == name) found.push_back(&protocol);
  }
  if (!found.empty()) return found;
  const std::string_view near = nearest(name, known);
  return fail(ErrorCode::not_found,
              fmt::format("no protocol is named '{}'{}; there are {}", name,
                          near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), fmt::join(known, ", ")));
}

void fill(v1::FieldsResponse::Protocol& message, const parsers::Protocol& protocol) {
  const bool of_packets = protocol.occurrence == parsers::Occurrence::packets_only;
  message.set_name(std::string(protocol.name));
  message.set_implies(std::string(protocol.implies));
  message.set_session_type(std::string(protocol.session_type));
  message.set_ready(std::string(ready_at(protocol.is_application() ? Level::protocol : Level::tuple, of_packets)));
  for (const parsers::Field& field : protocol.fields) {
    if (field.part != parsers::Part::value) continue;  // written as a function of one that is listed
    auto& told = *message.add_fields();
    told.set_name(std::string(field.name));
    told.set_type(std::string(type_name(field)));
    told.set_ready(std::string(ready_at(field.level, of_packets)));
    told.set_doc(std::string(field.doc));
  }
}

}  // namespace iris::control
