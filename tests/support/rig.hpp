// One worker's engine with everything around it but a daemon: compiler, linker, registry, tracker, and an output that
// keeps what was emitted. For tests and benchmarks that bring their own packets.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/conn/tracker.hpp"
#include "daemon/control/registry.hpp"
#include "daemon/output/output.hpp"
#include "daemon/publish/publisher.hpp"
#include "daemon/source/source.hpp"
#include "daemon/worker/intake.hpp"
#include "jit/engine/engine.hpp"

namespace iris::support {

class Rig {
 public:
  // `holder` is the source of the packets, and outlives the rig. Throws std::runtime_error with what failed.
  explicit Rig(source::PacketHolder& holder, const conn::Limits& limits = {.capacity = 1U << 16},
               control::Straighten straighten = control::Straighten::behind);
  ~Rig();

  [[nodiscard]] control::Registry& registry() { return *registry_; }
  [[nodiscard]] publish::Publisher& publisher() { return publisher_; }
  [[nodiscard]] conn::Tracker& tracker() { return *tracker_; }
  [[nodiscard]] worker::Intake& intake() { return intake_; }

  // A worker's turn on the calling thread: it takes up the published pipeline, which stays as long as the turn. No
  // change of subscriptions can end meanwhile.
  class Turn {
   public:
    explicit Turn(Rig& rig);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Rig& rig_;
  };

  // A turn in which it does what a worker does with a burst, and sweeps all.
  void process(std::span<const source::PacketRef> burst);
  // One in which there is no packet.
  void adopt() { const Turn turn(*this); }
  // Ends all connections.
  void finish(EndReason reason = EndReason::end_of_input);

  // Lines emitted so far by `subscription`, parsed.
  [[nodiscard]] std::vector<nlohmann::json> events(const std::string& subscription);
  // All lines emitted since it was called last, parsed, by subscription.
  [[nodiscard]] std::map<std::string, std::vector<nlohmann::json>> take_events();
  // Look-ups so far in the live pipeline's family of `field` ("port"), over all operators.
  [[nodiscard]] std::uint64_t evaluations(const std::string& field);

 private:
  class Keeper;

  output::Output output_;
  Keeper* keeper_ = nullptr;
  std::unique_ptr<jit::Compiler> compiler_;
  std::unique_ptr<engine::Engine> engine_;
  publish::Publisher publisher_{1};
  std::unique_ptr<control::Registry> registry_;
  worker::Intake intake_;
  std::unique_ptr<conn::Tracker> tracker_;
  std::pair<std::uint32_t, std::uint32_t> adopted_;  // epoch, edition
};

}  // namespace iris::support
