#include "jit/compiler.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace iris::jit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr const char* log_tls = R"(#include <iris/iris.hpp>
struct Tls {
  iris::Endpoint originator;
  std::string_view sni;
};
IRIS_CALLBACK("tls")
void log_tls(const iris::TlsHandshake& tls, const iris::FiveTuple& flow) {
  iris::emit(Tls{flow.originator, tls.sni()});
}
)";

// Processes that this one started and has not reaped.
std::vector<pid_t> children() {
  std::vector<pid_t> pids;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
  }
  return pids;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(Compiler, CompilesAndCleansUp) {
  const auto descriptors = open_descriptors();
  {
    auto compiler = Compiler::start({});
    ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
    const auto compiled = (*compiler)->compile({"log_tls.cpp", log_tls});
    ASSERT_TRUE(compiled.has_value()) << compiled.error().message;

    ASSERT_EQ(compiled->spec.callbacks.size(), 1U);
    const auto& callback = compiled->spec.callbacks[0];
    EXPECT_EQ(callback.name, "log_tls");
    EXPECT_EQ(callback.filter, "tls");
    ASSERT_EQ(callback.functions.size(), 1U);
    EXPECT_EQ(callback.functions[0].event, Event::L7EndHdrs);
    ASSERT_EQ(compiled->spec.rows.size(), 1U);
    EXPECT_EQ(compiled->spec.rows[0].name, "Tls");
    EXPECT_EQ(compiled->spec.init_symbol, "");
    EXPECT_EQ(compiled->warnings, "");
    ASSERT_GT(compiled->object.size(), 4U);
    EXPECT_EQ(std::memcmp(compiled->object.data(), "\177ELF", 4), 0);
    EXPECT_THAT(compiled->stages,
                ElementsAre(Pair("front end", testing::Gt(0)), Pair("optimise", testing::Gt(0)),
                            Pair("generate code", testing::Gt(0)), Pair("compiler process", testing::Ge(0))));
  }
  EXPECT_THAT(children(), testing::IsEmpty());
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(Compiler, GivesTheSameObjectForTheSameSource) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto first = (*compiler)->compile({"a.cpp", log_tls});
  const auto second = (*compiler)->compile({"a.cpp", log_tls});
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->object, second->object);
  EXPECT_EQ(first->spec, second->spec);
}

TEST(Compiler, StartsItsProcessAnew) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto before = children();
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(::kill(before[0], SIGKILL), 0);
  const auto compiled = (*compiler)->compile({"log_tls.cpp", log_tls});
  EXPECT_TRUE(compiled.has_value()) << compiled.error().message;
  const auto after = children();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_NE(after[0], before[0]);
}

TEST(Compiler, KeepsItsProcessOutOfTheTerminalsReach) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto started = children();
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(::getsid(started[0]), started[0]);
  EXPECT_EQ(::getpgid(started[0]), started[0]);
}

TEST(Compiler, RefusesWhatIsTooLarge) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto compiled = (*compiler)->compile({"log.cpp", std::string((1 << 20) + 1, ' ')});
  ASSERT_FALSE(compiled.has_value());
  EXPECT_EQ(compiled.error().code, ErrorCode::invalid);
  EXPECT_EQ(compiled.error().message, "log.cpp:1:1: error: the source has 1048577 bytes; at most 1048576 are compiled");
}

TEST(Compiler, QuotesTheNameOfTheSource) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto compiled = (*compiler)->compile({"a \"b\"\\c\nd.cpp", "int x = y;"});
  ASSERT_FALSE(compiled.has_value());
  EXPECT_EQ(compiled.error().message,
            "a \"b\"\\c?d.cpp:1:9: error: use of undeclared identifier 'y'\nint x = y;\n        ^");
  const auto nameless = (*compiler)->compile({"", "int x = y;"});
  ASSERT_FALSE(nameless.has_value());
  EXPECT_THAT(nameless.error().message, testing::StartsWith("source:1:9: error:"));
}

TEST(Compiler, SendsNothingThatSteersATerminal) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto compiled = (*compiler)->compile({"log.cpp", "#error \x1b[2J oh"});
  ASSERT_FALSE(compiled.has_value());
  EXPECT_THAT(compiled.error().message, testing::Not(HasSubstr("\x1b")));
}

TEST(Compiler, ServesThreads) {
  auto compiler = Compiler::start({});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  std::array<bool, 4> done{};
  std::vector<std::thread> threads;
  threads.reserve(done.size());
  for (auto& result : done) {
    threads.emplace_back([&] { result = (*compiler)->compile({"log_tls.cpp", log_tls}).has_value(); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(done, testing::Each(true));
}

TEST(Compiler, NamesThePlaceWhenTimeIsUp) {
  auto compiler = Compiler::start({.program = {}, .limits = {.time = std::chrono::milliseconds(500)}});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  const auto compiled = (*compiler)->compile(
      {"log.cpp",
       "int first;\n\ntemplate <int N, long M> struct F { static const long v = F<N - 1, 2 * M>::v + F<N - 1, 2 * M + "
       "1>::v; };\ntemplate <long M> struct F<0, M> { static const long v = 1; };\nlong x = F<40, 0>::v;\n"});
  ASSERT_FALSE(compiled.has_value());
  EXPECT_EQ(compiled.error().code, ErrorCode::exhausted);
  EXPECT_EQ(compiled.error().message,
            "log.cpp:5:1: error: compiling took longer than 0.5 s; stopped in the front end after the declaration that "
            "ends at line 4");
}

// As after an upgrade of the standard library, or with a build tree that was moved.
TEST(Compiler, MakesItsOwnPrecompiledHeader) {
  namespace fs = std::filesystem;
  const auto folder = fs::temp_directory_path() / ("iris-compiler-test-" + std::to_string(::getpid()));
  fs::create_directories(folder / "bin");
  fs::create_directories(folder / "share" / "iris");
  const auto program = folder / "bin" / "iris-compiler";
  fs::copy_file(fs::read_symlink("/proc/self/exe").parent_path() / "iris-compiler", program);
  std::ofstream(folder / "share" / "iris" / "prelude.pch") << "this is no precompiled header";
  {
    auto compiler = Compiler::start({.program = program, .limits = {}});
    ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
    const auto compiled = (*compiler)->compile({"log_tls.cpp", log_tls});
    EXPECT_TRUE(compiled.has_value()) << compiled.error().message;
  }
  fs::remove_all(folder);
}

TEST(Compiler, SaysThatTheProgramIsMissing) {
  const auto compiler = Compiler::start({.program = "/nonexistent/iris-compiler", .limits = {}});
  ASSERT_FALSE(compiler.has_value());
  EXPECT_EQ(compiler.error().code, ErrorCode::unavailable);
  EXPECT_EQ(compiler.error().message, "cannot start /nonexistent/iris-compiler: No such file or directory");
}

TEST(Compiler, SaysThatTheProgramIsAnother) {
  const auto compiler = Compiler::start({.program = "/bin/true", .limits = {}});
  ASSERT_FALSE(compiler.has_value());
  EXPECT_THAT(compiler.error().message, HasSubstr("/bin/true did not start"));
  EXPECT_THAT(children(), testing::IsEmpty());
}

}  // namespace
}  // namespace iris::jit
