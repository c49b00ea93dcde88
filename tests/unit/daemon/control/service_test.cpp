// The service through a real server and the real client, over a socket.
#include "daemon/control/service.hpp"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>
#include <iris/v1/control.grpc.pb.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "client/client.hpp"
#include "daemon/control/server.hpp"
#include "daemon/control/status.hpp"
#include "proto/address.hpp"
#include "tests/unit/daemon/control/fake_subscriptions.hpp"

namespace iris::control {
namespace {

using testing::HasSubstr;

struct Event {
  std::uint64_t n;
  std::string_view text;
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    auto started = Server::start(path, subscriptions, output);
    EXPECT_TRUE(started) << started.error().message;
    server = *std::move(started);
    client.emplace(*client::Client::connect(path));
  }
  ~ServiceTest() override {
    server->stop();
    std::filesystem::remove_all(std::filesystem::path(path).parent_path());
  }

  // A subscription that emits Event.
  void run(const std::string& name, std::uint32_t id) {
    abi::Value n;
    n.name = "n";
    n.size = sizeof(std::uint64_t);
    abi::Value text;
    text.name = "text";
    text.kind = abi::ValueKind::text_view;
    text.offset = offsetof(Event, text);
    text.size = sizeof(std::string_view);
    abi::Value row;
    row.kind = abi::ValueKind::structure;
    row.size = sizeof(Event);
    row.members = {n, text};
    ASSERT_TRUE(output.register_subscription(id, name, {{"Event", row}}));
    SubscriptionInfo info;
    info.name = name;
    info.id = id;
    subscriptions.known[name] = info;
  }
  void emit(std::uint32_t id, std::uint64_t n, std::string_view text = {}) {
    const Event row{n, text};
    output.worker(0).emit(id, 0, &row, {});
  }

  static v1::Source source(const std::string& name, const std::string& text) {
    v1::Source result;
    result.set_name(name);
    result.set_text(text);
    return result;
  }

  const std::string path = testing::TempDir() + "iris-service-" + std::to_string(::getpid()) + "/control.sock";
  FakeSubscriptions subscriptions;
  output::Output output{{}};
  std::unique_ptr<Server> server;
  std::optional<client::Client> client;
};

TEST_F(ServiceTest, AddSaysWhatHappened) {
  subscriptions.on_add = [](const std::string& name, const jit::Source& from) -> Result<Added> {
    EXPECT_EQ(name, "mine");
    EXPECT_EQ(from.name, "dir/log_tls.cpp");
    EXPECT_EQ(from.text, "int \xff;");  // a source need not be UTF-8
    return Added{"mine", 4, 7, {{"front end", 3.9}, {"publish", 0.4}}, 4.3, "warning \xff"};
  };
  const auto added = client->add("mine", source("dir/log_tls.cpp", "int \xff;"));
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->name(), "mine");
  EXPECT_EQ(added->id(), 4U);
  EXPECT_EQ(added->epoch(), 7U);
  ASSERT_EQ(added->stages_size(), 2);
  EXPECT_EQ(added->stages(0).name(), "front end");
  EXPECT_EQ(added->stages(1).milliseconds(), 0.4);
  EXPECT_EQ(added->total_milliseconds(), 4.3);
  EXPECT_EQ(added->warnings(), "warning \ufffd");
}

TEST_F(ServiceTest, FilesComeWithTheSource) {
  std::vector<filter::NamedFile> seen;
  subscriptions.on_add = [&](const std::string&, const jit::Source& from) -> Result<Added> {
    seen = from.files;
    return Added{};
  };
  v1::Source with_file = source("a.cpp", "x");
  v1::File& file = *with_file.add_files();
  file.set_name("hosts");
  file.set_content("a\n\xff");
  file.set_failure("why");
  ASSERT_TRUE(client->add("", with_file));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].name, "hosts");
  EXPECT_EQ(seen[0].content, "a\n\xff");
  EXPECT_EQ(seen[0].failure, "why");

  const auto& files = with_file.files();
  ASSERT_TRUE(client->add("", {"conn"}, "tls.sni in file='hosts'", files));
  EXPECT_EQ(seen.size(), 1U);

  file.set_content(std::string(filter::max_file_bytes + 1, 'x'));
  EXPECT_EQ(client->add("", with_file).error().code, client::ErrorCode::exhausted);
}

