#include "daemon/control/records.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "jit/abi/nearest.hpp"

namespace iris::control {
namespace {

std::unexpected<Error> unknown_record(const std::string& name) {
  std::vector<std::string_view> known;
  for (const RecordSource& source : record_sources()) known.push_back(source.name);
  const std::string_view near = nearest(name, known);
  return fail(ErrorCode::not_found, fmt::format("no record is named '{}'{}: there {} {}", name,
                                                near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near),
                                                known.size() == 1 ? "is only" : "are", fmt::join(known, ", ")));
}

// Each source as a file of its own for diagnostics.
void append(const RecordSource& record, jit::Source& source) {
  source.text += fmt::format("#line 1 \"logs/{}.cpp\"\n{}", record.name, record.text);
}

}  // namespace

Result<jit::Source> source_of(std::span<const std::string> names) {
  for (const auto& name : names) {
    if (std::ranges::find(record_sources(), name, &RecordSource::name) == record_sources().end()) {
      return unknown_record(name);
    }
  }
  jit::Source source;
  source.stateless = true;
  std::vector<std::string_view> included;
  for (const RecordSource& record : record_sources()) {
    if (!names.empty() && std::ranges::find(names, record.name) == names.end()) continue;
    included.push_back(record.name);
    append(record, source);
  }
  source.name = names.empty() ? "logs.cpp" : fmt::format("{}.cpp", fmt::join(included, "-"));
  return source;
}

}  // namespace iris::control
