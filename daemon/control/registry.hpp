// The subscriptions of this daemon: source in, live in milliseconds, out again with its memory. Each change is one new
// pipeline; nothing changes until a complete one exists, and any failure leaves the old one running.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "daemon/control/subscriptions.hpp"

namespace iris::conn {
class Tracker;
}
namespace iris::engine {
class Engine;
}
namespace iris::output {
class Output;
}
namespace iris::publish {
class Publisher;
}

namespace iris::control {

// When straight-line code takes the place of look-ups, where filters are few.
enum class Straighten : std::uint8_t {
  behind,   // when nothing has changed for a moment: no change waits for it
  at_once,  // each change waits for it: what is measured or compared is one kind of code from the first packet on
  never,
};

// What the registry puts together; all of it outlives the registry.
struct RegistryParts {
  jit::Compiler& compiler;
  engine::Engine& engine;
  publish::Publisher& publisher;
  output::Output& output;
  std::uint32_t workers = 1;
  // Fills in ports and workers of a status. May be empty.
  std::function<void(Status&)> telemetry;
  // The workers' trackers, whose counts `explain` tells of. May be empty.
  std::function<std::vector<const conn::Tracker*>()> trackers{};
  Straighten straighten = Straighten::behind;
};

class Registry final : public Subscriptions {
 public:
  explicit Registry(const RegistryParts& parts);
  // Workers have stopped: what is left is freed without ceremony.
  ~Registry();

  // Publishes the empty pipeline, so that workers have one to run.
  [[nodiscard]] Result<void> start();

  using Subscriptions::add;
  [[nodiscard]] Result<Added> add(const std::string& name, const jit::Source& source,
                                  const std::string& filter) override;
  [[nodiscard]] Result<AddedBatch> add_batch(const jit::Source& source, std::span<const Narrowed> batch) override;
  [[nodiscard]] Result<std::string> check(const jit::Source& source) override;
  [[nodiscard]] Result<void> remove(const std::string& name) override;
  [[nodiscard]] Result<std::vector<std::string>> remove_matching(const std::string& pattern) override;
  [[nodiscard]] std::vector<SubscriptionInfo> list() const override;
  [[nodiscard]] Result<SubscriptionInfo> show(const std::string& name) const override;
  [[nodiscard]] Status status() const override;
  [[nodiscard]] Result<PlanInfo> explain(const std::string& name) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::control