TEST_F(ServiceTest, DiagnosticsArriveWhole) {
  std::string diagnostics;
  for (int i = 0; i < 2000; ++i) diagnostics += "a.cpp:1:1: error: no such thing\n    x\n    ^\n";
  subscriptions.on_add = [&](auto&, auto&) -> Result<Added> { return fail(ErrorCode::invalid, diagnostics); };
  subscriptions.on_check = [&](auto&) -> Result<std::string> { return fail(ErrorCode::invalid, diagnostics); };
  const auto added = client->add("", source("a.cpp", "x"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, client::ErrorCode::refused);
  EXPECT_EQ(added.error().message + "\n", diagnostics);
  EXPECT_EQ(client->check(source("a.cpp", "x")).error().message + "\n", diagnostics);
}

TEST_F(ServiceTest, OtherFailuresKeepTheirCode) {
  const std::pair<ErrorCode, client::ErrorCode> codes[] = {
      {ErrorCode::exists, client::ErrorCode::exists},
      {ErrorCode::exhausted, client::ErrorCode::exhausted},
      {ErrorCode::internal, client::ErrorCode::internal},
      {ErrorCode::unavailable, client::ErrorCode::unavailable},
  };
  for (const auto& [ours, theirs] : codes) {
    subscriptions.on_add = [&](auto&, auto&) -> Result<Added> { return fail(ours, "this is why"); };
    const auto added = client->add("", source("a.cpp", "x"));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, theirs);
    EXPECT_THAT(added.error().message, HasSubstr("this is why"));
  }
}

TEST_F(ServiceTest, CheckReturnsWarnings) {
  subscriptions.on_check = [](const jit::Source& from) -> Result<std::string> { return "checked " + from.name; };
  EXPECT_EQ(client->check(source("", "x")), "checked source.cpp");
}

TEST_F(ServiceTest, TooLargeSourcesAreRefused) {
  const auto added = client->add("", source("big.cpp", std::string(max_source_bytes + 1, ' ')));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, client::ErrorCode::exhausted);
  EXPECT_THAT(added.error().message, HasSubstr("big.cpp has 1048577 bytes"));
}

TEST_F(ServiceTest, ListShowRemoveStatus) {
  subscriptions.known["a"] = {.name = "a",
                              .id = 1,
                              .epoch = 3,
                              .source_name = "a.cpp",
                              .source_text = "text",
                              .added = {1'500'000'000},
                              .callbacks = {{"log", "tls", "L7EndHdrs", 5, 4}},
                              .emitted = 3,
                              .dropped = 2};
  subscriptions.state = {.version = "9",
                         .uptime_seconds = 1.5,
                         .epoch = 3,
                         .subscriptions = 1,
                         .retiring = 0,
                         .ports = {{"eth0", 1, 2, 3}},
                         .workers = {{.lcore = 1,
                                      .packets = 10,
                                      .undecoded_by_reason = {1, 2, 3, 4},
                                      .connections = {11, 12, 13, 15, 16, 17, 18, 20, 19},
                                      .fragments = {21, 22, 23, 24, 25, 26, 27, 28, 29},
                                      .reassembly = {31, 32, {41, 42, 43, 44, 45, 46, 47}, 33, 34},
                                      .hand_over = {51, 52},
                                      .memory = {{61, 62, 63}, {64, 65, 66}, {67, 68, 69}, {70, 71, 72}, {75, 76, 77}},
                                      .pressure = {PressureInfo::low, {1'500'000'000}, 73, 74}},
                                     {.lcore = 2}}};
  const auto list = client->list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->subscriptions_size(), 1);
  EXPECT_EQ(list->subscriptions(0).callbacks(0).filter(), "tls");
  const auto shown = client->show("a");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->source().text(), "text");
  EXPECT_EQ(shown->added().seconds(), 1);
  EXPECT_EQ(shown->added().nanos(), 500'000'000);
  EXPECT_EQ(shown->dropped(), 2U);
  const auto status = client->status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->ports(0).missed(), 3U);
  EXPECT_EQ(status->workers(0).ShortDebugString(),
            "lcore: 1 packets: 10 connections_begun: 11 connections_ended: 12 connections_live: 13 table_full: 31 "
            "undecoded_by_reason { not_ip: 1 other_transport: 2 truncated: 3 malformed: 4 } "
            "connections_evicted_half_open: 15 connections_evicted: 16 connections_unobserved: 17 stray_resets: 18 "
            "midstream_ignored: 19 "
            "fragments { fragments: 21 datagrams: 22 cut_off: 23 expired: 24 evicted: 25 overlapping: 26 malformed: 27 "
            "duplicates: 28 lost: 29 } "
            "reassembly { held_packets: 31 copied_bytes: 32 "
            "gaps { time: 41 packets: 42 bytes: 43 pool: 44 jump: 45 end: 46 cut: 47 } "
            "dropped_segments: 33 inconsistent_bytes: 34 } "
            "hand_over { sent: 51 lost: 52 } "
            "memory { table { used: 61 reserved: 62 refused: 63 } cold { used: 64 reserved: 65 refused: 66 } "
            "arenas { used: 67 reserved: 68 refused: 69 } blocks { used: 70 reserved: 71 refused: 72 } "
            "copies { used: 75 reserved: 76 refused: 77 } } "
            "pressure { now: LOW since { seconds: 1 nanos: 500000000 } low: 73 critical: 74 } packets_filtered: 20");
  EXPECT_EQ(status->workers(1).pressure().now(), v1::Worker::Pressure::NONE);
  EXPECT_FALSE(status->workers(1).pressure().has_since());
  EXPECT_TRUE(client->remove("a"));
  const auto again = client->remove("a");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, client::ErrorCode::not_found);
  EXPECT_EQ(again.error().message, "no subscription is called a");
}

