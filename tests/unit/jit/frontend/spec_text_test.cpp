#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "jit/frontend/spec.hpp"

namespace iris::frontend {
namespace {

using nlohmann::json;

abi::Value value(std::string name, abi::ValueKind kind, std::uint32_t offset, std::uint32_t size) {
  abi::Value made;
  made.name = std::move(name);
  made.kind = kind;
  made.offset = offset;
  made.size = size;
  return made;
}

// Something of everything.
Spec full() {
  using enum abi::ValueKind;
  Spec spec;
  Callback plain{.name = "a::f", .filter = "tls.sni = '\"ü'", .where = {3, 4}, .state = {}, .functions = {}};
  plain.functions.push_back(
      {"a::f", {3, 4}, std::nullopt, {{DataType::session, "tls"}, {DataType::five_tuple, {}}}, "iris_thunk_0"});
  Callback state{.name = "S", .filter = "tcp", .where = {9, 8}, .state = State{24, 8, "c", "d"}, .functions = {}};
  state.functions.push_back({"update", {10, 1}, Event::InL4Conn, {{DataType::l4_pdu, {}}}, "iris_thunk_3"});
  state.functions.push_back({"end", {11, 1}, Event::L4Terminated, {{DataType::conn_record, {}}}, "iris_thunk_4"});
  Callback packets{.name = "p", .filter = "icmp", .where = {12, 1}, .state = {}, .functions = {}};
  packets.functions.push_back({"p", {12, 1}, Event::Packet, {{DataType::frame, {}}}, "iris_thunk_5"});
  spec.callbacks = {plain, state, packets};
  UserFilter of_sessions{.name = "long_name", .where = {14, 1}, .state = {}, .functions = {}};
  of_sessions.functions.push_back(
      {"long_name", {14, 1}, Event::L7EndHdrs, {{DataType::session, "tls"}}, "iris_thunk_6"});
  UserFilter of_connections{.name = "chatty", .where = {15, 1}, .state = State{8, 8, "c", "d"}, .functions = {}};
  of_connections.functions.push_back({"update", {16, 1}, Event::InL4Conn, {{DataType::l4_pdu, {}}}, "iris_thunk_7"});
  of_connections.functions.push_back(
      {"end", {17, 1}, Event::L7EndSession, {{DataType::session, "dns"}}, "iris_thunk_8"});
  spec.filters = {of_sessions, of_connections};

  auto layout = value("", structure, 0, 64);
  auto optional_number = value("maybe", optional, 0, 16);
  optional_number.flag_offset = 8;
  optional_number.members.push_back(value("", unsigned_integer, 0, 8));
  auto list = value("list", vector, 16, 24);
  list.members.push_back(value("", text, 0, 32));
  auto color = value("color", enumeration, 40, 1);
  color.enumerators = {{-1, "none"}, {1, "red"}};
  auto pair = value("pair", array, 44, 8);
  pair.count = 2;
  pair.members.push_back(value("", floating, 0, 4));
  layout.members = {optional_number, list, color, pair};
  spec.rows = {{"Row", layout}};
  spec.init_symbol = "iris_init";
  return spec;
}

TEST(SpecText, ComesBackAsItWent) {
  for (const auto& spec : {Spec{}, full()}) {
    const auto back = from_text(to_text(spec));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, spec);
  }
}

void expect_refused(const std::string& what, const std::function<void(json&)>& change) {
  auto text = json::parse(to_text(full()));
  change(text);
  const auto result = from_text(text.dump());
  EXPECT_FALSE(result.has_value()) << what;
}

TEST(SpecText, RefusesTextThatIsNoSpec) {
  for (const std::string text : {"", "{", "null", "[]", "{}", "{\"callbacks\":[],\"init\":\"\"}"}) {
    EXPECT_FALSE(from_text(text).has_value()) << text;
  }
  EXPECT_FALSE(from_text(" " + to_text(full())).has_value());
  EXPECT_FALSE(from_text(to_text(full()) + "\n").has_value());
  EXPECT_FALSE(from_text(std::string(1'000'000, '[')).has_value());
  const auto text = to_text(full());
  for (std::size_t length = 0; length < text.size(); length += 7) {
    EXPECT_FALSE(from_text(text.substr(0, length)).has_value());
  }
}

TEST(SpecText, RefusesWrongTypesAndRanges) {
  expect_refused("unknown member", [](json& s) { s["more"] = 1; });
  expect_refused("name", [](json& s) { s["callbacks"][0]["name"] = 1; });
  expect_refused("line", [](json& s) { s["callbacks"][0]["where"] = {-1, 1}; });
  expect_refused("column", [](json& s) { s["callbacks"][0]["where"] = {1, 1ULL << 32}; });
  expect_refused("fraction", [](json& s) { s["callbacks"][0]["where"] = {1.5, 1}; });
  expect_refused("event", [](json& s) { s["callbacks"][0]["functions"][0]["event"] = event_count; });
  expect_refused("data type", [](json& s) { s["callbacks"][0]["functions"][0]["parameters"][1][0] = 9; });
  expect_refused("session without protocol",
                 [](json& s) { s["callbacks"][0]["functions"][0]["parameters"][0][1] = ""; });
  expect_refused("no symbol", [](json& s) { s["callbacks"][0]["functions"][0]["symbol"] = ""; });
  expect_refused("connection's data at Packet",
                 [](json& s) { s["callbacks"][0]["functions"][0]["event"] = static_cast<int>(Event::Packet); });
  expect_refused("frame elsewhere", [](json& s) { s["callbacks"][2]["functions"][0]["event"] = 2; });
  expect_refused("frame at a match", [](json& s) { s["callbacks"][2]["functions"][0]["event"] = nullptr; });
  expect_refused("state at Packet", [](json& s) { s["callbacks"][2]["state"] = s["callbacks"][1]["state"]; });
  expect_refused("filter without event", [](json& s) { s["filters"][0]["functions"][0]["event"] = nullptr; });
  expect_refused("filter of packets", [](json& s) {
    s["filters"][1]["functions"][0]["event"] = static_cast<int>(Event::Packet);
    s["filters"][1]["functions"][0]["parameters"] = json::array();
  });
  expect_refused("filter of sessions later",
                 [](json& s) { s["filters"][0]["functions"][0]["event"] = static_cast<int>(Event::L7EndSession); });
  expect_refused("filter without function", [](json& s) { s["filters"][1]["functions"] = json::array(); });
  expect_refused("plain filter of two functions",
                 [](json& s) { s["filters"][0]["functions"].push_back(s["filters"][0]["functions"][0]); });
  expect_refused("plain callback without function", [](json& s) { s["callbacks"][0]["functions"] = json::array(); });
  expect_refused("state without function", [](json& s) { s["callbacks"][1]["functions"] = json::array(); });
  expect_refused("alignment", [](json& s) { s["callbacks"][1]["state"]["alignment"] = 3; });
  expect_refused("alignment", [](json& s) { s["callbacks"][1]["state"]["alignment"] = 0; });
}

// A layout is what the daemon reads memory by.
TEST(SpecText, RefusesLayoutsThatReachBeyondThemselves) {
  const auto change = [](const std::string& what, const std::function<void(json&)>& edit) {
    expect_refused(what, [&](json& s) { edit(s["rows"][0]["layout"]); });
  };
  change("kind", [](json& v) { v["kind"] = 17; });
  change("row that is no struct", [](json& v) { v["kind"] = 1; });
  change("member outside", [](json& v) { v["members"][0]["offset"] = 60; });
  change("member beyond", [](json& v) { v["members"][0]["offset"] = 0xffffffffU; });
  change("flag outside", [](json& v) { v["members"][0]["flag_offset"] = 16; });
  change("optional without element", [](json& v) { v["members"][0]["members"] = json::array(); });
  change("element larger than optional", [](json& v) { v["members"][0]["size"] = 4; });
  change("size of an integer", [](json& v) { v["members"][0]["members"][0]["size"] = 3; });
  change("size of a vector", [](json& v) { v["members"][1]["size"] = 16; });
  change("size of a text", [](json& v) { v["members"][1]["members"][0]["size"] = 8; });
  change("element elsewhere", [](json& v) { v["members"][1]["members"][0]["offset"] = 8; });
  change("array's count", [](json& v) { v["members"][3]["count"] = 3; });
  change("enumerator", [](json& v) { v["members"][2]["enumerators"][0] = json::array({"x", "y"}); });
}

TEST(SpecText, RefusesNestingWithoutEnd) {
  expect_refused("depth", [](json& s) {
    auto inner = s["rows"][0]["layout"];
    for (int i = 0; i < 100; ++i) {
      auto outer = s["rows"][0]["layout"];
      outer["members"] = json::array({inner});
      inner = outer;
    }
    s["rows"][0]["layout"] = inner;
  });
}

}  // namespace
}  // namespace iris::frontend
