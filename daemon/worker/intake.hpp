// From received packets to what connections are made of: decoded, out of their tunnels, put together from fragments,
// and with the worker that owns their connection.
//
// A frame without tunnels and fragments costs its decoding and nothing else. The others are taken layer by layer, from
// the outside in: a layer that is a fragment waits for its datagram, which then takes its place; one that is a tunnel
// has another layer inside.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "daemon/conn/arrival.hpp"
#include "daemon/conn/counter.hpp"
#include "daemon/worker/fragments.hpp"
#include "daemon/worker/mailboxes.hpp"
#include "parsers/packet/tunnel.hpp"

namespace iris::worker {

// A frame, or one of the layers inside it, as it was decoded: what the event Packet is of.
struct Layer {
  conn::Arrival arrival;
  parsers::packet::DecodeStatus status = parsers::packet::DecodeStatus::ok;
};

// Which layers of a tunnelled packet are packets of connections.
enum class Layers : std::uint8_t {
  inner,  // the innermost alone
  outer,  // the outermost alone: tunnels are not looked into
  both,   // all of them, outermost first
};

struct IntakeOptions {
  parsers::packet::Tunnels tunnels{};
  Layers layers = Layers::both;
  FragmentLimits fragments{};
};

// Where other workers are, if there are any.
struct Neighbours {
  Mailboxes* mailboxes = nullptr;  // outlives the intake; nullptr: everything is ours
  std::uint32_t worker = 0;        // we, from 0
  bool spread_by_owner = false;    // source::Source::spread_by_owner
};

// Totals since the start. Written by one thread, read by anyone.
struct IntakeCounters {
  using Counter = conn::Counter;

  Counter packets;  // received
  Counter bytes;    // of them, on the wire

  // Frames that gave nothing, by what the innermost of their layers was.
  Counter not_ip;
  Counter other_transport;  // neither TCP nor UDP, nor a tunnel that is looked into
  Counter truncated;        // the capture cut a header off
  Counter malformed;
  // Frames that gave nothing but a fragment to wait for the others.
  Counter fragments;

  Counter handed_over;        // packets and fragments that another worker owns
  Counter lost_in_hand_over;  // of those, which it was too far behind to take

  [[nodiscard]] FragmentCounters reassembled() const noexcept;
  void set_reassembled(const FragmentCounters& counters) noexcept;

  // Not TCP or UDP over IP, or damaged.
  [[nodiscard]] std::uint64_t undecoded() const noexcept {
    return not_ip.load() + other_transport.load() + truncated.load() + malformed.load();
  }

 private:
  static_assert(std::is_trivially_copyable_v<FragmentCounters> &&
                sizeof(FragmentCounters) % sizeof(std::uint64_t) == 0);
  std::array<Counter, sizeof(FragmentCounters) / sizeof(std::uint64_t)> reassembled_{};
};

// Used by one thread, but for counters().
class Intake {
 public:
  // `holder` outlives it: of the packets.
  Intake(const IntakeOptions& options, source::PacketHolder& holder, const Neighbours& neighbours = {});
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // What a burst of at most max_burst packets holds for this worker, in its order: at most max_burst for each layer
  // that a frame may have. Valid until the next call of either function; the burst's packets are the caller's, as
  // before. With `show_layers`, layers() has all that was decoded for it, too.
  [[nodiscard]] std::span<const conn::Arrival> take(std::span<const source::PacketRef> burst,
                                                    bool show_layers = false) noexcept;
  // Likewise what other workers have handed over: some of it. Empty when nothing waits. The packets are the intake's.
  [[nodiscard]] std::span<const conn::Arrival> take_handed_over(bool show_layers = false) noexcept;

  // Of what the latest call of either function took: every layer once, whatever came of it, on the worker that decoded
  // it first. A datagram that was put together was shown as its fragments; what is inside it is another layer. Valid as
  // long as what that call returned.
  [[nodiscard]] std::span<const Layer> layers() const noexcept { return layers_; }

  // Gives up fragments that have waited too long at `now`.
  void expire(Timestamp now) noexcept;

  [[nodiscard]] const IntakeCounters& counters() const noexcept { return counters_; }

 private:
  using DecodeStatus = parsers::packet::DecodeStatus;

  void begin(bool show_layers) noexcept;
  void show(const conn::Arrival& arrival, DecodeStatus status) noexcept {
    if (show_layers_) [[unlikely]]
      layers_.push_back({arrival, status});
  }
  [[nodiscard]] std::optional<parsers::packet::Inner> inner_of(const parsers::packet::Frame& frame,
                                                               const conn::Arrival& layer) const noexcept;
  void unwrap(conn::Arrival layer, DecodeStatus status) noexcept;
  [[nodiscard]] bool put_together(conn::Arrival& layer, DecodeStatus& status) noexcept;
  void give(const conn::Arrival& layer) noexcept;
  [[nodiscard]] bool owned(const conn::Arrival& layer) const noexcept;
  void send(const Parcel& parcel, std::uint32_t receiver) noexcept;
  void count_nothing(DecodeStatus status) noexcept;
  void publish_fragments() noexcept;

  const IntakeOptions options_;
  const Neighbours neighbours_;
  source::PacketHolder& holder_;
  Fragments fragments_;
  std::vector<conn::Arrival> arrivals_;
  std::size_t count_ = 0;  // of them, valid
  std::vector<Layer> layers_;
  bool show_layers_ = false;
  std::vector<source::PacketRef> released_;  // by the next call: datagrams that we made, packets handed over to us
  std::uint64_t frames_ = 0;
  std::uint32_t next_sender_ = 0;
  IntakeCounters counters_;
};

}  // namespace iris::worker
