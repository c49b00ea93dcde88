#include "jit/compiler.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "jit/compiler_object.hpp"
#include "jit/compiler_process.hpp"
#include "jit/compiler_protocol.hpp"

namespace iris::jit {
namespace {

using namespace std::chrono_literals;

constexpr auto grace = 800ms;  // beyond the limit on time, for the compiler process to say what happened

// What goes to a terminal: neither escape sequences nor a trailing newline.
std::string printable(std::string text) {
  std::erase_if(text, [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; });
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

class ProcessCompiler final : public Compiler {
 public:
  ProcessCompiler(CompilerOptions options, CompilerProcess process) : options_(std::move(options)) {
    process_.emplace(std::move(process));
  }

  Result<Compiled> compile(const Source& source) override {
    const Source named{source.name.empty() ? "source" : source.name.substr(0, 1024), source.text, source.files};
    if (named.text.size() > max_source_bytes) {
      return fail(ErrorCode::invalid, fmt::format("{}:1:1: error: the source has {} bytes; at most {} are compiled",
                                                  named.name, named.text.size(), max_source_bytes));
    }
    const std::scoped_lock lock(mutex_);
    const auto begin = std::chrono::steady_clock::now();
    auto reply = ask(named);
    if (!reply) return std::unexpected(reply.error());
    switch (reply->verdict) {
      case Verdict::accepted:
        break;
      case Verdict::refused:
        return fail(ErrorCode::invalid, printable(std::move(reply->diagnostics)));
      case Verdict::exhausted:
        return fail(ErrorCode::exhausted, printable(std::move(reply->diagnostics)));
      case Verdict::ready:
      case Verdict::died:
        return fail(ErrorCode::internal, printable(std::move(reply->diagnostics)));
    }
    auto compiled = accept(named, std::move(*reply));
    if (!compiled) return compiled;
    double spent = 0;
    for (const auto& [stage, milliseconds] : compiled->stages) spent += milliseconds;
    const std::chrono::duration<double, std::milli> total = std::chrono::steady_clock::now() - begin;
    compiled->stages.emplace_back("compiler process", std::max(0.0, total.count() - spent));
    return compiled;
  }

 private:
  // Starts the process anew when it is gone; gives up when that one is gone, too.
  Result<Reply> ask(const Source& source) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (!process_) {
        auto started = CompilerProcess::start(options_);
        if (!started) return std::unexpected(started.error());
        process_.emplace(std::move(*started));
      }
      Reply reply;
      const auto deadline = std::chrono::steady_clock::now() + options_.limits.time + grace;
      const auto received = process_->ask(source, deadline, reply);
      if (received == Receive::done) return reply;
      process_.reset();
      if (received == Receive::too_late) {
        return fail(
            ErrorCode::exhausted,
            fmt::format("{}:1:1: error: the compiler process did not answer and was ended; try again", source.name));
      }
    }
    return fail(ErrorCode::internal,
                fmt::format("{}:1:1: error: the compiler process ended while compiling it", source.name));
  }

  static Result<Compiled> accept(const Source& source, Reply reply) {
    const auto bytes = std::as_bytes(std::span(reply.object));
    if (auto fits = check_object(bytes); !fits) {
      return fail(fits.error().code, source.name + ":1:1: error: " + fits.error().message);
    }
    auto spec = frontend::from_text(reply.spec);
    if (!spec) return std::unexpected(spec.error());
    Compiled compiled;
    compiled.spec = std::move(*spec);
    compiled.object.assign(bytes.begin(), bytes.end());
    compiled.warnings = printable(std::move(reply.diagnostics));
    compiled.stages = {{"front end", reply.milliseconds[0]},
                       {"optimise", reply.milliseconds[1]},
                       {"generate code", reply.milliseconds[2]}};
    return compiled;
  }

  const CompilerOptions options_;
  std::mutex mutex_;  // over process_
  std::optional<CompilerProcess> process_;
};

}  // namespace

Result<std::unique_ptr<Compiler>> Compiler::start(const CompilerOptions& options) {
  auto process = CompilerProcess::start(options);
  if (!process) return std::unexpected(process.error());
  return std::make_unique<ProcessCompiler>(options, std::move(*process));
}

}  // namespace iris::jit
