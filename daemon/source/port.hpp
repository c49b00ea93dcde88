// A DPDK port, configured and started: a NIC or a virtual device, with a receive queue for each worker where the device
// can spread packets over queues, else one. Iris never sends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "daemon/source/owner.hpp"
#include "daemon/source/pool.hpp"
#include "jit/abi/result.hpp"

namespace iris::source {

struct PortOptions {
  std::string device;                   // PCI address or virtual device, with arguments: "net_pcap0,rx_iface=eth1"
  std::uint16_t queues = 1;             // wanted; as many as there are workers
  std::uint16_t rx_descriptors = 1024;  // of each queue; brought into the device's limits
  bool promiscuous = true;
  std::uint16_t mtu = 1500;
};

class Port {
 public:
  // Creates the device where EAL has not found it already. `pool` outlives the port. One thread opens ports.
  [[nodiscard]] static Result<std::unique_ptr<Port>> open(const PortOptions& options, Pool& pool);

  // Takes over a port that exists; `options.device` is its name in messages.
  [[nodiscard]] static Result<std::unique_ptr<Port>> adopt(std::uint16_t id, const PortOptions& options, Pool& pool);

  // Stops the port and removes its device, when no thread receives from it any more.
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  [[nodiscard]] std::uint16_t id() const { return id_; }               // DPDK's
  [[nodiscard]] const std::string& device() const { return device_; }  // without its arguments
  [[nodiscard]] std::uint16_t queues() const { return queues_; }       // 1 where the device cannot spread
  [[nodiscard]] bool hardware_timestamps() const { return timestamp_offset_ >= 0; }
  [[nodiscard]] Pool& pool() const { return *pool_; }

  // Entries of the device's redirection table; 0 where it cannot spread.
  [[nodiscard]] std::uint32_t table_size() const { return table_size_; }
  // Sets the device's redirection table to the owner's. Its own is a multiple of that size, or it remains as it is.
  void follow(const Owner& owner);
  // Whether each whole TCP or UDP packet comes to the queue of its owner, as last followed, without our looking at it.
  [[nodiscard]] bool follows() const { return follows_; }

  // Packets received since open, and their bytes on the wire. From any thread.
  [[nodiscard]] std::uint64_t packets() const noexcept { return packets_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  // For who receives from it, once a burst.
  void count(std::uint64_t packets, std::uint64_t bytes) const noexcept {
    packets_.fetch_add(packets, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }

  // Packets lost on all queues since open: no descriptor was free, or no buffer.
  [[nodiscard]] std::uint64_t missed() const noexcept;

  // Where a packet's timestamp lies in its mbuf, and the flag that says that it has one.
  [[nodiscard]] int timestamp_offset() const { return timestamp_offset_; }
  [[nodiscard]] std::uint64_t timestamp_flag() const { return timestamp_flag_; }

 private:
  Port(std::uint16_t id, std::string device, Pool& pool) : id_(id), device_(std::move(device)), pool_(&pool) {}
  [[nodiscard]] Result<void> configure(const PortOptions& options);
  [[nodiscard]] Result<void> start(const PortOptions& options);
  void use_hardware_timestamps();
  [[nodiscard]] std::unexpected<Error> failed(std::string_view what, int error) const;

  std::uint16_t id_;
  std::string device_;
  Pool* pool_;
  std::uint16_t queues_ = 1;
  std::uint16_t table_size_ = 0;
  bool hashes_as_owner_ = false;  // with the symmetric key, over addresses and ports
  bool follows_ = false;
  int timestamp_offset_ = -1;
  std::uint64_t timestamp_flag_ = 0;
  mutable std::atomic<std::uint64_t> packets_{0};
  mutable std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace iris::source
