// Every data type as a subscription gets it, of conversations whose every packet is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/control/records.hpp"
#include "tests/unit/daemon/control/one_conversation.hpp"

namespace iris::control {
namespace {

using nlohmann::json;
using testing::ElementsAre;

class DataTypes : public OneConversation {
 protected:
  void conversations(unsigned count) {
    packets(count * conversation_packets);
    linger();
  }
  void add(const std::string& name, const std::string& body) {
    OneConversation::add(name, {.name = name + ".cpp", .text = "#include <iris/iris.hpp>\n" + body});
  }
  // What the source emits of one conversation.
  std::vector<json> of_one(const std::string& body) {
    add("one", body);
    conversations(1);
    return rig_.events("one");
  }
  json only(const std::string& body) {
    const auto events = of_one(body);
    EXPECT_EQ(events.size(), 1U);
    return events.empty() ? json() : events.front();
  }
};

TEST_F(DataTypes, PktCount) {
  const auto row = only(R"(
struct Row { std::uint64_t originator, responder, total; };
IRIS_CALLBACK("tcp") void f(const iris::PktCount& n) { iris::emit(Row{n.originator, n.responder, n.total()}); }
)");
  EXPECT_EQ(row, (json{{"originator", 7}, {"responder", 5}, {"total", 12}}));
}

TEST_F(DataTypes, SessionsHaveHeadersAndAnEnd) {
  const auto rows = of_one(R"(
struct Row { std::string_view at; bool complete; };
IRIS_CALLBACK("tls") void headers(const iris::TlsHandshake& tls) { iris::emit(Row{"headers", tls.complete()}); }
IRIS_CALLBACK("tls") IRIS_ON(L7EndSession)
void end(const iris::TlsHandshake& tls, const iris::FiveTuple&) { iris::emit(Row{"end", tls.complete()}); }
struct IRIS_CALLBACK("tls") Both {
  unsigned begun = 0;
  IRIS_ON(L7EndHdrs) void begin(const iris::TlsHandshake&) { ++begun; }
  IRIS_ON(L7EndSession) void end(const iris::TlsHandshake& tls) {
    iris::emit(Row{begun == 1 ? "both" : "wrong", tls.complete()});
  }
};
)");
  std::vector<std::string> order;
  for (const auto& row : rows) {
    order.push_back(row["at"]);
    EXPECT_EQ(row["complete"], true);
  }
  ASSERT_EQ(order.size(), 3U);
  EXPECT_EQ(order.front(), "headers");
  EXPECT_THAT(order, testing::UnorderedElementsAre("headers", "end", "both"));
}

// All probes take part, whoever asks: results must not depend on neighbours. What was found is parsed only while
// somebody can still want its sessions.
TEST_F(DataTypes, ParsersAreThereOnlyForThoseWhoWantThem) {
  constexpr unsigned up_to_client_hello = 4;
  const auto parsers = [&] { return rig_.tracker().memory().arenas.used; };
  add("http", R"(IRIS_CALLBACK("http.host contains 'a'") void f(const iris::FiveTuple&) {})");
  packets(up_to_client_hello);
  EXPECT_EQ(parsers(), 0U);
  packets(conversation_packets - up_to_client_hello);
  add("other", R"(IRIS_CALLBACK("tcp.port = 1 and tls.sni contains 'a'") void f(const iris::FiveTuple&) {})");
  packets(up_to_client_hello);
  EXPECT_EQ(parsers(), 0U) << "decided by the tuple";
  packets(conversation_packets - up_to_client_hello);
  add("tls", R"(IRIS_CALLBACK("tls.sni contains 'a'") void f(const iris::FiveTuple&) {})");
  packets(up_to_client_hello);
  EXPECT_GT(parsers(), 0U);
  ASSERT_TRUE(rig_.registry().remove("tls").has_value());
  packets(1);
  EXPECT_EQ(parsers(), 0U) << "the last who wanted it has gone";
}

TEST_F(DataTypes, PktCountAtEveryPacket) {
  const auto rows = of_one(R"(
struct Row { std::uint64_t total; };
IRIS_CALLBACK("tcp") IRIS_ON(InL4Conn) void f(const iris::PktCount& n) { iris::emit(Row{n.total()}); }
)");
  ASSERT_EQ(rows.size(), 12U);
  EXPECT_EQ(rows.front()["total"], 1);
  EXPECT_EQ(rows.back()["total"], 12);
}

TEST_F(DataTypes, ByteCount) {
  const auto row = only(R"(
struct Row { std::uint64_t orig_wire, orig_payload, total_wire, total_payload; };
IRIS_CALLBACK("tcp") void f(const iris::ByteCount& n) {
  iris::emit(Row{n.originator.wire, n.originator.payload, n.total().wire, n.total().payload});
}
)");
  EXPECT_EQ(row["total_wire"], row["total_payload"].get<unsigned>() + 12 * 54);
  EXPECT_EQ(row["orig_wire"], row["orig_payload"].get<unsigned>() + 7 * 54);
}

TEST_F(DataTypes, InterArrivals) {
  const auto row = only(R"(
struct Row { std::uint64_t both, originator, responder; iris::Duration min, max, mean; double variance;
             std::span<const iris::Duration> first; };
IRIS_CALLBACK("tcp") void f(const iris::InterArrivals& t) {
  iris::emit(Row{t.both.count, t.originator.count, t.responder.count, t.responder.min, t.responder.max, t.both.mean(),
                 t.both.variance(), t.responder.first()});
}
)");
  EXPECT_EQ(row["both"], 11);
  EXPECT_EQ(row["originator"], 6);
  EXPECT_EQ(row["responder"], 4);
  EXPECT_EQ(row["min"], 0.4);
  EXPECT_EQ(row["max"], 0.6);
  EXPECT_NEAR(row["mean"].get<double>(), 0.2, 1e-9);
  EXPECT_NEAR(row["variance"].get<double>(), 0, 1e-9);
  EXPECT_THAT(row["first"], ElementsAre(0.6, 0.4, 0.4, 0.4));
}

TEST_F(DataTypes, HistoryDurationAndStart) {
  const auto row = only(R"(
struct Row { std::string_view history; double seconds; bool same; };
IRIS_CALLBACK("tcp") void f(const iris::ConnHistory& h, const iris::ConnDuration& d, const iris::StartTime& s) {
  iris::emit(Row{h.letters, d.seconds(), s.ts == d.start});
}
)");
  EXPECT_EQ(row["history"], "ShADdFf");
  EXPECT_NEAR(row["seconds"].get<double>(), 2.2, 1e-9);
  EXPECT_EQ(row["same"], true);
}

TEST_F(DataTypes, WhatTheFirstPacketTellsDelaysNothing) {
  add("one", R"(
struct Row { bool source, destination; std::size_t vlans; };
IRIS_CALLBACK("tcp") void f(const iris::EthAddr& link, const iris::Vlan& vlan, const iris::StartTime&) {
  iris::emit(Row{link.source.has_value(), link.destination.has_value(), vlan.ids().size()});
}
)");
  packets(1);
  const auto rows = rig_.events("one");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], (json{{"source", true}, {"destination", true}, {"vlans", 0}}));
}

