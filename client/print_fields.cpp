// `irisctl fields`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "client/print.hpp"
#include "client/text.hpp"

namespace iris::client {
namespace {

using nlohmann::ordered_json;
using Protocol = v1::FieldsResponse::Protocol;

// "tls (on tcp; callbacks take const iris::TlsHandshake&), from L7OnDisc on"
std::string heading(const Protocol& protocol) {
  std::string about = protocol.implies().empty() ? "" : "on " + protocol.implies();
  if (!protocol.session_type().empty()) {
    about += fmt::format("{}callbacks take const {}&", about.empty() ? "" : "; ", protocol.session_type());
  }
  return fmt::format("{}{}, from {} on\n", protocol.name(), about.empty() ? "" : " (" + about + ")", protocol.ready());
}

}  // namespace

std::string fields_text(const v1::FieldsResponse& fields) {
  std::string text;
  for (const Protocol& protocol : fields.protocols()) {
    text += (text.empty() ? "" : "\n") + heading(protocol);
    std::vector<Row> rows;
    for (const auto& field : protocol.fields()) {
      rows.push_back({"  " + protocol.name() + "." + field.name(), field.type(), field.ready(), field.doc()});
    }
    if (!rows.empty()) text += table(rows);
  }
  return text;
}

std::string fields_json(const v1::FieldsResponse& fields) {
  std::string text;
  for (const Protocol& protocol : fields.protocols()) {
    ordered_json list = ordered_json::array();
    for (const auto& field : protocol.fields()) {
      list.push_back({{"name", field.name()}, {"type", field.type()}, {"ready", field.ready()}, {"doc", field.doc()}});
    }
    text += line({{"protocol", protocol.name()},
                  {"implies", protocol.implies()},
                  {"session_type", protocol.session_type()},
                  {"ready", protocol.ready()},
                  {"fields", std::move(list)}});
  }
  return text;
}

}  // namespace iris::client
