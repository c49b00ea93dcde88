#include "client/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace iris::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Added added() {
  v1::Added result;
  result.set_name("log_tls");
  result.set_id(3);
  result.set_epoch(7);
  for (const auto& [name, ms] : {std::pair{"front end", 3.94}, {"code", 1.1}, {"publish", 0.4}}) {
    result.add_stages()->set_name(name);
    result.mutable_stages()->rbegin()->set_milliseconds(ms);
  }
  result.set_total_milliseconds(8.91);
  return result;
}

v1::Subscription subscription() {
  v1::Subscription result;
  result.set_name("log_tls");
  result.set_id(3);
  result.set_epoch(7);
  result.mutable_added()->set_seconds(1709251199);
  result.mutable_added()->set_nanos(250'000'000);
  result.mutable_source()->set_name("log_tls.cpp");
  result.mutable_source()->set_text("int x;\n");
  for (const auto* filter : {"tls", "tcp.port = 53\nor dns"}) {
    v1::Callback& callback = *result.add_callbacks();
    callback.set_name("f");
    callback.set_event("match");
    callback.set_filter(filter);
    callback.set_matched(10);
    callback.set_calls(9);
  }
  result.set_emitted(12345);
  return result;
}

TEST(Print, Added) {
  EXPECT_EQ(added_text(added()), "log_tls: live in epoch 7 after 8.9 ms (front end 3.9, code 1.1, publish 0.4)\n");
  EXPECT_EQ(added_json(added()), R"({"name":"log_tls","id":3,"epoch":7,"milliseconds":)"
                                 R"({"front end":3.94,"code":1.1,"publish":0.4,"total":8.91}})"
                                 "\n");
}

TEST(Print, ListIsAligned) {
  v1::ListResponse list;
  EXPECT_EQ(list_text(list), "no subscriptions\n");
  EXPECT_EQ(list_json(list), "");
  *list.add_subscriptions() = subscription();
  v1::Subscription& other = *list.add_subscriptions();
  other.set_name("\u00e9\u00e9");
  other.set_id(100);
  EXPECT_EQ(list_text(list),
            "name      id  epoch  matched  calls  emitted  dropped  filter\n"
            "log_tls    3      7       20     18    12345        0  tls; tcp.port = 53 or dns\n"
            "\u00e9\u00e9       100      0        0      0        0        0\n");
  const std::string json = list_json(list);
  EXPECT_EQ(std::ranges::count(json, '\n'), 2);
}

TEST(Print, Show) {
  EXPECT_EQ(show_text(subscription()),
            "name     log_tls\n"
            "id       3\n"
            "epoch    7 and later\n"
            "added    2024-02-29T23:59:59.250Z\n"
            "emitted  12345 events\n"
            "dropped  0 events\n"
            "source   log_tls.cpp\n"
            "\n"
            "callback  event  matched  calls  filter\n"
            "f         match       10      9  tls\n"
            "f         match       10      9  tcp.port = 53 or dns\n"
            "\n"
            "int x;\n");
  EXPECT_EQ(show_json(subscription()),
            R"({"name":"log_tls","id":3,"epoch":7,"added":"2024-02-29T23:59:59.250Z","matched":20,"calls":18,)"
            R"("emitted":12345,"dropped":0,"callbacks":[)"
            R"({"name":"f","filter":"tls","event":"match","matched":10,"calls":9},)"
            R"({"name":"f","filter":"tcp.port = 53\nor dns","event":"match","matched":10,"calls":9}],)"
            R"("source_name":"log_tls.cpp","source":"int x;\n"})"
            "\n");
}

TEST(Print, Status) {
  v1::StatusResponse status;
  status.set_version("0.1.0");
  status.set_uptime_seconds(90061.5);
  status.set_epoch(7);
  status.set_subscriptions(2);
  EXPECT_EQ(status_text(status), "irisd 0.1.0, up 1 d 01:01:01\nepoch 7, 2 live, 0 retiring\n");
  status.set_uptime_seconds(61);
  v1::Port& port = *status.add_ports();
  port.set_name("eth0");
  port.set_packets(10);
  v1::Worker& worker = *status.add_workers();
  worker.set_lcore(1);
  worker.set_connections_live(1234567);
  EXPECT_EQ(status_text(status),
            "irisd 0.1.0, up 00:01:01\nepoch 7, 2 live, 0 retiring\n\n"
            "port  packets  bytes  missed\n"
            "eth0       10      0       0\n\n"
            "worker  epoch  packets  bytes  undecoded  connections  begun  ended  evicted\n"
            "     1      0        0      0          0      1234567      0      0        0\n");
  EXPECT_TRUE(status_json(status).starts_with(R"({"version":"0.1.0","uptime_seconds":61.0,"epoch":7,)"));
}