TEST_F(DataTypes, FirstPacketsAreTheFirst) {
  const auto row = only(R"(
struct Row { std::vector<std::size_t> sizes; std::vector<bool>::size_type from_responder; std::size_t originator, responder; };
IRIS_CALLBACK("tls.sni contains 'example'")
void f(const iris::FirstPackets<6>& all, const iris::OriginatorPackets<64>& o, const iris::ResponderPackets<2>& r) {
  Row row{};
  for (const auto& packet : all) {
    row.sizes.push_back(packet.frame.size());
    row.from_responder += packet.direction == iris::Direction::FromResponder;
  }
  row.originator = o.size();
  row.responder = r.size();
  iris::emit(row);
}
)");
  EXPECT_EQ(row["sizes"].size(), 6U);
  EXPECT_EQ(row["sizes"][0], 54);
  EXPECT_EQ(row["sizes"][5], 54 + 64);
  EXPECT_EQ(row["from_responder"], 2);
  EXPECT_EQ(row["originator"], 7);
  EXPECT_EQ(row["responder"], 2);
}

// What one sees does not depend on how much others keep.
TEST_F(DataTypes, FirstPacketsAreTheSameInCompany) {
  const auto source = [](const std::string& n) {
    return R"(
struct Row { std::size_t size; std::vector<iris::Timestamp> times; };
IRIS_CALLBACK("tcp") void f(const iris::FirstPackets<)" +
           n + R"(>& all) {
  Row row{all.size(), {}};
  for (const auto& packet : all) row.times.push_back(packet.ts);
  iris::emit(row);
}
)";
  };
  add("four", source("4"));
  packets(3);  // a connection that only `four` sees
  add("sixty", source("60"));
  packets(conversation_packets - 3);
  conversations(1);
  const auto four = rig_.events("four");
  const auto sixty = rig_.events("sixty");
  ASSERT_EQ(four.size(), 2U);
  ASSERT_EQ(sixty.size(), 1U);
  EXPECT_EQ(four[0]["size"], 4);
  EXPECT_EQ(four[1]["size"], 4);
  EXPECT_EQ(sixty[0]["size"], 12);
  EXPECT_EQ(four[1]["times"][3], sixty[0]["times"][3]);
}

