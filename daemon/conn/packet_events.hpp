// The event Packet: every frame that a worker receives, by itself, to the callbacks whose filter is true of it. A stage
// beside connections: it has a plan of its own, keeps nothing from one packet to the next, and costs nothing where no
// subscription asks for it.
//
// A packet's filter is decided at once, by the same machinery as a connection's at its first packet: the sender stands
// for the originator. So a subscription sees packets from the first burst of its pipeline to the last, and when a
// worker has taken up the next pipeline, nothing refers to the former one's code any more.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <iris/frame.hpp>

#include "daemon/conn/arrival.hpp"
#include "daemon/conn/evaluator.hpp"
#include "daemon/conn/meter.hpp"
#include "daemon/conn/pipeline.hpp"
#include "daemon/conn/progress.hpp"
#include "daemon/source/packet.hpp"
#include "jit/abi/host_api.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::conn {

// The packet as authors see it. `decoded` is what decode() made of it with `status`: what that leaves undefined is not
// looked at. Refers to the bytes and tags of both.
[[nodiscard]] Frame frame_of(const source::PacketRef& packet, parsers::packet::DecodeStatus status,
                             const parsers::packet::Decoded& decoded) noexcept;

// One a worker; used by its thread only.
class PacketEvents {
 public:
  // `meter` outlives it.
  PacketEvents(std::uint32_t worker, abi::EmitSink& sink, Meter& meter)
      : sink_(sink), meter_(meter), progress_(&meter), evaluator_(worker, meter, progress_.tally()) {}

  // Between bursts. `pipeline` stays valid until the next one is used.
  void use(const Pipeline& pipeline) noexcept;

  // Whether take() does anything: asked once a burst.
  [[nodiscard]] bool wanted() const noexcept { return merged_ != nullptr; }

  // Delivers a packet: a layer of a frame that was decoded, with `status`.
  void take(const Arrival& layer, parsers::packet::DecodeStatus status) noexcept;

  // Of the packet plan. Thread: any.
  [[nodiscard]] const Tally& tally() const noexcept { return progress_.tally(); }

 private:
  void call(const Callee& callee, const Frame& frame) noexcept;

  abi::EmitSink& sink_;
  Meter& meter_;
  const Merged* merged_ = nullptr;
  std::uint32_t epoch_ = 0;
  Progress progress_;  // through merged_'s plan
  Evaluator evaluator_;
};

}  // namespace iris::conn