TEST(Print, StatusTellsWhatHappened) {
  v1::StatusResponse status;
  status.set_version("0.1.0");
  v1::Worker& worker = *status.add_workers();
  worker.set_lcore(3);
  worker.set_stray_resets(5);
  worker.set_packets_filtered(12);
  worker.mutable_undecoded_by_reason()->set_other_transport(6);
  worker.mutable_fragments()->set_overlapping(7);
  worker.mutable_reassembly()->set_held_packets(8);
  worker.mutable_reassembly()->mutable_gaps()->set_pool(9);
  worker.mutable_hand_over()->set_sent(10);
  worker.mutable_memory()->mutable_table()->set_used(1 << 20);
  worker.mutable_memory()->mutable_table()->set_reserved(10 << 20);
  worker.mutable_memory()->mutable_blocks()->set_refused(11);
  worker.mutable_pressure()->set_now(v1::Worker::Pressure::CRITICAL);
  worker.mutable_pressure()->mutable_since()->set_seconds(1709251199);
  worker.mutable_pressure()->set_low(2);
  worker.mutable_pressure()->set_critical(1);
  v1::Worker& other = *status.add_workers();
  other.set_lcore(4);
  other.mutable_memory();
  other.mutable_pressure()->set_now(v1::Worker::Pressure::NONE);
  EXPECT_EQ(status_text(status),
            "irisd 0.1.0, up 00:00:00\nepoch 0, 0 live, 0 retiring\n\n"
            "worker  epoch  packets  bytes  undecoded  connections  begun  ended  evicted\n"
            "     3      0        0      0          0            0      0      0        0\n"
            "     4      0        0      0          0            0      0      0        0\n\n"
            "worker  evicted half-open  others  unobserved  stray resets  midstream ignored  filtered packets\n"
            "     3                  0       0           0             5                  0                12\n"
            "     4                  0       0           0             0                  0                 0\n\n"
            "worker  not IP  not TCP or UDP  cut off  malformed\n"
            "     3       0               6        0          0\n"
            "     4       0               0        0          0\n\n"
            "worker  fragments  datagrams  cut off  expired  evicted  overlapping  malformed  duplicates  lost\n"
            "     3          0          0        0        0        0            7          0           0     0\n"
            "     4          0          0        0        0        0            0          0           0     0\n\n"
            "worker  held packets  copied bytes  dropped segments  inconsistent bytes\n"
            "     3             8             0                 0                   0\n"
            "     4             0             0                 0                   0\n\n"
            "worker  gaps after time  packets  bytes  pool  jump  end  cut off\n"
            "     3                0        0      0     9     0    0        0\n"
            "     4                0        0      0     0     0    0        0\n\n"
            "worker  handed over  lost on the way\n"
            "     3           10                0\n"
            "     4            0                0\n\n"
            "worker  table            connections     parsers         state                       early segments\n"
            "     3  1.0 of 10.0 MiB  0.0 of 0.0 MiB  0.0 of 0.0 MiB  0.0 of 0.0 MiB, 11 refused  0.0 of 0.0 MiB\n"
            "     4  0.0 of 0.0 MiB   0.0 of 0.0 MiB  0.0 of 0.0 MiB  0.0 of 0.0 MiB              0.0 of 0.0 MiB\n\n"
            "worker  buffers short  since                     times low  times critical\n"
            "     3  critical       2024-02-29T23:59:59.000Z          2               1  degraded: events lack data\n"
            "     4  none           the start                         0               0\n");
}

TEST(Print, StatusForProgramsHasEveryNumber) {
  v1::StatusResponse status;
  v1::Worker& worker = *status.add_workers();
  worker.mutable_pressure()->set_now(v1::Worker::Pressure::CRITICAL);
  worker.mutable_pressure()->mutable_since()->set_seconds(1709251199);
  const auto json = nlohmann::json::parse(status_json(status))["workers"][0];
  EXPECT_EQ(json["degraded"], true);
  EXPECT_EQ(json["pressure"], nlohmann::json::parse(R"({"now":"critical","since":"2024-02-29T23:59:59.000Z",)"
                                                    R"("low":0,"critical":0})"));
  // What the message has, the line has.
  const auto compare = [](const auto& self, const google::protobuf::Descriptor& message,
                          const nlohmann::json& object) -> void {
    for (int i = 0; i < message.field_count(); ++i) {
      const auto& field = *message.field(i);
      const std::string name(field.name());
      ASSERT_TRUE(object.contains(name)) << message.full_name() << "." << name;
      if (field.message_type() != nullptr && object[name].is_object()) {
        self(self, *field.message_type(), object[name]);
      }
    }
  };
  compare(compare, *v1::Worker::descriptor(), json);
}

