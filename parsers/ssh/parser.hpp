// SSH over a connection's two directions, up to where it is encrypted. The client is who originated the connection; of
// one that was joined midway that is a guess, and only the key exchange's reply corrects it. A gap ends its direction.
#pragma once

#include <array>
#include <cstdint>

#include <iris/protocols/ssh.hpp>

#include "parsers/api.hpp"
#include "parsers/ssh/reader.hpp"

namespace iris::parsers::ssh {

class SshParser final : public Parser {
 public:
  // All memory is `arena`'s, which must outlive the parser.
  explicit SshParser(Arena& arena) noexcept : arena_(arena) { handshake_.layout.arena = &arena; }

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // An SshHandshake.
  [[nodiscard]] const void* session() const noexcept override { return &handshake_; }

 private:
  struct Side {
    Reader reader;
    bool identified = false;
    bool has_kex = false;
    bool over = false;
  };
  enum class Reported : std::uint8_t { nothing, session, end };

  void read(Side& side, std::span<const std::uint8_t> bytes, bool of_client) noexcept;
  void take_identification(Side& side, bool of_client) noexcept;
  void take_packet(Side& side, bool of_client) noexcept;
  void negotiate() noexcept;
  [[nodiscard]] bool any() const noexcept { return sides_[0].identified || sides_[1].identified; }
  [[nodiscard]] Status report() noexcept;

  Arena& arena_;
  SshHandshake handshake_;
  std::array<Side, 2> sides_;  // by Direction: the client's, the server's
  bool host_key_seen_ = false;
  Reported reported_ = Reported::nothing;
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::ssh
