// Spec <-> JSON. The reader trusts nothing: the text comes from the process that ran the user's source through Clang.
// Reading checks every type and range, then writes the result again: what differs was not written by to_text.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

#include <nlohmann/json.hpp>

#include <iris/net.hpp>
#include <iris/time.hpp>

#include "jit/frontend/spec.hpp"

namespace iris::frontend {
namespace {

using Json = nlohmann::json;

constexpr int max_depth = 32;  // of nested values

// ---- writing --------------------------------------------------------------------------------------------------

Json write(const abi::Value& value) {
  Json members = Json::array();
  for (const auto& member : value.members) members.push_back(write(member));
  Json enumerators = Json::array();
  for (const auto& [number, name] : value.enumerators) enumerators.push_back(Json::array({number, name}));
  return {{"name", value.name},     {"kind", static_cast<unsigned>(value.kind)},
          {"offset", value.offset}, {"size", value.size},
          {"count", value.count},   {"flag_offset", value.flag_offset},
          {"members", members},     {"enumerators", enumerators}};
}

Json write(const Location& where) { return Json::array({where.line, where.column}); }

Json write(const Function& function) {
  Json parameters = Json::array();
  for (const auto& parameter : function.parameters) {
    parameters.push_back(Json::array({abi::info_of(parameter.type).name, parameter.protocol, parameter.argument}));
  }
  return {{"name", function.name},
          {"where", write(function.where)},
          {"event", function.event ? Json(static_cast<unsigned>(*function.event)) : Json(nullptr)},
          {"parameters", parameters},
          {"symbol", function.symbol}};
}

Json write(const std::optional<State>& state) {
  if (!state) return nullptr;
  return {{"size", state->size},
          {"alignment", state->alignment},
          {"construct", state->construct_symbol},
          {"destroy", state->destroy_symbol}};
}

Json write(const Callback& callback);
Json write(const UserFilter& filter);
Json write(const abi::Row& row);

template <class T>
Json write(const std::vector<T>& elements) {
  Json list = Json::array();
  for (const auto& element : elements) list.push_back(write(element));
  return list;
}

Json write(const Callback& callback) {
  return {{"name", callback.name},
          {"filter", callback.filter},
          {"where", write(callback.where)},
          {"state", write(callback.state)},
          {"functions", write(callback.functions)}};
}

Json write(const UserFilter& filter) {
  return {{"name", filter.name},
          {"where", write(filter.where)},
          {"state", write(filter.state)},
          {"functions", write(filter.functions)}};
}

Json write(const abi::Row& row) { return {{"name", row.name}, {"layout", write(row.layout)}}; }

// ---- reading --------------------------------------------------------------------------------------------------

bool read(const Json& json, std::string& out) {
  if (!json.is_string()) return false;
  out = json.get_ref<const std::string&>();
  return true;
}

bool read(const Json& json, std::uint32_t& out) {
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) return false;
  out = json.get<std::uint32_t>();
  return true;
}

// An enumerator, given as its number; `last` is the greatest one.
template <class Enum>
bool read_enumerator(const Json& json, Enum last, Enum& out) {
  std::uint32_t number = 0;
  if (!read(json, number) || number > static_cast<std::uint32_t>(last)) return false;
  out = static_cast<Enum>(number);
  return true;
}

bool read(const Json& json, Location& out) {
  return json.is_array() && json.size() == 2 && read(json[0], out.line) && read(json[1], out.column);
}

// A data type, by name; sessions' is empty.
bool read(const Json& json, DataType& out) {
  std::string name;
  if (!read(json, name)) return false;
  const auto found = std::ranges::find(abi::data_types(), name, &abi::DataTypeInfo::name);
  if (found == abi::data_types().end()) return false;
  out = found->type;
  return true;
}

bool read(const Json& json, Parameter& out) {
  if (!json.is_array() || json.size() != 3 || !read(json[0], out.type) || !read(json[1], out.protocol) ||
      !read(json[2], out.argument)) {
    return false;
  }
  const std::uint32_t most = abi::info_of(out.type).max_argument;
  return (out.type == DataType::session) != out.protocol.empty() && (out.argument != 0) == (most != 0) &&
         out.argument <= most;
}

bool read(const Json& json, std::optional<Event>& out);
bool read(const Json& json, std::optional<State>& out);
bool read(const Json& json, Function& out);
bool read(const Json& json, Callback& out);
bool read(const Json& json, UserFilter& out);
bool read(const Json& json, abi::Row& out);
template <class T>
bool read(const Json& json, std::vector<T>& out);

// Member `key` of an object.
template <class T>
bool read_member(const Json& object, const char* key, T& out) {
  const auto found = object.find(key);
  return found != object.end() && read(*found, out);
}

template <class T>
bool read(const Json& json, std::vector<T>& out) {
  if (!json.is_array()) return false;
  for (const auto& element : json) {
    if (!read(element, out.emplace_back())) return false;
  }
  return true;
}

bool read(const Json& json, std::optional<Event>& out) {
  if (json.is_null()) return true;
  return read_enumerator(json, static_cast<Event>(event_count - 1), out.emplace());
}

bool read(const Json& json, std::optional<State>& out) {
  if (json.is_null()) return true;
  auto& state = out.emplace();
  return json.is_object() && read_member(json, "size", state.size) && read_member(json, "alignment", state.alignment) &&
         read_member(json, "construct", state.construct_symbol) && read_member(json, "destroy", state.destroy_symbol) &&
         state.size > 0 && state.alignment > 0 && (state.alignment & (state.alignment - 1)) == 0;
}

// Packets by themselves and connections have nothing in common that a function could take.
bool consistent(const Function& function) {
  const bool at_packet = function.event == Event::Packet;
  return std::ranges::all_of(function.parameters, [&](const Parameter& parameter) {
    return (parameter.type == DataType::frame) == at_packet;
  });
}

bool read(const Json& json, Function& out) {
  return json.is_object() && read_member(json, "name", out.name) && read_member(json, "where", out.where) &&
         read_member(json, "event", out.event) && read_member(json, "parameters", out.parameters) &&
         read_member(json, "symbol", out.symbol) && !out.symbol.empty() && consistent(out);
}

// An object belongs to a connection.
bool consistent(const Callback& callback) {
  if (!callback.state) return callback.functions.size() == 1;
  return !callback.functions.empty() && std::ranges::none_of(callback.functions, [](const Function& function) {
    return function.event == Event::Packet;
  });
}

bool read(const Json& json, Callback& out) {
  return json.is_object() && read_member(json, "name", out.name) && read_member(json, "filter", out.filter) &&
         read_member(json, "where", out.where) && read_member(json, "state", out.state) &&
         read_member(json, "functions", out.functions) && consistent(out);
}

// It is asked at events of connections; a plain one about sessions, when their headers are parsed.
bool consistent(const UserFilter& filter) {
  if (filter.functions.empty() || (!filter.state && filter.functions.size() != 1)) return false;
  return std::ranges::all_of(filter.functions, [&](const Function& function) {
    const bool of_sessions = !filter.state && !sessions_of(function).empty();
    return function.event && *function.event != Event::Packet && (!of_sessions || *function.event == Event::L7EndHdrs);
  });
}

bool read(const Json& json, UserFilter& out) {
  return json.is_object() && read_member(json, "name", out.name) && read_member(json, "where", out.where) &&
         read_member(json, "state", out.state) && read_member(json, "functions", out.functions) && consistent(out);
}

bool read_enumerators(const Json& json, std::map<std::int64_t, std::string>& out) {
  if (!json.is_array()) return false;
  for (const auto& pair : json) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer()) return false;
    if (!read(pair[1], out[pair[0].get<std::int64_t>()])) return false;
  }
  return true;
}

