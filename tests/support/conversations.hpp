// TCP conversations from memory, for tests and benchmarks of what comes after the source: any number at a time, each
// from handshake to FIN and then anew with other ports, their packets interleaved at random but reproducibly.
//
// Packet k of a conversation (from 0): SYN, SYN-ACK, ACK, ClientHello, ServerHello, then data in alternating
// directions, FIN, FIN, ACK. Data carries the conversation's packet number in its first eight bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "daemon/source/memory.hpp"

namespace iris::support {

struct ConversationOptions {
  std::uint32_t conversations = 1000;  // at a time
  std::uint32_t packets = 20;          // of each; at least 8
  std::uint64_t seed = 1;
  Timestamp start{1'700'000'000'000'000'000};  // of the first packet
};

class Conversations {
 public:
  explicit Conversations(const ConversationOptions& options);

  // Up to `burst.size()` packets, at most 64. Their bytes are reused after 4,096 further packets.
  std::size_t generate(std::span<source::PacketRef> burst);

  // So far.
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }
  [[nodiscard]] std::uint64_t finished() const { return finished_; }

 private:
  struct State {
    std::uint32_t generation = 0;
    std::uint32_t step = 0;
    std::uint32_t sequence[2] = {0, 0};  // next, by direction
  };
  struct Template {
    std::vector<std::uint8_t> bytes;
    bool from_client = true;
    std::uint32_t advance = 0;  // sequence numbers used
  };

  void write(std::uint8_t* to, std::uint32_t index, State& state);

  ConversationOptions options_;
  std::vector<Template> script_;
  std::vector<State> states_;
  std::unique_ptr<std::uint8_t[]> buffers_;
  std::uint64_t random_;
  std::uint64_t packets_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t finished_ = 0;
};

}  // namespace iris::support
