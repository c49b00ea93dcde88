// Source text in, Spec and machine code out: Clang and LLVM as a library, arranged so that most of the work is done
// before the source is known.
//
// A compilation parses the SDK and the common standard headers (a precompiled header), then asks for the source and
// goes on with it, in the same parse. A server asks inside that question for a request and forks: the child continues
// with everything parsed. Only iris-compiler uses this; the daemon uses jit/compiler.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "jit/abi/result.hpp"
#include "jit/filter/named_file.hpp"
#include "jit/frontend/spec.hpp"

namespace iris::frontend {

enum class Stage : std::uint8_t { waiting, front_end, optimiser, code_generator, sending };
[[nodiscard]] const char* stage_name(Stage stage) noexcept;  // "front end"; "" for what is none

// How far a compilation has come, for whoever must explain why it did not end. Lives in memory shared with that
// process.
struct Progress {
  std::atomic<Stage> stage{Stage::waiting};
  std::atomic<std::uint32_t> line{0};  // where the last declaration ended that was parsed; 0: none yet
};

struct Source {
  std::string name;  // file name for diagnostics
  std::string text;
  std::vector<filter::NamedFile> files{};  // that its filters name
};

struct Outcome {
  bool accepted = false;
  Spec spec;                // accepted only
  std::string object;       // accepted only: relocatable ELF
  std::string diagnostics;  // errors and warnings
  double front_end_ms = 0;
  double optimise_ms = 0;
  double generate_ms = 0;
};

struct Hooks {
  std::function<Source()> await_source;     // called when the SDK is parsed
  std::function<void()> after_front_end{};  // called when no file will be read any more; may be empty
};

// What it takes to keep Clang's locations alive. Destroying it frees but a part: made for processes that end behind it.
class Compilation {
 public:
  virtual ~Compilation() = default;
  [[nodiscard]] virtual const Outcome& outcome() const noexcept = 0;
};

struct Toolchain {
  std::filesystem::path sdk;  // the folder that holds iris/iris.hpp
  std::filesystem::path pch;  // what make_pch wrote; need not exist

  // As installed (../share/iris beside the executable's folder), or else as built.
  [[nodiscard]] static Toolchain find(const std::filesystem::path& executable);
  // Everything that a source may include lies under these.
  [[nodiscard]] std::vector<std::string> readable_folders() const;
};

// Writes the precompiled header. Errors: invalid, with diagnostics, when the SDK does not compile; unavailable.
[[nodiscard]] Result<void> make_pch(const Toolchain& toolchain, const std::filesystem::path& output);

// Thread: one at a time, and always the same.
class Frontend {
 public:
  // Loads the precompiled header; makes its own when it is absent or older than a header. Compiles a sample, so that
  // what fails here does not fail later, and what is initialised lazily is.
  [[nodiscard]] static Result<std::unique_ptr<Frontend>> create(const Toolchain& toolchain);
  virtual ~Frontend() = default;

  // Parses the SDK, calls `await_source`, compiles what it returns; does not free the syntax tree. `progress` must
  // outlive the call. Fails only when the SDK did not parse; what is wrong with the source is in the outcome.
  [[nodiscard]] virtual Result<std::unique_ptr<Compilation>> compile(const Hooks& hooks, Progress& progress) = 0;
};

}  // namespace iris::frontend
