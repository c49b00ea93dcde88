// Captures on several workers, with the same outcome for any number of them.
//
// One reader hands out packets in rounds of a fixed number of frames and a limited span of time, each to the worker
// that owns its connection. The workers turn their timers to the time of the round's first packet, process their shares
// side by side, and turn the timers to the time of its last; so what a connection experiences, and when, depends on the
// capture alone. What is emitted is put in the order of
// abi::Position at the end of each round. While the workers are at one round, the reader writes out what the one before
// emitted, and reads the next: memory is bounded by what two rounds hold and emit.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "daemon/output/output.hpp"
#include "daemon/source/source.hpp"
#include "daemon/worker/connections.hpp"
#include "daemon/worker/intake.hpp"

namespace iris::worker {

struct RoundsParts {
  source::Source& source;  // whose packets any thread may hold and release
  publish::Publisher& publisher;
  output::Output& output;                                      // Mode::ordered
  std::span<const std::unique_ptr<conn::Tracker>> trackers{};  // one for each worker, in their order
  IntakeOptions intake{};
  bool show_layers = false;     // some subscription asks for packets by themselves
  std::uint32_t frames = 4096;  // of a round
};

// Everything in `parts` outlives it. run() is called once.
class Rounds {
 public:
  explicit Rounds(const RoundsParts& parts);
  ~Rounds();
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  // Until `stop` is requested or the source is exhausted; then ends all connections (EndReason::end_of_input). A
  // pipeline has been published before. Everything emitted has gone to the output's sinks when it returns.
  void run(const std::stop_token& stop);

  [[nodiscard]] const IntakeCounters& intake() const noexcept { return intake_.counters(); }

 private:
  struct Share;
  struct Round;

  [[nodiscard]] bool read(Round& round, const std::stop_token& stop);
  void receive();
  void share_out(Round& round, std::span<const source::PacketRef> packets);
  void process(Connections& connections, Share& share, const Round& round) noexcept;
  void release(Share& share) noexcept;

  const RoundsParts parts_;
  const source::Owner owner_;
  Intake intake_;
  std::array<source::PacketRef, conn::max_burst> burst_;
  std::span<source::PacketRef> waiting_;  // of burst_: received, and in no round yet
  std::uint64_t last_ = 0;                // Arrival::number handed out last
};

}  // namespace iris::worker
