// Which NUMA node a device is attached to: its packets are best received into memory of that node.
#pragma once

#include <filesystem>
#include <string_view>

namespace iris::source {

inline constexpr int any_node = -1;

// `device` as PortOptions has it, with or without arguments; it need not be open. any_node where it is not on the PCI
// bus, or the machine has one node only. `bus` is where the kernel describes PCI devices.
[[nodiscard]] int node_of(std::string_view device, const std::filesystem::path& bus = "/sys/bus/pci/devices");

}  // namespace iris::source
