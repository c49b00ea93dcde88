// The executable itself: arguments, exit statuses, what goes to which stream; against a real server on a socket.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "daemon/control/server.hpp"
#include "tests/unit/daemon/control/fake_subscriptions.hpp"

namespace iris::client {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

const std::filesystem::path folder =
    std::filesystem::path(testing::TempDir()) / ("irisctl-" + std::to_string(::getpid()));

std::string irisctl() { return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "irisctl"; }

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A running irisctl: its standard output is a pipe, its standard error output a file.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "irisctl");
    std::vector<char*> words;
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(::posix_spawn(&pid_, irisctl().c_str(), &actions, nullptr, words.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { close_output(); }

  // Up to and with the next newline; less at the end.
  std::string read_line() {
    std::string line;
    char c = 0;
    while (!line.ends_with('\n') && ::read(output_, &c, 1) == 1) line += c;
    return line;
  }
  void close_output() {
    if (output_ >= 0) ::close(output_);
    output_ = -1;
  }
  void send(int signal) const { ::kill(pid_, signal); }
  // The exit status; -1 when a signal ended it.
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string errors() const { return contents(error_); }

 private:
  static inline int count_ = 0;
  const std::filesystem::path error_ = folder / ("stderr" + std::to_string(++count_));
  pid_t pid_ = 0;
  int output_ = -1;
};

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome run(std::vector<std::string> arguments) {
  Process process(std::move(arguments));
  Outcome outcome;
  for (std::string line = process.read_line(); !line.empty(); line = process.read_line()) outcome.out += line;
  outcome.status = process.wait();
  outcome.err = process.errors();
  return outcome;
}

class IrisctlTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(irisctl())) GTEST_SKIP() << "irisctl is not built";
    std::filesystem::create_directories(folder);
  }
  void TearDown() override {
    if (server) server->stop();
    std::filesystem::remove_all(folder);
  }

  void serve() {
    auto started = control::Server::start(path, subscriptions, output);
    ASSERT_TRUE(started) << started.error().message;
    server = *std::move(started);
    output.start();
  }
  std::string source(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return folder / name;
  }
  // A subscription whose events are empty structs.
  void live(const std::string& name, std::uint32_t id) {
    abi::Value row;
    row.kind = abi::ValueKind::structure;
    row.size = 1;
    ASSERT_TRUE(output.register_subscription(id, name, {{"Row", row}}));
    control::SubscriptionInfo info;
    info.name = name;
    info.id = id;
    subscriptions.known[name] = info;
  }
  void emit(std::uint32_t id) { output.worker(0).emit(id, 0, "", {}); }
  // A tail that has begun: events are emitted until it prints one.
  void wait_for_line(Process& tail, std::uint32_t id) {
    std::jthread emitter([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        emit(id);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    EXPECT_THAT(tail.read_line(), HasSubstr(R"("record":"Row","data":{}})"));
  }

  const std::string path = folder / "control.sock";
  control::FakeSubscriptions subscriptions;
  output::Output output{{}};
  std::unique_ptr<control::Server> server;
};

TEST_F(IrisctlTest, WrongUsage) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"frobnicate"},
                                                       {"add"},
                                                       {"show"},
                                                       {"show", "a", "b"},
                                                       {"remove"},
                                                       {"list", "x"},
                                                       {"check", "a", "b"},
                                                       {"list", "--colour"},
                                                       {"--server", "localhost:1", "list"},
                                                       {"add", "--name", "n", "a.cpp", "b.cpp"}};
  for (const auto& arguments : wrong) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.status, 2) << testing::PrintToString(arguments);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("irisctl: "));
  }
}

TEST_F(IrisctlTest, HelpAndVersion) {
  const auto help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const auto* command : {"add", "list", "show", "remove", "tail", "check", "explain", "status"}) {
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + command + " "));
  }
  EXPECT_EQ(run({"--version"}).out, "irisctl " IRIS_VERSION "\n");
  EXPECT_EQ(run({"add", "--help"}).status, 0);
}

