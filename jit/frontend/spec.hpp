// What the front end found in a source: which functions want what, when. Pure data, sent from the compiler process to
// the daemon beside the machine code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <iris/event.hpp>

#include "jit/abi/data_types.hpp"
#include "jit/abi/result.hpp"
#include "jit/abi/row.hpp"

namespace iris::frontend {

struct Location {
  std::uint32_t line = 0;    // from 1
  std::uint32_t column = 0;  // from 1
  bool operator==(const Location&) const = default;
};

using abi::DataType;

// A parameter's data type, taken by const reference.
struct Parameter {
  DataType type = DataType::five_tuple;
  std::string protocol{};      // session: the protocol's name, "tls"
  std::uint32_t argument = 0;  // of a template, FirstPackets<8>; else 0
  bool operator==(const Parameter&) const = default;
};

// A function, or a method of a stateful callback.
struct Function {
  std::string name;
  Location where;
  std::optional<Event> event;  // nullopt: as soon as the filter is true and all parameters are ready
  std::vector<Parameter> parameters;
  std::string symbol;  // of its abi::Invoke in the object
  bool operator==(const Function&) const = default;
};

// Whose sessions the function takes (the protocol's name); empty: none.
[[nodiscard]] std::string sessions_of(const Function& function);

// A struct that is constructed for a connection.
struct State {
  std::uint32_t size = 0;
  std::uint32_t alignment = 0;
  std::string construct_symbol;  // abi::Construct; takes no arguments
  std::string destroy_symbol;    // abi::Destroy
  bool operator==(const State&) const = default;
};

struct Callback {
  std::string name;    // qualified, as the author wrote it
  std::string filter;  // its text; already checked
  Location where;
  std::optional<State> state;       // nullopt: a plain function
  std::vector<Function> functions;  // plain function: exactly one
  bool operator==(const Callback&) const = default;
};

// A predicate of the author's, which filters of the source name. Its functions answer by an iris::FilterResult.
struct UserFilter {
  std::string name;
  Location where;
  std::optional<State> state;       // nullopt: a plain function
  std::vector<Function> functions;  // at an event each; plain function: exactly one
  bool operator==(const UserFilter&) const = default;
};

struct Spec {
  std::vector<Callback> callbacks;
  std::vector<UserFilter> filters;
  std::vector<abi::Row> rows;  // by row index
  std::string init_symbol;     // runs static constructors; empty when there are none
  bool operator==(const Spec&) const = default;
};

// Text form for the way between the processes; from_text refuses what to_text could not have written.
[[nodiscard]] std::string to_text(const Spec& spec);
[[nodiscard]] Result<Spec> from_text(const std::string& text);

}  // namespace iris::frontend