TEST_F(ServiceTest, LongListsArrive) {
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "s" + std::to_string(i);
    SubscriptionInfo info;
    info.name = name;
    info.callbacks.push_back({"f", std::string(2000, 'x'), "match"});
    subscriptions.known[name] = info;
  }
  const auto list = client->list();  // 6 MB
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->subscriptions_size(), 3000);
}

TEST_F(ServiceTest, NamesNeedNotBeUtf8) {
  EXPECT_EQ(client->show("\xff").error().message, "no subscription is called \ufffd");
}

TEST_F(ServiceTest, TailFollowsUntilRemoval) {
  run("a", 1);
  subscriptions.on_remove = [&](std::uint32_t id) { output.retire(id); };
  output.start();
  auto tail = client->tail("a");
  tail.wait_ready();
  for (std::uint64_t i = 0; i < 3; ++i) emit(1, i);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto next = tail.next();
    ASSERT_TRUE(next && *next);
    EXPECT_THAT((*next)->line(), HasSubstr(R"("data":{"n":)" + std::to_string(i)));
  }
  emit(1, 3);
  ASSERT_TRUE(client->remove("a"));
  const auto last = tail.next();
  ASSERT_TRUE(last && *last);
  const auto end = tail.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_F(ServiceTest, TailTellsLosses) {
  run("a", 1);
  auto tail = client->tail("a");
  tail.wait_ready();
  // 48 MB: more than gRPC's flow control lets pass while nobody reads.
  const std::string text(std::size_t{32} * 1024, 'x');
  constexpr std::uint64_t emitted = 1500;
  for (std::uint64_t i = 0; i < emitted; ++i) {
    emit(1, i, text);
    if (i % 50 == 0) output.drain();
  }
  output.drain();
  output.retire(1);
  output.drain();
  std::uint64_t lines = 0;
  std::uint64_t lost = 0;
  for (auto next = tail.next(); next && *next; next = tail.next()) {
    lines += (*next)->has_line();
    lost += (*next)->lost();
  }
  EXPECT_GT(lines, 0U);
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(lines + lost, emitted);
}

TEST_F(ServiceTest, TailOfNothing) {
  auto tail = client->tail("nobody");
  tail.wait_ready();
  const auto next = tail.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, client::ErrorCode::not_found);
}

TEST_F(ServiceTest, TailsAreLimited) {
  run("a", 1);
  std::vector<client::Tail> tails;
  for (unsigned i = 0; i < max_tails; ++i) {
    tails.push_back(client->tail("a"));
    tails.back().wait_ready();
  }
  auto tail = client->tail("a");
  const auto next = tail.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, client::ErrorCode::exhausted);
}

TEST_F(ServiceTest, CancelEndsATail) {
  run("a", 1);
  auto tail = client->tail("a");
  tail.wait_ready();
  std::thread other([&] { tail.cancel(); });
  const auto next = tail.next();
  other.join();
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_FALSE(*next);
}

TEST_F(ServiceTest, StopEndsTailsAndRemovesTheSocket) {
  run("a", 1);
  auto tail = client->tail("a");
  tail.wait_ready();
  server->stop();
  const auto next = tail.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, client::ErrorCode::unavailable);
  EXPECT_THAT(next.error().message, HasSubstr("irisd is stopping"));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(client->list().error().code, client::ErrorCode::unavailable);
  EXPECT_EQ(client::Client::connect(path).error().code, client::ErrorCode::not_running);
  server->stop();
}

// A unary call of a service for which there is no generated code here; messages as their wire bytes.
std::string call(const std::string& path, const std::string& method, const std::string& request) {
  const auto channel = grpc::CreateChannel(proto::grpc_address(path), grpc::InsecureChannelCredentials());
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  const auto reader = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  reader->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  reader->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  if (!status.ok()) return status.error_message();
  grpc::Slice answer;
  return response.DumpToSingleSlice(&answer).ok() ? std::string(answer.begin(), answer.end()) : "unreadable";
}

TEST_F(ServiceTest, HealthSaysThatItServes) {
  const std::string serving = "\x08\x01";  // status: SERVING
  const std::string service = "iris.v1.Control";
  EXPECT_EQ(call(path, "/grpc.health.v1.Health/Check", ""), serving);
  EXPECT_EQ(call(path, "/grpc.health.v1.Health/Check", "\x0a\x0f" + service), serving);
}

TEST_F(ServiceTest, ReflectionNamesTheService) {
  const std::string list_services = "\x3a\x01*";
  EXPECT_THAT(call(path, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services),
              HasSubstr("iris.v1.Control"));
}

TEST(Status, LongMessagesAreCutAndMadeUtf8) {
  const auto status = to_status({ErrorCode::internal, "\xff" + std::string(100'000, 'x')});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_LT(status.error_message().size(), 5000U);
  EXPECT_TRUE(status.error_message().starts_with("\ufffdx"));
  EXPECT_TRUE(status.error_message().ends_with("…"));
}

}  // namespace
}  // namespace iris::control
