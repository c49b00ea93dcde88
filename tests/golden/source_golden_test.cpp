// What `irisctl add` says to a source: the diagnostics of those that are refused, the Spec of those that are not.
#include <memory>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "jit/compiler.hpp"
#include "tests/golden/golden.hpp"

namespace iris::jit {
namespace {

std::string describe(const frontend::Parameter& parameter) {
  if (parameter.type == frontend::DataType::session) return parameter.protocol + " session";
  std::string name(abi::info_of(parameter.type).name.substr(std::string_view("iris::").size()));
  return parameter.argument == 0 ? name : name + "<" + std::to_string(parameter.argument) + ">";
}

std::string at(frontend::Location where) { return std::to_string(where.line) + ":" + std::to_string(where.column); }

std::string describe(const frontend::Function& function) {
  std::string text = function.name + "(";
  for (const auto& parameter : function.parameters) {
    text += (&parameter == &function.parameters.front() ? "" : ", ") + describe(parameter);
  }
  text += ") at ";
  return text + std::string(function.event ? name(*function.event) : "match") + ", " + at(function.where);
}

// "version@56: optional+2 { unsigned_integer:2 }"
std::string describe(const abi::Value& value) {
  static constexpr const char* kinds[] = {
      "boolean",    "unsigned_integer", "signed_integer", "floating", "enumeration", "character", "text_view", "text",
      "ip_address", "subnet",           "timestamp",      "duration", "structure",   "optional",  "array",     "span",
      "vector"};
  std::string text = value.name.empty() ? "" : value.name + "@" + std::to_string(value.offset) + ": ";
  text += std::string(kinds[static_cast<std::size_t>(value.kind)]) + ":" + std::to_string(value.size);
  if (value.kind == abi::ValueKind::optional) text += "+" + std::to_string(value.flag_offset);
  if (value.kind == abi::ValueKind::array) text += "*" + std::to_string(value.count);
  for (const auto& [number, name] : value.enumerators) text += " " + std::to_string(number) + "=" + name;
  if (value.members.empty()) return text;
  text += " { ";
  for (const auto& member : value.members) {
    text += (&member == &value.members.front() ? "" : "; ") + describe(member);
  }
  return text + " }";
}

// Of a callback or a filter.
template <class Code>
std::string describe_code(const Code& code) {
  std::string text;
  if (code.state) {
    text += "  state of " + std::to_string(code.state->size) + " bytes, aligned to " +
            std::to_string(code.state->alignment) + "\n";
  }
  for (const auto& function : code.functions) text += "  " + describe(function) + "\n";
  return text;
}

std::string describe(const frontend::Spec& spec) {
  std::string text;
  for (const auto& filter : spec.filters) {
    text += "filter " + filter.name + " " + at(filter.where) + "\n" + describe_code(filter);
  }
  for (const auto& callback : spec.callbacks) {
    text += "callback " + callback.name + " \"" + callback.filter + "\" " + at(callback.where) + "\n" +
            describe_code(callback);
  }
  for (const auto& row : spec.rows) text += "row " + row.name + " " + describe(row.layout) + "\n";
  if (!spec.init_symbol.empty()) text += "has static constructors\n";
  return text;
}

// Where exactly something stands in the SDK is not what these tests are about.
std::string without_sdk_lines(const std::string& text) {
  return std::regex_replace(text, std::regex("(/iris/sdk/[^:]*):[0-9]+:[0-9]+:"), "$1:");
}

TEST(Source, Golden) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  golden::check_all([&](const std::string& input) {
    auto compiled = (*compiler)->compile({"log.cpp", input});
    if (!compiled) return without_sdk_lines(compiled.error().message);
    auto text = describe(compiled->spec) + compiled->warnings;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  });
}

}  // namespace
}  // namespace iris::jit
