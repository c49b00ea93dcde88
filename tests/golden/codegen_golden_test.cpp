// Families, one a line as `protocol.field operator` → the functions' IR, before the helpers are inlined.
#include <algorithm>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "jit/codegen/dispatch.hpp"
#include "tests/golden/golden.hpp"

namespace iris::codegen {
namespace {

const parsers::Field& field_named(const std::string& name) {
  if (name == parsers::service_field.name) return parsers::service_field;
  const auto dot = name.find('.');
  if (const auto* protocol = parsers::find_protocol(name.substr(0, dot)); protocol != nullptr) {
    // `tls.client_alpn every`: another part of the field.
    const auto space = name.find(' ');
    auto part = space == std::string::npos          ? parsers::Part::value
                : name.substr(space + 1) == "every" ? parsers::Part::every
                                                    : parsers::Part::length;
    if (name == "conn.sample") part = parsers::Part::sample;
    const auto found = std::ranges::find_if(protocol->fields, [&](const parsers::Field& field) {
      return field.name == name.substr(dot + 1, space - dot - 1) && field.part == part;
    });
    if (found != protocol->fields.end()) return *found;
  }
  throw std::invalid_argument("no field '" + name + "'");
}

filter::Operator operator_named(const std::string& name) {
  static constexpr std::string_view names[] = {"present",     "one_of",    "in_range", "in_subnet", "contains",
                                               "starts_with", "ends_with", "under",    "matches"};
  const auto* found = std::ranges::find(names, name);
  if (found == std::end(names)) throw std::invalid_argument("no operator '" + name + "'");
  return static_cast<filter::Operator>(found - std::begin(names));
}

std::string ir_of(const std::string& text) {
  std::vector<FamilyShape> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto last = line.rfind(' ');
    families.push_back({&field_named(line.substr(0, last)), operator_named(line.substr(last + 1))});
  }
  const auto ir = dispatch_ir(families, false);
  if (!ir) return "error: " + ir.error().message;
  return *ir;
}

TEST(CodegenGolden, FamiliesBecomeFunctions) { golden::check_all(ir_of); }

}  // namespace
}  // namespace iris::codegen
