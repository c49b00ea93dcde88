#include "daemon/source/port.hpp"

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "daemon/source/eal_log.hpp"

namespace iris::source {
namespace {

std::string name_of(std::string_view device) { return std::string(device.substr(0, device.find(','))); }

std::vector<std::uint16_t> all_ports() {
  std::vector<std::uint16_t> ids;
  std::uint16_t id = 0;
  RTE_ETH_FOREACH_DEV(id) ids.push_back(id);
  return ids;
}

std::unexpected<Error> not_created(const PortOptions& options, std::string_view reason) {
  return fail(ErrorCode::unavailable,
              fmt::format("port '{}': the device could not be created ({})", options.device, reason));
}

// What an errno of rte_dev_probe means, where DPDK logged nothing better.
std::string probe_error(int error) {
  switch (-error) {
    case ENODEV:
      return "there is no such device; is it bound to a driver for DPDK, as by dpdk-devbind.py?";
    case EPERM:
      return "its driver refuses it; are its arguments right?";
    default:
      return rte_strerror(-error);
  }
}

// rte_eal_init succeeds when a device cannot be created; probing each by itself says which failed, and why.
Result<std::uint16_t> probe(const PortOptions& options) {
  const std::string name = name_of(options.device);
  std::uint16_t id = 0;
  const std::vector<std::uint16_t> before = all_ports();
  const EalLogCapture log;
  const int result = rte_dev_probe(options.device.c_str());
  for (const std::uint16_t port : all_ports()) {
    if (std::ranges::find(before, port) == before.end()) return port;
  }
  // EAL found it by itself at the start.
  if ((result == 0 || result == -EEXIST) && rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0) {
    rte_eth_dev_info info{};
    if (rte_eth_dev_info_get(id, &info) == 0 && info.nb_rx_queues == 0) return id;
    return not_created(options, "it is in use already");
  }
  if (result == 0) return not_created(options, log.reason("it has no Ethernet port"));
  if (result == -EFAULT) return not_created(options, "no driver or bus of DPDK knows a device of this name");
  return not_created(options, log.reason(probe_error(result)));
}

constexpr std::uint64_t rss_wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
// What Owner::of takes for granted: with fewer, some packets are spread by addresses alone.
constexpr std::uint64_t rss_by_ports = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                       RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

// Refuses no device: what it cannot do is left out, and offloads are only what it offers.
rte_eth_conf configuration(const rte_eth_dev_info& info, std::uint16_t queues, std::uint16_t mtu) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = mtu;
  conf.rxmode.offloads = info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_TIMESTAMP | RTE_ETH_RX_OFFLOAD_SCATTER);
  if (queues > 1) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = rss_wanted & info.flow_type_rss_offloads;
    if (info.hash_key_size > 0 && info.hash_key_size <= symmetric_rss_key.size()) {
      conf.rx_adv_conf.rss_conf.rss_key = const_cast<std::uint8_t*>(symmetric_rss_key.data());  // DPDK only reads it
      conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
    }
  }
  return conf;
}

}  // namespace

std::unexpected<Error> Port::failed(std::string_view what, int error) const {
  return fail(ErrorCode::unavailable, fmt::format("port '{}': {}: {}", device_, what, rte_strerror(-error)));
}

Result<std::unique_ptr<Port>> Port::open(const PortOptions& options, Pool& pool) {
  const Result<std::uint16_t> id = probe(options);
  if (!id) return std::unexpected(id.error());
  return adopt(*id, options, pool);
}

Result<std::unique_ptr<Port>> Port::adopt(std::uint16_t id, const PortOptions& options, Pool& pool) {
  const EalLogCapture log;
  std::unique_ptr<Port> port(new Port(id, name_of(options.device), pool));
  Result<void> done = port->configure(options);
  if (done) done = port->start(options);
  if (done) return port;
  // DPDK's own words say more than the number.
  if (const std::string reason = log.reason(""); !reason.empty()) done.error().message += " (" + reason + ")";
  return std::unexpected(done.error());
}

