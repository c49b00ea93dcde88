#include "daemon/source/node.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace iris::source {

int node_of(std::string_view device, const std::filesystem::path& bus) {
  std::string name(device.substr(0, device.find(',')));
  // "3b:00.0" is short for "0000:3b:00.0"; the names of virtual devices have no colon.
  const auto colons = std::ranges::count(name, ':');
  if (colons == 0 || name.contains('/')) return any_node;
  if (colons == 1) name.insert(0, "0000:");
  std::ifstream file(bus / name / "numa_node");
  int node = any_node;
  return file >> node && node >= 0 ? node : any_node;
}

}  // namespace iris::source
