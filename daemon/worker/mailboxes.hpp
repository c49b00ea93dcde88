// What one worker receives and another owns: a queue for each pair of them.
#pragma once

#include <memory>
#include <vector>

#include "daemon/conn/arrival.hpp"
#include "daemon/source/owner.hpp"
#include "daemon/worker/spsc_queue.hpp"

namespace iris::worker {

// Comes with a reference to its packet, which whoever takes it releases.
struct Parcel {
  conn::Arrival arrival;
  bool fragment = false;  // to be put together: arrival.decoded is that of DecodeStatus::fragment
};

class Mailboxes {
 public:
  explicit Mailboxes(const source::Owner& owner);
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;

  // Parcels that wait for one worker at most, from all others: how many packets are held so.
  [[nodiscard]] static std::uint32_t capacity(std::uint32_t workers);

  [[nodiscard]] const source::Owner& owner() const noexcept { return owner_; }

  // The sender's thread. False when the receiver is too far behind; the parcel is the caller's still.
  [[nodiscard]] bool put(std::uint32_t sender, std::uint32_t receiver, const Parcel& parcel) noexcept {
    return queue(sender, receiver).put(parcel);
  }
  // The receiver's thread. False when nothing waits. One sender's parcels come in its order.
  [[nodiscard]] bool take(std::uint32_t receiver, std::uint32_t sender, Parcel& parcel) noexcept {
    return queue(sender, receiver).take(parcel);
  }
  // When no worker runs any more: releases what nobody took.
  void clear(source::PacketHolder& holder) noexcept;

 private:
  [[nodiscard]] SpscQueue<Parcel>& queue(std::uint32_t sender, std::uint32_t receiver) noexcept {
    return *queues_[sender * owner_.workers() + receiver];
  }

  const source::Owner owner_;
  std::vector<std::unique_ptr<SpscQueue<Parcel>>> queues_;  // null from a worker to itself
};

}  // namespace iris::worker
