#include "tests/support/rig.hpp"

#include <stdexcept>
#include <utility>

namespace iris::support {
namespace {

template <class Value>
Value value_of(Result<Value> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

class Rig::Keeper final : public output::Sink {
 public:
  std::size_t write(const output::Batch& batch) override {
    for (std::size_t i = 0; i < batch.ends.size(); ++i) events.push_back(nlohmann::json::parse(batch.line(i)));
    return batch.ends.size();
  }
  void cancel() noexcept override {}
  [[nodiscard]] std::optional<Error> failure() const override { return std::nullopt; }

  std::vector<nlohmann::json> events;
};

// Output waits for its sink: nothing that is emitted is lost.
Rig::Rig(source::PacketHolder& holder, const conn::Limits& limits, control::Straighten straighten)
    : output_({.workers = 1, .mode = output::Mode::synchronous}), intake_({}, holder) {
  auto keeper = std::make_unique<Keeper>();
  keeper_ = keeper.get();
  output_.add_sink(std::move(keeper));
  compiler_ = value_of(jit::Compiler::start({}));
  engine_ = value_of(engine::Engine::create());
  registry_ = std::make_unique<control::Registry>(
      control::RegistryParts{*compiler_,
                             *engine_,
                             publisher_,
                             output_,
                             1,
                             {},
                             [this] { return std::vector<const conn::Tracker*>{tracker_.get()}; },
                             straighten});
  if (auto started = registry_->start(); !started) throw std::runtime_error(started.error().message);
  tracker_ = value_of(
      conn::Tracker::create({.limits = limits, .worker = 0, .seed = 1, .holder = holder, .sink = output_.worker(0)}));
}

// As a worker does: the pipeline that the tracker had may be gone.
Rig::~Rig() { finish(); }

Rig::Turn::Turn(Rig& rig) : rig_(rig) {
  rig.publisher_.online(0);
  const conn::Pipeline& published = *rig.publisher_.current(0);
  const std::pair adopted(published.epoch, published.edition);
  if (adopted != rig.adopted_) rig.tracker_->adopt(published);
  rig.adopted_ = adopted;
}

Rig::Turn::~Turn() {
  rig_.publisher_.report_oldest_epoch(0, rig_.tracker_->oldest_epoch());
  rig_.publisher_.offline(0);
}

void Rig::finish(EndReason reason) {
  const Turn turn(*this);
  tracker_->finish(reason);
}

void Rig::process(std::span<const source::PacketRef> burst) {
  const Turn turn(*this);
  conn::PacketEvents& packets = tracker_->packet_events();
  const auto arrivals = intake_.take(burst, packets.wanted());
  for (const worker::Layer& layer : intake_.layers()) packets.take(layer.arrival, layer.status);
  tracker_->process(arrivals);
  if (!burst.empty()) tracker_->sweep(0xffffffffU, burst.back().ts);
}

std::vector<nlohmann::json> Rig::events(const std::string& subscription) {
  output_.drain();
  std::vector<nlohmann::json> found;
  for (const auto& event : keeper_->events) {
    if (event["subscription"] == subscription) found.push_back(event["data"]);
  }
  return found;
}

std::map<std::string, std::vector<nlohmann::json>> Rig::take_events() {
  output_.drain();
  std::map<std::string, std::vector<nlohmann::json>> found;
  for (auto& event : keeper_->events) found[event["subscription"]].push_back(std::move(event["data"]));
  keeper_->events.clear();
  return found;
}

std::uint64_t Rig::evaluations(const std::string& field) {
  const auto& families = publisher_.current(0)->plan->families;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (families[i].field != nullptr && families[i].field->name == field) sum += tracker_->tally().evaluations(i);
  }
  return sum;
}

}  // namespace iris::support
