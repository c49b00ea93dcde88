// The complete example and the README's table say what the reader of configurations does: every member, its default,
// and what it may be.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"

namespace iris::config {
namespace {

using nlohmann::json;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A document with every object that members can be in.
json all_objects() {
  return {{"eal", json::object()},
          {"ports", {{{"device", "net_null0"}}}},
          {"play", {{"capture", "/a.pcap"}}},
          {"mempool", json::object()},
          {"workers", json::object()},
          {"connections", json::object()},
          {"reassembly", json::object()},
          {"fragments", json::object()},
          {"tunnels", json::object()},
          {"control", {{"socket", "/s"}}},
          {"output", json::object()}};
}

// "ports[].mtu" as "/ports/0/mtu".
json::json_pointer pointer_of(std::string path) {
  path = std::regex_replace(path, std::regex("\\[\\]"), ".0");
  return json::json_pointer("/" + std::regex_replace(path, std::regex("\\."), "/"));
}

std::string faults_of(const json& document) {
  const auto config = parse_config(document.dump(), "f");
  return config ? "" : config.error().message;
}

// What the reader knows in the object at `path`, as it says itself.
std::vector<std::string> known_in(const std::string& path) {
  json document = all_objects();
  json& object = path.empty() ? document : document[pointer_of(path)];
  object["zzzzzzzzzzzzzzzzzzzzzzzz"] = 0;
  const std::string faults = faults_of(document);
  std::smatch match;
  std::vector<std::string> known;
  if (!std::regex_search(faults, match, std::regex("known are ([a-z_, ]+)"))) return known;
  const std::string names = match[1];
  const std::regex name("[a-z_]+");
  for (std::sregex_iterator it(names.begin(), names.end(), name), end; it != end; ++it) known.push_back(it->str());
  return known;
}

std::set<std::string> all_members() {
  std::set<std::string> members;
  for (const std::string& top : known_in("")) {
    const std::string object = top == "ports" ? "ports[]" : top;
    for (const std::string& name : known_in(object)) members.insert(object + "." + name);
  }
  return members;
}

struct Row {
  std::string standard;  // as JSON, or "required"
  std::string values;
};

// | `connections.capacity` | `1048576` | a whole number from 1024 to 134217728 | … |
std::map<std::string, Row> table() {
  std::map<std::string, Row> rows;
  const std::string text = read(IRIS_README);
  const std::regex row(R"(\n\| `([a-z_]+(?:\[\])?\.[a-z_]+)` \| `?([^|]*?)`? \| ([^|]+) \|(?=[^\n]+\|))");
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) {
    rows[it->str(1)] = {it->str(2), it->str(3)};
  }
  return rows;
}

TEST(CompleteExample, HasEveryMemberAtItsDefault) {
  const std::filesystem::path path = std::filesystem::path(IRIS_EXAMPLE_CONFIGS) / "complete.json";
  const json example = json::parse(read(path), nullptr, true, true);
  for (const std::string& member : all_members()) {
    if (member.starts_with("ports[]") || member.starts_with("play")) continue;  // there are none by default
    EXPECT_TRUE(example.contains(pointer_of(member))) << member;
  }
  const auto read_example = load_config(path);
  ASSERT_TRUE(read_example) << read_example.error().message;
  Config defaults = parse_config("{}", path, Use::replay).value();
  defaults.control.socket = "/run/iris/control.sock";  // root's
  EXPECT_EQ(*read_example, defaults);
}

TEST(ReadmeTable, HasEveryMember) {
  std::set<std::string> told;
  for (const auto& [member, row] : table()) told.insert(member);
  EXPECT_GT(told.size(), 40U);
  EXPECT_EQ(told, all_members());
}

TEST(ReadmeTable, DefaultsAreTrue) {
  for (const auto& [member, row] : table()) {
    if (row.standard == "required") continue;
    if (member == "control.socket") continue;  // depends on who runs it: see the example
    json without = all_objects();
    json with = without;
    with[pointer_of(member)] = json::parse(row.standard, nullptr, false);
    const auto expected = parse_config(without.dump(), "/f");
    const auto found = parse_config(with.dump(), "/f");
    ASSERT_TRUE(expected) << expected.error().message;
    ASSERT_TRUE(found) << member << " = " << row.standard << ": " << found.error().message;
    EXPECT_EQ(*found, *expected) << member;
  }
}

TEST(ReadmeTable, ValuesAreTrue) {
  for (const auto& [member, row] : table()) {
    json document = all_objects();
    document[pointer_of(member)] = json::object();
    const std::string path = std::regex_replace(member, std::regex("\\[\\]"), "[0]");
    EXPECT_EQ(faults_of(document), "f: " + path + ": expected " + row.values + ", found an object");
  }
}

}  // namespace
}  // namespace iris::config
