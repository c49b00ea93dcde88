// The way from source text to machine code, in a process of its own: `iris-compiler` parses the SDK once, and forks a
// sandboxed, limited, single-use child for each source, so that no source can crash, hang or exhaust the daemon.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jit/abi/result.hpp"
#include "jit/filter/named_file.hpp"
#include "jit/frontend/spec.hpp"

namespace iris::jit {

struct Limits {
  std::chrono::milliseconds time{3000};   // wall time for one source
  std::size_t memory_bytes = 1ULL << 30;  // address space beyond that of the warm parse
};

struct CompilerOptions {
  std::filesystem::path program;  // iris-compiler; empty: beside this executable
  Limits limits;
};

struct Source {
  std::string name;  // file name for diagnostics
  std::string text;
  std::vector<filter::NamedFile> files{};  // that its filters name, or filters that narrow it
  bool stateless = false;                  // nothing in it outlives a call: the same code may serve many subscriptions
};

// Milliseconds of each stage, in order: {"front end", 3.9}, {"optimise", 0.4}, …
using Stages = std::vector<std::pair<std::string, double>>;

struct Compiled {
  frontend::Spec spec;
  std::vector<std::byte> object;  // relocatable ELF
  std::string warnings;           // diagnostics in the same form as errors; may be empty
  Stages stages;
};

// Thread: any; sources are compiled one after the other.
class Compiler {
 public:
  // Starts the process and waits until it is warm.
  [[nodiscard]] static Result<std::unique_ptr<Compiler>> start(const CompilerOptions& options);
  virtual ~Compiler() = default;

  // Fails with ErrorCode::invalid and diagnostics `file:line:column: error: …` with the line and a caret; with
  // ErrorCode::exhausted or ErrorCode::internal when the child ran out of its limits or died, naming the stage and the
  // line it had reached. The next call works in any case: a dead compiler process is started anew.
  [[nodiscard]] virtual Result<Compiled> compile(const Source& source) = 0;
};

}  // namespace iris::jit
