#include "daemon/worker/rounds.hpp"

#include <algorithm>
#include <array>
#include <barrier>
#include <thread>

namespace iris::worker {

// What one worker has to do in a round. Each entry has a reference to its packet.
struct Rounds::Share {
  std::vector<conn::Arrival> arrivals;
  std::vector<Layer> layers;
};

struct Rounds::Round {
  std::vector<Share> shares;  // by worker
  std::uint64_t last = 0;     // Arrival::number
  Timestamp now;
};

Rounds::Rounds(const RoundsParts& parts)
    : parts_(parts), owner_(static_cast<std::uint32_t>(parts.trackers.size())), intake_(parts.intake, parts.source) {}

Rounds::~Rounds() = default;

void Rounds::share_out(Round& round, std::span<const conn::Arrival> arrivals) {
  for (const conn::Arrival& arrival : arrivals) {
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

// False when nothing was left to read.
bool Rounds::read(Round& round, const std::stop_token& stop) {
  std::array<source::PacketRef, conn::max_burst> burst;
  std::uint32_t frames = 0;
  while (frames < parts_.frames && !stop.stop_requested() && !parts_.source.exhausted()) {
    const auto received = std::span(burst).first(parts_.source.receive(burst));
    if (start_ == Timestamp{} && !received.empty()) start_ = received.front().ts;
    share_out(round, intake_.take(received, parts_.show_layers));
    parts_.source.release(received);
    intake_.expire(parts_.source.now());
    frames += static_cast<std::uint32_t>(received.size());
  }
  round.last = last_;
  round.now = parts_.source.now();
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
  std::barrier gate(static_cast<std::ptrdiff_t>(workers) + 1);  // twice a round: at its beginning and its end

  const auto work = [&](std::uint32_t number) {
    Connections connections(number, parts_.publisher, *parts_.trackers[number]);
    connections.online();
    connections.tracker().begin_time(start_);
    while (true) {
      gate.arrive_and_wait();
      if (!more) break;
      process(connections, current->shares[number], *current);
      gate.arrive_and_wait();
    }
    connections.finish();
  };
  std::vector<std::jthread> threads;
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