TEST_F(DataTypes, PayloadOfPacketsAndOfTheStream) {
  add("packets", R"(
struct Row { std::size_t size; bool from_originator; };
IRIS_CALLBACK("tcp") IRIS_ON(InL4Conn) void f(const iris::Payload& p) {
  iris::emit(Row{p.bytes.size(), p.from_originator()});
}
)");
  add("stream", R"(
struct Row { std::size_t size; };
IRIS_CALLBACK("tcp") IRIS_ON(InL4Stream) void f(const iris::Payload& p) { iris::emit(Row{p.bytes.size()}); }
)");
  conversations(1);
  const auto rows = rig_.events("packets");
  ASSERT_EQ(rows.size(), 12U);
  EXPECT_EQ(rows[0]["size"], 0);
  EXPECT_EQ(rows[5], (json{{"size", 64}, {"from_originator", true}}));
  EXPECT_EQ(rig_.events("stream").size(), 6U);
}

const std::string service_row = R"(
struct Row { std::optional<std::string_view> name; std::uint64_t packets; };
)";

TEST_F(DataTypes, ServiceAsSoonAsItIsKnown) {
  add("one", service_row + R"(
IRIS_CALLBACK("tcp") void f(const iris::Service& service, const iris::FiveTuple&) { iris::emit(Row{service.name, 0}); }
)");
  packets(3);
  EXPECT_TRUE(rig_.events("one").empty());
  packets(1);  // the ClientHello
  ASSERT_EQ(rig_.events("one").size(), 1U);
  EXPECT_EQ(rig_.events("one")[0]["name"], "tls");
  packets(8);
  EXPECT_EQ(rig_.events("one").size(), 1U);
}

TEST_F(DataTypes, ServiceWhenTheFilterIsDecidedLater) {
  const auto row = only(service_row + R"(
IRIS_CALLBACK("tls.sni contains 'example' or tls.sni = 'x'") void f(const iris::Service& s) {
  iris::emit(Row{s.name, 0});
}
)");
  EXPECT_EQ(row["name"], "tls");
}

TEST_F(DataTypes, ServiceOfAConnectionThatEndsBefore) {
  add("one", service_row + R"(
IRIS_CALLBACK("tcp") void f(const iris::Service& service) { iris::emit(Row{service.name, 0}); }
)");
  packets(2);
  rig_.finish();
  const auto rows = rig_.events("one");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows[0]["name"].is_null());
}

TEST_F(DataTypes, ServiceAtTheEnd) {
  const auto row = only(service_row + R"(
IRIS_CALLBACK("") void f(const iris::ConnRecord& record, const iris::Service& service) {
  iris::emit(Row{service.name, record.originator.packets + record.responder.packets});
}
)");
  EXPECT_EQ(row, (json{{"name", "tls"}, {"packets", 12}}));
}

// ---- the default analysis -----------------------------------------------------------------------------------------

