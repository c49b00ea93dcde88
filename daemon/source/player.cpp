#include "daemon/source/player.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "daemon/source/eal.hpp"
#include "daemon/source/eal_log.hpp"
#include "daemon/source/hand_over.hpp"

namespace iris::source {
namespace {

using namespace std::chrono_literals;
using parsers::packet::LinkType;

constexpr auto retry = 200us;               // a full ring, an empty pool
constexpr auto latest = 1s;                 // behind time; more is not made up for
constexpr std::uint16_t descriptors = 512;  // a ring port has none; the number only has to be allowed

// What goes through an Ethernet port begins with an Ethernet header.
Result<CaptureFile> open_ethernet(const std::filesystem::path& path) {
  Result<CaptureFile> file = CaptureFile::open(path);
  if (file && file->link() != LinkType::ethernet) {
    return fail(ErrorCode::invalid,
                fmt::format("{}: its packets are not of Ethernet (EN10MB) and cannot be played through an Ethernet "
                            "port; `irisd replay` reads them",
                            path.string()));
  }
  return file;
}

}  // namespace

Result<std::unique_ptr<Player>> Player::start(const PlayOptions& options, Pool& pool) {
  Result<CaptureFile> file = open_ethernet(options.capture);
  if (!file) return std::unexpected(file.error());
  // !(>=) rather than <: not a number is refused too.
  if (!(options.speed >= 0) || std::isinf(options.speed)) {
    return fail(ErrorCode::invalid, fmt::format("{}: cannot be played at speed {}; expected 0 or more",
                                                options.capture.string(), options.speed));
  }
  std::unique_ptr<Player> player(new Player(options, pool));
  if (Result<void> created = player->create_port(); !created) return std::unexpected(created.error());
  player->thread_ = std::jthread([raw = player.get(), opened = *std::move(file)](const std::stop_token& stop) mutable {
    raw->run(stop, std::move(opened));
  });
  return player;
}

Result<void> Player::create_port() {
  static std::atomic<unsigned> next = 0;
  const std::string name = fmt::format("iris-play-{}", next++);
  int id = -1;
  {
    const EalLogCapture log;
    ring_ = rte_ring_create(name.c_str(), options_.ring_size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (ring_ != nullptr) id = rte_eth_from_ring(ring_);
    if (id < 0) {
      return fail(ErrorCode::unavailable,
                  fmt::format("{}: the port that it is played through, a ring of {} packets, could not be created: {}",
                              options_.capture.string(), options_.ring_size, log.reason(rte_strerror(rte_errno))));
    }
  }
  Result<std::unique_ptr<Port>> port = Port::adopt(
      static_cast<std::uint16_t>(id), {.device = name, .rx_descriptors = descriptors, .promiscuous = false}, *pool_);
  if (!port) return std::unexpected(port.error());
  port_ = *std::move(port);
  return {};
}

Player::~Player() {
  stop();
  port_.reset();
  if (ring_ == nullptr) return;
  void* packet = nullptr;
  while (rte_ring_dequeue(ring_, &packet) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  rte_ring_free(ring_);
}

void Player::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::optional<Error> Player::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

// The first is kept and logged; a damaged file is damaged at every pass.
void Player::report(Error error) {
  const std::lock_guard lock(mutex_);
  if (error_) return;
  spdlog::warn("playing {}", error.message);
  error_ = std::move(error);
}

void Player::run(const std::stop_token& stop, CaptureFile file) {
  const EalThread thread;
  due_ = Clock::now();
  bool more = play_once(stop, std::move(file));
  while (more && options_.loop && !stop.stop_requested()) {
    Result<CaptureFile> again = open_ethernet(options_.capture);
    if (!again) {
      report(std::move(again.error()));
      break;
    }
    more = play_once(stop, *std::move(again));
  }
  finished_ = true;
}

// False when nothing of it could be played, and so nothing will be another time.
bool Player::play_once(const std::stop_token& stop, CaptureFile file) {
  const std::uint64_t played_before = played_;
  before_.reset();
  CapturedPacket packet;
  while (!stop.stop_requested()) {
    Result<bool> more = file.next(packet);
    if (!more) report(std::move(more.error()));
    if (!more || !*more) break;
    wait_for_its_time(stop, packet.ts);
    if (!put(stop, packet)) break;
  }
  return played_ > played_before;
}

// A clock that steps back, or far ahead, does not stop the play; a worker that was late is not flooded afterwards.
void Player::wait_for_its_time(const std::stop_token& stop, Timestamp ts) {
  const Duration gap = before_ ? std::clamp(ts - *before_, Duration{0}, longest_gap) : Duration{0};
  before_ = ts;
  if (options_.speed == 0) return;
  const double scaled =
      std::min(static_cast<double>(gap.nanoseconds) / options_.speed, static_cast<double>(longest_gap.nanoseconds));
  due_ += std::chrono::nanoseconds(static_cast<std::int64_t>(scaled));
  const Clock::time_point now = Clock::now();
  if (now - due_ > latest) due_ = now;
  if (due_ > now) wait_until(stop, due_);
}

void Player::wait_until(const std::stop_token& stop, Clock::time_point time) {
  std::unique_lock lock(mutex_);
  sleeping_.wait_until(lock, stop, time, [] { return false; });
}

// False when it is to stop.
bool Player::put(const std::stop_token& stop, const CapturedPacket& packet) {
  if (packet.length == 0 || packet.length > Pool::longest_packet) {
    if (skipped_++ == 0) {
      spdlog::warn("playing {}: frames of no bytes, or of more than {}, are skipped", options_.capture.string(),
                   Pool::longest_packet);
    }
    return true;
  }
  rte_mbuf* mbuf = fill(stop, packet);
  if (mbuf == nullptr) return false;
  before_hand_over(pool_);
  while (rte_ring_enqueue(ring_, mbuf) != 0) {
    if (stop.stop_requested()) {
      rte_pktmbuf_free(mbuf);
      return false;
    }
    wait_until(stop, Clock::now() + retry);
  }
  ++played_;
  return true;
}

// Waits while the pool is empty. Null when it is to stop.
rte_mbuf* Player::allocate(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    // Not rte_pktmbuf_alloc, whose first write would come before after_hand_over().
    if (rte_mbuf* mbuf = rte_mbuf_raw_alloc(pool_->packets()); mbuf != nullptr) {
      after_hand_over(pool_);
      rte_pktmbuf_reset(mbuf);
      return mbuf;
    }
    wait_until(stop, Clock::now() + retry);
  }
  return nullptr;
}

// As many buffers as it takes, chained as a NIC does with frames longer than one. Null when it is to stop.
rte_mbuf* Player::fill(const std::stop_token& stop, const CapturedPacket& packet) {
  rte_mbuf* head = nullptr;
  rte_mbuf* tail = nullptr;
  for (std::uint32_t done = 0; done < packet.length;) {
    rte_mbuf* mbuf = allocate(stop);
    if (mbuf == nullptr) {
      rte_pktmbuf_free(head);
      return nullptr;
    }
    const std::uint32_t some = std::min<std::uint32_t>(packet.length - done, rte_pktmbuf_tailroom(mbuf));
    std::memcpy(rte_pktmbuf_mtod(mbuf, void*), packet.data + done, some);
    mbuf->data_len = static_cast<std::uint16_t>(some);
    done += some;
    if (head == nullptr) {
      head = mbuf;
    } else {
      tail->next = mbuf;
      ++head->nb_segs;
    }
    tail = mbuf;
  }
  head->pkt_len = packet.length;
  return head;
}

}  // namespace iris::source