TEST_F(IrisctlTest, WithoutDaemon) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"list"}, {"status"}, {"show", "a"}, {"tail", "a"}, {"remove", "a"}}) {
    auto all = arguments;
    all.insert(all.begin(), {"--server", path});
    const auto outcome = run(all);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.err,
              "irisctl: no irisd is listening at " + path + ": start one with `irisd`, or name it with --server\n");
  }
}

TEST_F(IrisctlTest, AddEachSourceOnItsOwn) {
  serve();
  subscriptions.on_add = [](const std::string&, const jit::Source& from) -> Result<control::Added> {
    if (from.text == "bad") return fail(ErrorCode::invalid, from.name + ":1:1: error: bad\n    bad\n    ^\n");
    return control::Added{"good", 1, 2, {{"front end", 1.0}}, 1.5, "a warning\n"};
  };
  const std::string good = source("good.cpp", "good");
  const std::string bad = source("bad.cpp", "bad");
  const auto outcome = run({"--server", path, "add", bad, "/nonexistent.cpp", good});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "good: live in epoch 2 after 1.5 ms (front end 1.0)\n");
  EXPECT_EQ(outcome.err, bad + ":1:1: error: bad\n    bad\n    ^\n" +
                             "irisctl: cannot read /nonexistent.cpp: No such file or directory\na warning\n");
  const auto json = run({"add", good, "--json", "--server", "unix:" + path});
  EXPECT_EQ(json.status, 0);
  EXPECT_EQ(nlohmann::json::parse(json.out)["milliseconds"]["total"], 1.5);
}

TEST_F(IrisctlTest, AddsAFileOfFiltersAtOnce) {
  serve();
  std::vector<control::Narrowed> seen;
  subscriptions.on_add_batch = [&](const jit::Source& from,
                                   std::span<const control::Narrowed> batch) -> Result<control::AddedBatch> {
    EXPECT_EQ(from.name, "conn.cpp");
    seen.assign(batch.begin(), batch.end());
    if (batch.back().filter == "bad") return fail(ErrorCode::invalid, batch.back().where + ":1: error: bad");
    return control::AddedBatch{3, {{"plan", 1.0}}, 2.5, ""};
  };
  const std::string good = source("web.filters", "# web\ntcp.port = 80\nsecure: tls\n");
  const auto outcome = run({"--server", path, "add", "--records", "conn", "--filters", good});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "2 subscriptions: live in epoch 3 after 2.5 ms (plan 1.0)\n");
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].name, "web-2");
  EXPECT_EQ(seen[0].filter, "tcp.port = 80");
  EXPECT_EQ(seen[1].name, "secure");
  EXPECT_EQ(seen[1].where, good + ":3");
  EXPECT_EQ(run({"--server", path, "--json", "add", "--records", "conn", "--filters", good}).out,
            "{\"subscriptions\":2,\"epoch\":3,\"milliseconds\":{\"plan\":1.0,\"total\":2.5}}\n");
  const std::string bad = source("bad.filters", "tcp\nbad\n");
  const auto refused = run({"--server", path, "add", "--records", "conn", "--filters", bad});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.err, bad + ":2:1: error: bad\n");
  EXPECT_EQ(run({"add", "--filters", good}).status, 2) << "which records?";
  EXPECT_EQ(run({"add", "--records", "conn", "--filters", good, "--filter", "tcp"}).status, 2);
}