TEST_F(DataTypes, ConnIsARecord) {
  const auto source = source_of(std::vector<std::string>{"conn"});
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ(source->name, "conn.cpp");
  ASSERT_TRUE(rig_.registry().add("", *source, "tcp.port = 443").has_value());
  EXPECT_EQ(rig_.registry().list()[0].callbacks[0].filter, "tcp.port = 443");
  conversations(1);
  const auto rows = rig_.events("conn");
  ASSERT_EQ(rows.size(), 1U);
  const json& row = rows[0];
  EXPECT_EQ(row["transport"], "tcp");
  EXPECT_EQ(row["duration"], 2.2);
  EXPECT_EQ(row["orig_packets"], 7);
  EXPECT_EQ(row["resp_packets"], 5);
  EXPECT_EQ(row["orig_gap_bytes"], 0);
  EXPECT_EQ(row["history"], "ShADdFf");
  EXPECT_EQ(row["service"], "tls");
  EXPECT_EQ(row["end"], "fin");
  EXPECT_EQ(row["vlan"], json::array());
  EXPECT_EQ(row["responder"]["port"], 443);
}

TEST_F(DataTypes, AFilterNarrowsRecords) {
  const auto source = source_of({});
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ(source->name, "logs.cpp");
  ASSERT_TRUE(rig_.registry().add("", *source, "udp or tcp.port = 80").has_value());
  conversations(1);
  EXPECT_TRUE(rig_.events("logs").empty());
}

std::vector<Narrowed> batch_of(const std::vector<std::string>& filters) {
  std::vector<Narrowed> batch;
  for (const std::string& filter : filters) {
    const std::string number = std::to_string(batch.size() + 1);
    batch.push_back({"f-" + number, filter, "f.txt:" + number});
  }
  return batch;
}

TEST_F(DataTypes, ABatchGoesLiveTogetherAndSharesItsCode) {
  const auto source = source_of(std::vector<std::string>{"conn"});
  const auto batch = batch_of({"tcp.port = 443", "tcp.port = 80", "tcp"});
  const auto added = rig_.registry().add_batch(*source, batch);
  ASSERT_TRUE(added) << added.error().message;
  const auto again = rig_.registry().add("alone", *source, "tcp.port in 400..500");
  ASSERT_TRUE(again);
  EXPECT_EQ(std::ranges::count(again->stages, "front end", &jit::Stages::value_type::first), 0) << "it was compiled";
  for (const auto& info : rig_.registry().list()) {
    EXPECT_EQ(info.epoch, info.name == "alone" ? again->epoch : added->epoch);
  }
  conversations(1);
  EXPECT_EQ(rig_.events("f-1").size(), 1U);
  EXPECT_EQ(rig_.events("f-2").size(), 0U);
  EXPECT_EQ(rig_.events("f-3").size(), 1U);
  EXPECT_EQ(rig_.events("alone").size(), 1U);
  ASSERT_TRUE(rig_.registry().remove("f-1"));
  ASSERT_TRUE(rig_.registry().remove("f-3"));
  conversations(1);
  EXPECT_EQ(rig_.events("f-3").size(), 1U);
  EXPECT_EQ(rig_.events("alone").size(), 2U);
}

TEST_F(DataTypes, WhatMatchesAPatternGoesTogether) {
  const auto source = source_of(std::vector<std::string>{"conn"});
  ASSERT_TRUE(rig_.registry().add_batch(*source, batch_of({"tcp", "tcp.port = 443", "tls"})));
  ASSERT_TRUE(rig_.registry().add("alone", *source, "tcp"));
  const std::uint32_t before = rig_.registry().status().epoch;
  const auto removed = rig_.registry().remove_matching("f-*");
  ASSERT_TRUE(removed);
  EXPECT_THAT(*removed, ElementsAre("f-1", "f-2", "f-3"));
  EXPECT_EQ(rig_.registry().status().epoch, before + 1);
  conversations(1);
  EXPECT_EQ(rig_.events("f-1").size(), 0U);
  EXPECT_EQ(rig_.events("alone").size(), 1U);
  EXPECT_EQ(rig_.registry().remove_matching("f-*").error().code, ErrorCode::not_found);
}

