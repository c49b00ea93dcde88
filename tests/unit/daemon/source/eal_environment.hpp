// DPDK for tests: started by the first that needs it, once a process, without huge pages.
#pragma once

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/source/eal.hpp"
#include "daemon/source/pool.hpp"
#include "daemon/source/port_source.hpp"
#include "tests/unit/daemon/source/captures.hpp"

namespace iris::source {

inline const std::vector<std::string>& test_arguments() {
  static const std::vector<std::string> arguments = {"--no-huge",      "--no-shconf", "--no-pci",
                                                     "--no-telemetry", "-m",          "128"};
  return arguments;
}

// A folder for files, DPDK, and a pool that is checked to have every packet back at the end.
class WithEal : public Folder {
 protected:
  void SetUp() override {
    static Result<std::unique_ptr<Eal>> eal = Eal::start(test_arguments());
    ASSERT_TRUE(eal) << eal.error().message;
    Result<std::unique_ptr<Pool>> pool = Pool::create({.buffers = 2047, .buffer_size = 2048});
    ASSERT_TRUE(pool) << pool.error().message;
    pool_ = *std::move(pool);
  }
  void TearDown() override {
    if (pool_) EXPECT_EQ(pool_->in_use(), 0u);
  }

  std::unique_ptr<Port> opened(const PortOptions& options) {
    Result<std::unique_ptr<Port>> port = Port::open(options, *pool_);
    if (!port) ADD_FAILURE() << port.error().message;
    return port ? *std::move(port) : nullptr;
  }
  std::string refused(const PortOptions& options) {
    const Result<std::unique_ptr<Port>> port = Port::open(options, *pool_);
    return port ? "accepted" : port.error().message;
  }
  static PortSource source_of(const Port& port, std::uint16_t worker = 0, std::uint16_t workers = 2) {
    const std::array<const Port*, 1> ports{&port};
    return {ports, worker, workers};
  }

  std::unique_ptr<Pool> pool_;
};

inline std::string text_of(const PacketRef& packet) {
  return {reinterpret_cast<const char*>(packet.data), packet.length};
}

// Receives once and releases.
inline std::vector<std::string> receive_texts(PortSource& source, std::size_t burst_size = 32) {
  std::vector<PacketRef> burst(burst_size);
  burst.resize(source.receive(burst));
  std::vector<std::string> texts;
  for (const PacketRef& packet : burst) texts.push_back(text_of(packet));
  source.release(burst);
  return texts;
}

}  // namespace iris::source