// ---- layouts --------------------------------------------------------------------------------------------------

constexpr bool is_word(std::uint32_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

bool consistent_element(const abi::Value& value, std::uint32_t space) {
  return value.members.size() == 1 && value.element().offset == 0 && value.element().size > 0 &&
         value.element().size <= space;
}

// Whether reading `value` as its kind says stays inside its `size` bytes.
bool consistent(const abi::Value& value) {
  constexpr std::uint32_t anything = std::numeric_limits<std::uint32_t>::max();
  using enum abi::ValueKind;
  switch (value.kind) {
    case boolean:
    case character:
      return value.size == 1;
    case unsigned_integer:
    case signed_integer:
    case enumeration:
      return is_word(value.size);
    case floating:
      return value.size == 4 || value.size == 8;
    case text_view:
      return value.size == sizeof(std::string_view);
    case text:
      return value.size == sizeof(std::string);
    case ip_address:
      return value.size == sizeof(IpAddress);
    case subnet:
      return value.size == sizeof(Subnet);
    case timestamp:
      return value.size == sizeof(Timestamp);
    case duration:
      return value.size == sizeof(Duration);
    case structure:
      for (const auto& member : value.members) {
        if (member.offset > value.size || member.size > value.size - member.offset) return false;
      }
      return true;
    case optional:
      return consistent_element(value, value.size) && value.flag_offset < value.size;
    case array:
      return consistent_element(value, anything) &&
             std::uint64_t{value.count} * value.element().size == std::uint64_t{value.size};
    case span:
      return value.size == 2 * sizeof(void*) && consistent_element(value, anything);
    case vector:
      return value.size == 3 * sizeof(void*) && consistent_element(value, anything);
  }
  return false;
}

bool read_value(const Json& json, int depth, abi::Value& out) {
  if (depth > max_depth || !json.is_object()) return false;
  const auto kind = json.find("kind");
  const auto members = json.find("members");
  const auto enumerators = json.find("enumerators");
  if (kind == json.end() || members == json.end() || !members->is_array() || enumerators == json.end()) return false;
  for (const auto& member : *members) {
    if (!read_value(member, depth + 1, out.members.emplace_back())) return false;
  }
  return read_enumerator(*kind, abi::ValueKind::vector, out.kind) && read_member(json, "name", out.name) &&
         read_member(json, "offset", out.offset) && read_member(json, "size", out.size) &&
         read_member(json, "count", out.count) && read_member(json, "flag_offset", out.flag_offset) &&
         read_enumerators(*enumerators, out.enumerators) && consistent(out);
}

bool read(const Json& json, abi::Row& out) {
  if (!json.is_object() || !read_member(json, "name", out.name)) return false;
  const auto layout = json.find("layout");
  return layout != json.end() && read_value(*layout, 0, out.layout) && out.layout.kind == abi::ValueKind::structure;
}

}  // namespace

std::string sessions_of(const Function& function) {
  const auto found = std::ranges::find(function.parameters, DataType::session, &Parameter::type);
  return found == function.parameters.end() ? std::string() : found->protocol;
}

std::string to_text(const Spec& spec) {
  return Json{{"callbacks", write(spec.callbacks)},
              {"filters", write(spec.filters)},
              {"rows", write(spec.rows)},
              {"init", spec.init_symbol}}
      .dump();
}

Result<Spec> from_text(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  Spec spec;
  if (!json.is_object() || !read_member(json, "callbacks", spec.callbacks) ||
      !read_member(json, "filters", spec.filters) || !read_member(json, "rows", spec.rows) ||
      !read_member(json, "init", spec.init_symbol) || to_text(spec) != text) {
    return fail(ErrorCode::internal, "the compiler process sent a malformed description of the source");
  }
  return spec;
}

}  // namespace iris::frontend