TEST_F(DataTypes, ThePlanIsExplainedWithItsCounts) {
  const auto source = source_of(std::vector<std::string>{"conn"});
  ASSERT_TRUE(rig_.registry().add("secure", *source, "tls"));
  ASSERT_TRUE(rig_.registry().add("named", *source, "tls.sni = 'www.example.test' and not tcp.port = 80"));
  ASSERT_TRUE(rig_.registry().add("web", *source, "tcp.port = 80"));
  conversations(5);
  rig_.finish();
  const auto plan = rig_.registry().explain("");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->subscriptions, 3U);
  EXPECT_EQ(plan->packets, 60U);
  ASSERT_EQ(plan->graphs.size(), 1U);
  std::string tree;
  for (const auto& node : plan->graphs[0].nodes) {
    tree += std::string(2UZ * node.depth, ' ') + node.literal + " " + std::to_string(node.reached) + "\n";
    for (const auto& callback : node.callbacks) {
      tree += "=> " + callback.name + " " + std::to_string(callback.matched) + "\n";
    }
  }
  EXPECT_EQ(tree,
            " 5\n  tcp 5\n    tls 5\n=> secure/log_conn 5\n    tcp.port = 80 0\n=> web/log_conn 0\n"
            "    not tcp.port = 80 5\n      tls 5\n        tls.sni = 'www.example.test' 5\n=> named/log_conn 5\n");
  for (const auto& lookup : plan->graphs[0].lookups) EXPECT_EQ(lookup.count, 5U) << lookup.field;

  const auto one = rig_.registry().explain("web");
  ASSERT_TRUE(one);
  ASSERT_EQ(one->graphs[0].nodes.size(), 3U);
  EXPECT_THAT(one->graphs[0].nodes[1].shared_with, testing::ElementsAre("named", "secure"));
  EXPECT_TRUE(one->graphs[0].nodes[2].shared_with.empty());
  EXPECT_EQ(one->graphs[0].lookups.size(), 2U) << "the transport and the port";
  EXPECT_EQ(rig_.registry().explain("wob").error().code, ErrorCode::not_found);

  // What takes a number's place begins anew.
  ASSERT_TRUE(rig_.registry().remove("named"));
  rig_.adopt();
  ASSERT_TRUE(rig_.registry().add("other", *source, "udp and not udp.port = 9"));
  rig_.adopt();
  for (const auto& node : rig_.registry().explain("other")->graphs[0].nodes) {
    EXPECT_EQ(node.reached, node.depth == 0 ? 5U : 0U) << node.literal;
  }
}

TEST_F(DataTypes, OfABatchWithAFaultNothingGoesLive) {
  const auto source = source_of(std::vector<std::string>{"conn"});
  const auto refusal = [&](const std::vector<Narrowed>& batch) {
    const auto added = rig_.registry().add_batch(*source, batch);
    EXPECT_FALSE(added);
    EXPECT_TRUE(rig_.registry().list().empty());
    return added ? std::string() : added.error().message;
  };
  const auto faults = refusal(batch_of({"tcp", "tcp.prt = 1", "udp", "tls.sni = 5"}));
  EXPECT_THAT(faults, testing::HasSubstr("f.txt:2:1: error: unknown field 'tcp.prt'"));
  EXPECT_THAT(faults, testing::HasSubstr("\nf.txt:4:11: error: "));
  EXPECT_THAT(refusal(batch_of({"tcp", "tls.sni matches '('"})),
              testing::HasSubstr("f.txt:2:17: error: '(' is not a regular expression"));
  EXPECT_THAT(refusal({}), testing::HasSubstr("there is no filter"));
  auto twice = batch_of({"tcp", "udp"});
  twice[1].name = twice[0].name;
  EXPECT_THAT(refusal(twice), testing::HasSubstr("'f-1' is in this batch already"));
  EXPECT_TRUE(rig_.registry().add_batch(*source, batch_of({"tcp", "udp"}))) << "names were not given back";
}

TEST(Records, RefusesWhatIsNone) {
  const auto unknown = source_of(std::vector<std::string>{"conn", "con"});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("no record is named 'con' (did you mean 'conn'?)"));
}

TEST_F(DataTypes, ARecordsFilterIsRefusedWithItsPlace) {
  const auto filter = rig_.registry().add("", *source_of(std::vector<std::string>{"conn"}), "tcp and tls.snj = 'x'");
  ASSERT_FALSE(filter.has_value());
  EXPECT_EQ(filter.error().code, ErrorCode::invalid);
  EXPECT_THAT(filter.error().message, testing::HasSubstr("filter:1:9: error: unknown field 'tls.snj'"));
  EXPECT_THAT(filter.error().message, testing::HasSubstr("\n        ^~~~~~~"));
}

}  // namespace
}  // namespace iris::control
