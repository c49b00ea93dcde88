// iris-compiler: compiles subscriptions on behalf of the daemon, which starts it (jit/compiler.hpp).
//
//   iris-compiler --serve SOCKET TIME_MS MEMORY_BYTES    reads sources from the descriptor, writes replies to it
//   iris-compiler --make-pch FILE                        writes the precompiled header of the SDK
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

#include <sys/resource.h>
#include <unistd.h>

#include "jit/compiler_server.hpp"

namespace {

using iris::frontend::Toolchain;

int complain(const std::string& message, int status = EXIT_FAILURE) {
  static_cast<void>(std::fprintf(stderr, "iris-compiler: %s\n", message.c_str()));
  return status;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Toolchain toolchain() { return Toolchain::find(std::filesystem::read_symlink("/proc/self/exe")); }

int make_pch(const std::filesystem::path& output) {
  std::error_code ignored;
  std::filesystem::create_directories(output.parent_path(), ignored);
  if (const auto made = iris::frontend::make_pch(toolchain(), output); !made) return complain(made.error().message);
  return EXIT_SUCCESS;
}

// A child's last act.
[[noreturn]] void answer(iris::jit::Server& server, const iris::frontend::Outcome& outcome) {
  iris::jit::Reply reply;
  reply.verdict = outcome.accepted ? iris::jit::Verdict::accepted : iris::jit::Verdict::refused;
  reply.milliseconds = {outcome.front_end_ms, outcome.optimise_ms, outcome.generate_ms};
  if (outcome.accepted) {
    reply.spec = to_text(outcome.spec);
    reply.object = outcome.object;
  }
  reply.diagnostics = outcome.diagnostics;
  // Freeing what Clang allocated would take longer than compiling did.
  ::_exit(send_reply(server.reply_to(), reply) ? EXIT_SUCCESS : EXIT_FAILURE);
}

int serve(int channel, iris::jit::Limits limits) {
  ::setpriority(PRIO_PROCESS, 0, 5);  // workers first
  const auto tools = toolchain();
  auto frontend = iris::frontend::Frontend::create(tools);
  if (!frontend) return complain(frontend.error().message);

  const auto cpu_seconds = static_cast<std::uint32_t>(limits.time.count() / 1000 + 2);
  iris::jit::Server server(iris::jit::Descriptor(channel), limits,
                           {tools.readable_folders(), limits.memory_bytes, cpu_seconds});
  const auto compilation = (*frontend)->compile(
      {.await_source = [&] { return server.await_source(); }, .after_front_end = iris::jit::close_cage},
      server.progress());
  if (!compilation) return complain(compilation.error().message);
  answer(server, (*compilation)->outcome());
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view command = count > 1 ? arguments[1] : "";
  if (command == "--make-pch" && count == 3) return make_pch(arguments[2]);
  if (command == "--serve" && count == 5) {
    const auto channel = number<int>(arguments[2]);
    const auto time = number<std::uint32_t>(arguments[3]);
    const auto memory = number<std::size_t>(arguments[4]);
    if (channel && time && memory) return serve(*channel, {std::chrono::milliseconds(*time), *memory});
  }
  return complain("usage: iris-compiler --serve SOCKET TIME_MS MEMORY_BYTES | --make-pch FILE", 2);
}
