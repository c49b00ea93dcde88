// The whole engine with one conversation at a time, whose packets come each 200 ms: SYN, SYN-ACK, ACK, ClientHello,
// ServerHello, four of 64 bytes in turn, FIN, FIN, ACK.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/conversations.hpp"
#include "tests/support/rig.hpp"

namespace iris::control {

class OneConversation : public testing::Test {
 protected:
  static constexpr unsigned conversation_packets = 12;

  void packets(unsigned count) {
    source::PacketRef packet;
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(traffic_.generate({&packet, 1}), 1U);
      now_ = packet.ts;
      rig_.process({&packet, 1});
    }
  }
  void conversation() {
    packets(conversation_packets);
    linger();
  }
  // Until closed connections no longer wait for late packets.
  void linger() { rig_.tracker().expire(now_ + Duration{6'000'000'000}, 1'000'000); }
  void add(const std::string& name, const jit::Source& source, const std::string& filter = {}) {
    const auto added = rig_.registry().add(name, source, filter);
    ASSERT_TRUE(added) << filter << ": " << added.error().message;
  }

  // By filter: how many packets the source's callback, which tells that, sees from the deciding one on; nullopt: it
  // never matches; 0: the end decides.
  using Cases = std::map<std::string, std::optional<unsigned>>;
  void expect_seen(const jit::Source& source, const Cases& cases) {
    std::map<std::string, std::string> name_of;
    for (const auto& [filter, expected] : cases) {
      name_of[filter] = "f" + std::to_string(name_of.size());
      add(name_of[filter], source, filter);
    }
    conversation();
    for (const auto& [filter, expected] : cases) {
      std::vector<unsigned> seen;
      for (const auto& event : rig_.events(name_of[filter])) seen.push_back(event["packets"]);
      EXPECT_EQ(seen, expected ? std::vector{*expected} : std::vector<unsigned>{}) << filter;
    }
  }

  support::Conversations traffic_{{.conversations = 1, .packets = conversation_packets}};
  source::MemorySource holder_{[](std::span<source::PacketRef>) { return std::size_t{0}; }};
  support::Rig rig_{holder_};
  Timestamp now_;  // of the latest packet
};

}  // namespace iris::control