Result<void> Port::configure(const PortOptions& options) {
  rte_eth_dev_info info{};
  if (const int e = rte_eth_dev_info_get(id_, &info); e != 0) return failed("its abilities are unknown", e);
  if (options.mtu < info.min_mtu || options.mtu > info.max_mtu) {
    return fail(ErrorCode::invalid, fmt::format("port '{}': expected an mtu from {} to {}, found {}", device_,
                                                info.min_mtu, info.max_mtu, options.mtu));
  }
  const bool spreads = (info.flow_type_rss_offloads & rss_wanted) != 0;
  queues_ = spreads ? std::clamp<std::uint16_t>(options.queues, 1, std::max<std::uint16_t>(info.max_rx_queues, 1)) : 1;

  const rte_eth_conf conf = configuration(info, queues_, options.mtu);
  if (const int e = rte_eth_dev_configure(id_, queues_, 0, &conf); e != 0) return failed("it cannot be configured", e);
  table_size_ = queues_ > 1 ? info.reta_size : 0;
  hashes_as_owner_ =
      conf.rx_adv_conf.rss_conf.rss_key != nullptr && (conf.rx_adv_conf.rss_conf.rss_hf & rss_by_ports) == rss_by_ports;
  if ((conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0) use_hardware_timestamps();

  std::uint16_t descriptors = options.rx_descriptors;
  if (const int e = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &descriptors, nullptr); e != 0) {
    return failed("its queues' sizes are unknown", e);
  }
  rte_eth_rxconf queue_conf = info.default_rxconf;
  queue_conf.offloads = conf.rxmode.offloads;
  const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(id_));
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    const int e = rte_eth_rx_queue_setup(id_, queue, descriptors, node, &queue_conf, pool_->packets());
    if (e != 0)
      return failed(fmt::format("receive queue {} of {} descriptors cannot be set up", queue, descriptors), e);
  }
  return {};
}

Result<void> Port::start(const PortOptions& options) {
  if (const int e = rte_eth_dev_start(id_); e != 0) return failed("it does not start", e);
  if (table_size_ > 0) follow(Owner(queues_, table_size_));
  if (options.promiscuous) {
    const int e = rte_eth_promiscuous_enable(id_);
    if (e != 0 && e != -ENOTSUP) {
      spdlog::warn("port '{}': promiscuous mode cannot be set ({}); frames addressed to others may be missing", device_,
                   rte_strerror(-e));
    }
  }
  rte_eth_stats_reset(id_);
  return {};
}

void Port::follow(const Owner& owner) {
  follows_ = false;
  if (table_size_ == 0 || table_size_ % owner.table_size() != 0) return;
  std::vector<rte_eth_rss_reta_entry64> table((table_size_ + RTE_ETH_RETA_GROUP_SIZE - 1u) / RTE_ETH_RETA_GROUP_SIZE);
  for (std::uint32_t i = 0; i < table_size_; ++i) {
    rte_eth_rss_reta_entry64& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= std::uint64_t{1} << (i % RTE_ETH_RETA_GROUP_SIZE);
    // A device with fewer queues than there are workers spreads over those; what it sends astray is handed over.
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<std::uint16_t>(owner.of_hash(i) % queues_);
  }
  const int e = rte_eth_dev_rss_reta_update(id_, table.data(), table_size_);
  if (e != 0 && e != -ENOTSUP) {
    spdlog::warn("port '{}': its redirection table cannot be set ({})", device_, rte_strerror(-e));
  }
  follows_ = e == 0 && hashes_as_owner_ && queues_ == owner.workers();
}

// A timestamp counts ticks of the device's clock, which are of no use where that cannot be read.
void Port::use_hardware_timestamps() {
  std::uint64_t ticks = 0;
  if (rte_eth_read_clock(id_, &ticks) == 0) rte_mbuf_dyn_rx_timestamp_register(&timestamp_offset_, &timestamp_flag_);
}

Port::~Port() {
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(id_, &info) == 0;
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  if (known) rte_dev_remove(info.device);
}

std::uint64_t Port::missed() const noexcept {
  rte_eth_stats stats{};
  return rte_eth_stats_get(id_, &stats) == 0 ? stats.imissed + stats.rx_nombuf : 0;
}

}  // namespace iris::source