v1::ExplainResponse sample_plan(int hosts) {
  v1::ExplainResponse plan;
  plan.set_epoch(3);
  plan.set_subscriptions(static_cast<std::uint32_t>(hosts));
  plan.set_packets(1000);
  plan.set_samples(10);
  auto& work = *plan.add_work();
  work.set_name("parsers");
  work.set_share(0.25);
  auto& parser = *plan.add_parsers();
  parser.set_name("http");
  parser.set_share(0.2);
  auto& graph = *plan.add_graphs();
  graph.add_nodes()->set_reached(100);
  auto& http = *graph.add_nodes();
  http.set_depth(1);
  http.set_literal("http");
  http.set_reached(90);
  http.set_share(0.031);
  http.set_filters(static_cast<std::uint32_t>(hosts));
  for (int i = 0; i < hosts; ++i) {
    auto& host = *graph.add_nodes();
    host.set_depth(2);
    host.set_literal("http.host = \"h" + std::to_string(i) + "\"");
    host.set_reached(static_cast<std::uint64_t>(i));
    host.set_filters(1);
    auto& callback = *host.add_callbacks();
    callback.set_name("s" + std::to_string(i) + "/log");
    callback.set_matched(static_cast<std::uint64_t>(i));
    callback.set_calls(static_cast<std::uint64_t>(i));
    callback.set_share(0.125);
  }
  auto& lookup = *graph.add_lookups();
  lookup.set_field("http.host");
  lookup.set_op("=");
  lookup.set_share(0.05);
  lookup.set_predicates(static_cast<std::uint64_t>(hosts));
  lookup.set_count(90);
  return plan;
}

TEST(Plan, IsATreeWithCounts) {
  EXPECT_EQ(plan_text(sample_plan(2)), R"(epoch 3, 2 subscriptions, 1000 packets
time: parsers 25.0 % (of 10 samples)
parsers: http 20.0 %

                      reached    time
every connection          100   0.0 %  by look-ups
  http                     90   3.1 %  2 filters
    http.host = "h0"        0   0.0 %  1 filter
      => s0/log             0  12.5 %  0 calls
    http.host = "h1"        1   0.0 %  1 filter
      => s1/log             1  12.5 %  1 call

index        predicates  look-ups   time
http.host =           2        90  5.0 %
)");
}

TEST(Plan, SaysWhatDecides) {
  v1::ExplainResponse plan = sample_plan(1);
  plan.mutable_graphs(0)->set_straight(true);
  EXPECT_THAT(plan_text(plan), HasSubstr("every connection          100   0.0 %  by straight-line code\n"));
  EXPECT_EQ(nlohmann::json::parse(plan_json(plan))["graphs"][0]["by"], "straight-line code");
}

TEST(Plan, SaysThatNothingWasSampled) {
  v1::ExplainResponse plan = sample_plan(1);
  EXPECT_THAT(plan_text(plan), Not(HasSubstr("nothing was sampled")));
  plan.set_samples(0);
  EXPECT_THAT(plan_text(plan), HasSubstr("\ntime: nothing was sampled yet"));
}

TEST(Plan, OfManyChildrenThoseReachedMostAreShown) {
  const std::string text = plan_text(sample_plan(1000));
  EXPECT_THAT(text, HasSubstr("http.host = \"h999\""));
  EXPECT_THAT(text, HasSubstr("http.host = \"h988\""));
  EXPECT_THAT(text, Not(HasSubstr("http.host = \"h987\"")));
  EXPECT_THAT(text, HasSubstr("… and 988 more"));
  EXPECT_EQ(nlohmann::json::parse(plan_json(sample_plan(1000)))["graphs"][0]["nodes"].size(), 1002U);
}

TEST(Plan, IsAGraphForGraphviz) {
  const std::string text = plan_dot(sample_plan(1));
  EXPECT_THAT(text, HasSubstr("n0_0 [label=\"every connection\\n100, 0.0 %\"];"));
  EXPECT_THAT(text, HasSubstr("n0_1 -> n0_2;"));
  EXPECT_THAT(text, HasSubstr(R"(n0_1 [label="http\n90, 3.1 %", style=filled, fillcolor="0.03 0.06 1.0"];)"));
  EXPECT_THAT(text, HasSubstr(R"(n0_2 [label="http.host = \"h0\"\n0, 0.0 %"];)"));
  EXPECT_THAT(text, HasSubstr("n0_2 -> c0_2_0;"));
}

}  // namespace
}  // namespace iris::client
