#include "daemon/source/node.hpp"

#include <gtest/gtest.h>

#include "tests/unit/daemon/source/captures.hpp"

namespace iris::source {
namespace {

class NodeOf : public Folder {};

TEST_F(NodeOf, TheDevicesOfAMachine) {
  const auto describe = [&](const std::string& name, const std::string& node) {
    std::filesystem::create_directories(path_ / name);
    std::ofstream(path_ / name / "numa_node") << node << '\n';
  };
  describe("0000:3b:00.0", "1");
  describe("0001:3b:00.0", "2");
  describe("0000:00:03.0", "-1");
  EXPECT_EQ(node_of("0000:3b:00.0", path_), 1);
  EXPECT_EQ(node_of("3b:00.0,arg=0001:3b:00.0", path_), 1);
  EXPECT_EQ(node_of("0001:3b:00.0", path_), 2);
  EXPECT_EQ(node_of("0000:00:03.0", path_), any_node);
  EXPECT_EQ(node_of("0000:ff:00.0", path_), any_node);
  EXPECT_EQ(node_of("net_af_packet0,iface=eth0:1", path_), any_node);
  EXPECT_EQ(node_of("../0000:3b:00.0", path_), any_node);
}

}  // namespace
}  // namespace iris::source
