// TCP conversations from memory, for tests and benchmarks of what comes after the source: any number at a time, each
// from handshake to FIN and then anew with other ports, their packets interleaved at random but reproducibly.
//
// Packet k of a conversation (from 0): SYN, SYN-ACK, ACK, ClientHello, ServerHello, then data in alternating
// directions, FIN, FIN, ACK. Data carries the conversation's packet number in its first eight bytes.
//
// With `names`, every second conversation is of HTTP instead, one in 64 asks for one of that many wanted names, and the
// others each for one of their own: `www.w0000017.test`, `www.o0000017.test`. Clients that ask for wanted name k are in
// the subnet 11.0.0.0/8 with k in the second and third byte; others in 10.0.0.0/8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/source/memory.hpp"

namespace iris::support {

struct ConversationOptions {
  std::uint32_t conversations = 1000;  // at a time
  std::uint32_t packets = 20;          // of each; at least 8
  std::uint64_t seed = 1;
  std::uint32_t names = 0;                     // wanted ones; 0: all ask for www.example.test
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
    std::size_t name_at = 0;    // of the name's first letter in `bytes`; 0: there is none
  };

  void write(std::uint8_t* to, std::uint32_t index, State& state);

  [[nodiscard]] std::vector<Template> make_script(std::span<const std::uint8_t> request,
                                                  std::span<const std::uint8_t> response) const;
  [[nodiscard]] std::optional<std::uint32_t> wanted(std::uint32_t index) const;
  [[nodiscard]] const std::vector<Template>& script_of(std::uint32_t index) const;
  void write_name(std::uint8_t* to, std::uint32_t index, const Template& packet) const;

  ConversationOptions options_;
  std::vector<Template> script_;
  std::vector<Template> http_script_;
  std::vector<State> states_;
  std::unique_ptr<std::uint8_t[]> buffers_;
  std::uint64_t random_;
  std::uint64_t packets_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t finished_ = 0;
};

}  // namespace iris::support