TEST_F(IrisctlTest, ExplainsThePlan) {
  serve();
  live("one", 1);
  subscriptions.plan.epoch = 7;
  subscriptions.plan.subscriptions = 1;
  control::GraphInfo graph;
  graph.nodes.emplace_back().reached = 5;
  control::PlanNodeInfo& node = graph.nodes.emplace_back();
  node.depth = 1;
  node.literal = "tls";
  node.reached = 3;
  node.share = 0.25;
  graph.lookups.push_back({"tls.sni", "=", 2, 9, 0.125});
  subscriptions.plan.graphs.push_back(graph);
  subscriptions.plan.samples = 4;
  subscriptions.plan.parsers = {{"tls", 0.5}, {"which protocol?", 0.1}};
  const auto text = run({"--server", path, "explain"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("epoch 7, 1 subscription, 0 packets\n"));
  EXPECT_THAT(text.out, ContainsRegex("\n  tls +3 +25.0 %"));
  EXPECT_THAT(text.out, ContainsRegex("\ntls.sni = +2 +9 +12.5 %"));
  EXPECT_THAT(text.out, HasSubstr("\nparsers: tls 50.0 %, which protocol? 10.0 %\n"));
  EXPECT_THAT(run({"--server", path, "explain", "--dot", "one"}).out, StartsWith("digraph plan {\n"));
  EXPECT_EQ(nlohmann::json::parse(run({"--server", path, "--json", "explain"}).out)["graphs"][0]["nodes"][1]["reached"],
            3);
  const auto unknown = run({"--server", path, "explain", "two"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.err, "irisctl: no subscription is called two\n");
}

TEST_F(IrisctlTest, RemovesWhatMatches) {
  serve();
  for (std::uint32_t id = 1; const char* name : {"web-1", "web-2", "other"}) live(name, id++);
  const auto outcome = run({"--server", path, "remove", "web-*", "none*"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "web-1: removed\nweb-2: removed\n");
  EXPECT_EQ(outcome.err, "irisctl: nothing matches none*\n");
  EXPECT_EQ(subscriptions.known.size(), 1U);
}

TEST_F(IrisctlTest, LargeSourcesDoNotDelayTheEnd) {
  serve();
  subscriptions.on_check = [](const jit::Source&) -> Result<std::string> { return ""; };
  const std::string large = source("large.cpp", std::string(std::size_t{1} << 20, ' '));
  EXPECT_EQ(run({"--server", path, "check", large}).out, large + ": accepted\n");
}

TEST_F(IrisctlTest, RemoveEachNameOnItsOwn) {
  serve();
  live("a", 1);
  live("c", 3);
  const auto outcome = run({"--server", path, "remove", "a", "b", "c"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "a: removed\nc: removed\n");
  EXPECT_EQ(outcome.err, "irisctl: no subscription is called b\n");
}

TEST_F(IrisctlTest, TailEndsQuietlyWhenAsked) {
  serve();
  live("a", 1);
  for (const int signal : {SIGINT, SIGTERM}) {
    Process tail({"--server", path, "tail", "a"});
    wait_for_line(tail, 1);
    tail.send(signal);
    EXPECT_EQ(tail.wait(), 0);
    EXPECT_EQ(tail.errors(), "");
  }
}

TEST_F(IrisctlTest, TailEndsQuietlyWhenNobodyReads) {
  serve();
  live("a", 1);
  Process tail({"--server", path, "tail", "a"});
  wait_for_line(tail, 1);
  tail.close_output();
  EXPECT_EQ(tail.wait(), 0);  // without another event
  EXPECT_EQ(tail.errors(), "");
}

TEST_F(IrisctlTest, TailEndsWithItsSubscription) {
  serve();
  live("a", 1);
  subscriptions.on_remove = [&](std::uint32_t id) { output.retire(id); };
  Process tail({"--server", path, "tail", "a"});
  wait_for_line(tail, 1);
  EXPECT_EQ(run({"--server", path, "remove", "a"}).status, 0);
  EXPECT_EQ(tail.wait(), 0);
  EXPECT_EQ(tail.errors(), "irisctl: a was removed\n");
}

TEST_F(IrisctlTest, TailFails) {
  serve();
  const auto nobody = run({"--server", path, "tail", "nobody"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_EQ(nobody.err, "irisctl: no subscription is called nobody\n");
  live("a", 1);
  Process tail({"--server", path, "tail", "a"});
  wait_for_line(tail, 1);
  server->stop();
  EXPECT_EQ(tail.wait(), 1);
  EXPECT_THAT(tail.errors(), HasSubstr("irisd is stopping"));
}

}  // namespace
}  // namespace iris::client
