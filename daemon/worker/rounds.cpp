#include "daemon/worker/rounds.hpp"

#include <algorithm>
#include <array>
#include <barrier>
#include <thread>

namespace iris::worker {

namespace {

// How much time a round spans at most, so that what timers keep stays comparable whatever the capture's clock does.
constexpr Duration longest_round{900'000'000'000};

}  // namespace

// What one worker has to do in a round. Each entry has a reference to its packet.
struct Rounds::Share {
  std::vector<conn::Arrival> arrivals;
  std::vector<Layer> layers;
};

struct Rounds::Round {
  std::vector<Share> shares;  // by worker
  std::uint64_t last = 0;     // Arrival::number
  Timestamp first;            // of its packets
  Timestamp now;              // of the last of them
};

Rounds::Rounds(const RoundsParts& parts)
    : parts_(parts), owner_(static_cast<std::uint32_t>(parts.trackers.size())), intake_(parts.intake, parts.source) {}

Rounds::~Rounds() { parts_.source.release(waiting_); }

void Rounds::share_out(Round& round, std::span<const source::PacketRef> packets) {
  for (const conn::Arrival& arrival : intake_.take(packets, parts_.show_layers)) {
    last_ = arrival.number;
    parts_.source.hold(arrival.packet);
    round.shares[owner_.of(arrival.decoded)].arrivals.push_back(arrival);
  }
  // Packets by themselves belong to nobody: each worker gets as many.
  for (const Layer& layer : intake_.layers()) {
    last_ = std::max(last_, layer.arrival.number);
    parts_.source.hold(layer.arrival.packet);
    round.shares[layer.arrival.number / conn::Arrival::layers % round.shares.size()].layers.push_back(layer);
  }
}

void Rounds::receive() {
  while (waiting_.empty() && !parts_.source.exhausted()) {
    waiting_ = std::span(burst_).first(parts_.source.receive(burst_));
  }
}

// False when nothing was left to read.
bool Rounds::read(Round& round, const std::stop_token& stop) {
  std::uint32_t frames = 0;
  while (frames < parts_.frames && !stop.stop_requested()) {
    receive();
    if (waiting_.empty()) break;
    if (frames == 0) round.first = waiting_.front().ts;
    const Timestamp end = round.first + longest_round;
    const auto beyond =
        std::ranges::find_if(waiting_, [&](const source::PacketRef& packet) { return packet.ts > end; });
    const auto some = waiting_.first(static_cast<std::size_t>(beyond - waiting_.begin()));
    if (some.empty()) break;
    round.now = some.back().ts;
    share_out(round, some);
    parts_.source.release(some);
    waiting_ = waiting_.subspan(some.size());
    intake_.expire(round.now);
    frames += static_cast<std::uint32_t>(some.size());
  }
  round.last = last_;
  return frames > 0;
}

void Rounds::release(Share& share) noexcept {
  std::array<source::PacketRef, conn::max_burst> packets;
  std::size_t count = 0;
  const auto give_back = [&](const source::PacketRef& packet) {
    packets[count++] = packet;
    if (count < packets.size()) return;
    parts_.source.release(packets);
    count = 0;
  };
  for (const conn::Arrival& arrival : share.arrivals) give_back(arrival.packet);
  for (const Layer& layer : share.layers) give_back(layer.arrival.packet);
  parts_.source.release(std::span(packets).first(count));
  share.arrivals.clear();
  share.layers.clear();
}

void Rounds::process(Connections& connections, Share& share, const Round& round) noexcept {
  connections.adopt();
  connections.advance(round.first, true);
  connections.process(share.arrivals, share.layers);
  release(share);
  connections.tracker().pass(round.last);
  connections.advance(round.now, true);
}

void Rounds::run(const std::stop_token& stop) {
  const std::size_t workers = parts_.trackers.size();
  std::array<Round, 2> rounds;
  for (Round& round : rounds) round.shares.resize(workers);
  Round* current = rounds.data();
  Round* next = rounds.data() + 1;
  bool more = read(*current, stop);
  const Timestamp start = current->first;
  std::barrier gate(static_cast<std::ptrdiff_t>(workers) + 1);  // twice a round: at its beginning and its end

  const auto work = [&](std::uint32_t number) {
    Connections connections(number, parts_.publisher, *parts_.trackers[number]);
    connections.online();
    connections.tracker().begin_time(start);
    while (true) {
      gate.arrive_and_wait();
      if (!more) break;
      process(connections, current->shares[number], *current);
      gate.arrive_and_wait();
    }
    connections.finish();
  };
  std::vector<std::jthread> threads;
  threads.reserve(workers);
  for (std::uint32_t number = 0; number < workers; ++number) threads.emplace_back(work, number);

  while (more) {
    gate.arrive_and_wait();
    parts_.output.drain();
    const bool another = read(*next, stop);
    gate.arrive_and_wait();
    parts_.output.gather();
    std::swap(current, next);
    more = another;
  }
  gate.arrive_and_wait();
  parts_.output.drain();
  threads.clear();  // joins: every connection has ended
  parts_.output.gather();
  parts_.output.drain();
}

}  // namespace iris::worker
