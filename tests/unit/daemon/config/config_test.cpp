// What a configuration file may say, and what it says back when it is wrong.
#include "daemon/config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <ostream>

namespace iris::config {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const fs::path file = "/etc/iris/iris.json";

Config accepted(std::string_view text) {
  Result<Config> config = parse_config(text, file);
  if (!config) ADD_FAILURE() << config.error().message;
  return config.value_or(Config{});
}

std::string refused(std::string_view text) {
  const Result<Config> config = parse_config(text, "iris.json");
  if (config) return "accepted";
  EXPECT_EQ(config.error().code, ErrorCode::invalid);
  return config.error().message;
}

// Sets or unsets $XDG_RUNTIME_DIR for as long as it lives.
class RuntimeDirectory {
 public:
  explicit RuntimeDirectory(const char* value) {
    if (const char* old = std::getenv("XDG_RUNTIME_DIR")) old_ = old;
    set(value);
  }
  ~RuntimeDirectory() { set(old_ ? old_->c_str() : nullptr); }
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

 private:
  static void set(const char* value) {
    value != nullptr ? setenv("XDG_RUNTIME_DIR", value, 1) : unsetenv("XDG_RUNTIME_DIR");
  }
  std::optional<std::string> old_;
};

// Users other than root need one for the default socket.
const RuntimeDirectory everywhere("/run/user/7");

TEST(Config, EmptyObjectIsAllDefaults) {
  const Config config = accepted("{}");
  EXPECT_THAT(config.eal.arguments, ElementsAre("--no-huge", "--no-shconf", "--no-pci", "-m", "512"));
  EXPECT_THAT(config.ports, IsEmpty());
  EXPECT_FALSE(config.play);
  EXPECT_EQ(config.mempool.buffers, 0u);
  EXPECT_EQ(config.mempool.buffer_size, 2048);
  EXPECT_EQ(config.workers.count, 1);
  EXPECT_THAT(config.workers.lcores, IsEmpty());
  EXPECT_EQ(config.workers.idle, Idle::yield);
  EXPECT_EQ(config.connections, Connections{});
  EXPECT_EQ(config.reassembly, Reassembly{});
  EXPECT_EQ(config.fragments, Fragments{});
  EXPECT_EQ(config.tunnels, Tunnels{});
  EXPECT_EQ(config.control.socket, geteuid() == 0 ? "/run/iris/control.sock" : "/run/user/7/iris/control.sock");
  EXPECT_FALSE(config.output.file);
}

TEST(Config, EveryMember) {
  const Config config = accepted(R"({
    // A comment.
    "eal": {"arguments": ["--in-memory", "-m", "64"]},
    "ports": [{"device": "0000:3b:00.0", "rx_descriptors": 4096, "promiscuous": false, "mtu": 9000},
              {"device": "net_null1,size=80"}],
    "play": {"capture": "/data/a.pcap", "loop": false, "speed": 2.5},
    "mempool": {"buffers": 65535, "buffer_size": 4096},
    "workers": {"count": 2, "lcores": [3, 5], "idle": "poll"},
    "connections": {"capacity": 2048, "tcp_inactivity_seconds": 10, "tcp_establish_seconds": 0.25,
                    "tcp_linger_seconds": 1.5, "udp_inactivity_seconds": 11, "midstream": "ignore",
                    "vlan_in_key": true, "tunnel_in_key": true, "parser_bytes": 8192, "parsers_bytes": 2097152,
                    "state_bytes": 3145728, "prefault": true},
    "reassembly": {"out_of_order_packets": 13, "out_of_order_bytes": 14, "gap_after_seconds": 0.5, "held_packets": 15,
                   "copied_bytes": 16, "overlap": "last"},
    "fragments": {"datagrams": 17, "packets": 18, "timeout_seconds": 19.5},
    "tunnels": {"ip_in_ip": false, "gre": false, "vxlan": false, "geneve": false, "gtp_u": false, "teredo": false,
                "depth": 2, "layers": "inner"},
    "control": {"socket": "/tmp/c.sock"},
    "output": {"file": "/tmp/events.jsonl"}})");
  EXPECT_THAT(config.eal.arguments, ElementsAre("--in-memory", "-m", "64"));
  ASSERT_EQ(config.ports.size(), 2u);
  EXPECT_EQ(config.ports[0].device, "0000:3b:00.0");
  EXPECT_EQ(config.ports[0].rx_descriptors, 4096);
  EXPECT_FALSE(config.ports[0].promiscuous);
  EXPECT_EQ(config.ports[0].mtu, 9000);
  EXPECT_EQ(config.ports[1].device, "net_null1,size=80");
  EXPECT_EQ(config.ports[1].rx_descriptors, 1024);
  EXPECT_TRUE(config.ports[1].promiscuous);
  EXPECT_EQ(config.ports[1].mtu, 1500);
  ASSERT_TRUE(config.play);
  EXPECT_EQ(config.play->capture, "/data/a.pcap");
  EXPECT_FALSE(config.play->loop);
  EXPECT_EQ(config.play->speed, 2.5);
  EXPECT_EQ(config.mempool.buffers, 65535u);
  EXPECT_EQ(config.mempool.buffer_size, 4096);
  EXPECT_EQ(config.workers.count, 2);
  EXPECT_THAT(config.workers.lcores, ElementsAre(3, 5));
  EXPECT_EQ(config.workers.idle, Idle::poll);
  EXPECT_EQ(config.connections, (Connections{.capacity = 2048,
                                             .tcp_inactivity_seconds = 10,
                                             .tcp_establish_seconds = 0.25,
                                             .tcp_linger_seconds = 1.5,
                                             .udp_inactivity_seconds = 11,
                                             .midstream = Midstream::ignore,
                                             .vlan_in_key = true,
                                             .tunnel_in_key = true,
                                             .parser_bytes = 8192,
                                             .parsers_bytes = 2097152,
                                             .state_bytes = 3145728,
                                             .prefault = true}));
  EXPECT_EQ(config.reassembly, (Reassembly{.out_of_order_packets = 13,
                                           .out_of_order_bytes = 14,
                                           .gap_after_seconds = 0.5,
                                           .held_packets = 15,
                                           .copied_bytes = 16,
                                           .overlap = Overlap::last}));
  EXPECT_EQ(config.fragments, (Fragments{.datagrams = 17, .packets = 18, .timeout_seconds = 19.5}));
  EXPECT_EQ(config.tunnels, (Tunnels{.ip_in_ip = false,
                                     .gre = false,
                                     .vxlan = false,
                                     .geneve = false,
                                     .gtp_u = false,
                                     .teredo = false,
                                     .depth = 2,
                                     .layers = Layers::inner}));
  EXPECT_EQ(config.control.socket, "/tmp/c.sock");
  EXPECT_EQ(config.output.file, "/tmp/events.jsonl");
}

TEST(Config, RelativePathsAreRelativeToTheFile) {
  const Config config = accepted(
      R"({"play": {"capture": "../a.pcap"}, "control": {"socket": "run/c.sock"}, "output": {"file": "events.jsonl"}})");
  EXPECT_EQ(config.play->capture, "/etc/a.pcap");
  EXPECT_EQ(config.control.socket, "/etc/iris/run/c.sock");
  EXPECT_EQ(config.output.file, "/etc/iris/events.jsonl");
}

TEST(Config, NullAndStandardOutput) {
  EXPECT_FALSE(accepted(R"({"output": {"file": null}})").output.file);
  EXPECT_EQ(accepted(R"({"output": {"file": "-"}})").output.file, "-");
  EXPECT_FALSE(accepted(R"({"play": null})").play);
}

TEST(Config, OneWorkerForEachCpu) { EXPECT_EQ(accepted(R"({"workers": {"lcores": [1, 2, 3]}})").workers.count, 3); }

TEST(Config, PciDevicesGetHugePages) {
  EXPECT_THAT(accepted(R"({"ports": [{"device": "0000:3b:00.0,arg=1"}]})").eal.arguments, ElementsAre("--in-memory"));
  EXPECT_THAT(accepted(R"({"eal": {"arguments": []}, "ports": [{"device": "3b:00.0"}]})").eal.arguments, IsEmpty());
}

struct Refusal {
  std::string_view text;
  std::string_view message;
};
void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.text; }

class Refusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refusals, NamePathAndWhatIsExpected) { EXPECT_EQ(refused(GetParam().text), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    Types, Refusals,
    ::testing::Values(
        Refusal{R"([])", "iris.json: expected an object, found a list"},
        Refusal{R"(7)", "iris.json: expected an object, found 7"},
        Refusal{R"({"eal": []})", "iris.json: eal: expected an object, found a list"},
        Refusal{R"({"eal": {"arguments": "-m 512"}})", R"(iris.json: eal.arguments: expected a list, found "-m 512")"},
        Refusal{R"({"eal": {"arguments": ["-m", 512]}})", "iris.json: eal.arguments[1]: expected text, found 512"},
        Refusal{R"({"eal": {"arguments": [""]}})",
                R"(iris.json: eal.arguments[0]: expected text that is not empty, found "")"},
        Refusal{R"({"ports": {}})", "iris.json: ports: expected a list, found an object"},
        Refusal{R"({"ports": ["eth0"]})", R"(iris.json: ports[0]: expected an object, found "eth0")"},
        Refusal{R"({"ports": [{"device": null}]})", "iris.json: ports[0].device: expected text, found null"},
        Refusal{R"({"ports": [{"device": "a\u0000b"}]})",
                R"(iris.json: ports[0].device: expected text without a zero byte, found "a\u0000b")"},
        Refusal{R"({"ports": [{"device": "a", "promiscuous": 1}]})",
                "iris.json: ports[0].promiscuous: expected true or false, found 1"},
        Refusal{R"({"play": "a.pcap"})", R"(iris.json: play: expected an object, found "a.pcap")"},
        Refusal{R"({"play": {"capture": "a", "loop": "yes"}})",
                R"(iris.json: play.loop: expected true or false, found "yes")"},
        Refusal{R"({"play": {"capture": "a", "speed": "fast"}})",
                R"(iris.json: play.speed: expected a number from 0 to 1000000, found "fast")"},
        Refusal{R"({"workers": {"lcores": [0, "two"]}})",
                R"(iris.json: workers.lcores[1]: expected a whole number from 0 to 1023, found "two")"},
        Refusal{R"({"workers": {"lcores": 2}})", "iris.json: workers.lcores: expected a list, found 2"},
        Refusal{R"({"workers": {"idle": "spin"}})",
                R"(iris.json: workers.idle: expected "yield" or "poll", found "spin")"},
        Refusal{R"({"workers": {"idle": true}})", R"(iris.json: workers.idle: expected "yield" or "poll", found true)"},
        Refusal{R"({"control": {"socket": 1}})", "iris.json: control.socket: expected text, found 1"},
        Refusal{R"({"output": {"file": {}}})", "iris.json: output.file: expected text, found an object"}));

INSTANTIATE_TEST_SUITE_P(
    Ranges, Refusals,
    ::testing::Values(
        Refusal{R"({"ports": [{"device": "a", "rx_descriptors": 63}]})",
                "iris.json: ports[0].rx_descriptors: expected a whole number from 64 to 32768, found 63"},
        Refusal{R"({"ports": [{"device": "a", "rx_descriptors": 65600}]})",
                "iris.json: ports[0].rx_descriptors: expected a whole number from 64 to 32768, found 65600"},
        Refusal{R"({"ports": [{"device": "a", "mtu": 1500.5}]})",
                "iris.json: ports[0].mtu: expected a whole number from 68 to 65000, found 1500.5"},
        Refusal{R"({"play": {"capture": "a", "speed": -1}})",
                "iris.json: play.speed: expected a number from 0 to 1000000, found -1"},
        Refusal{R"({"mempool": {"buffers": -1}})",
                "iris.json: mempool.buffers: expected a whole number from 0 to 134217728, found -1"},
        Refusal{R"({"mempool": {"buffer_size": 511}})",
                "iris.json: mempool.buffer_size: expected a whole number from 512 to 16384, found 511"},
        Refusal{R"({"workers": {"count": 0}})",
                "iris.json: workers.count: expected a whole number from 1 to 128, found 0"},
        Refusal{R"({"workers": {"count": 1e30}})",
                "iris.json: workers.count: expected a whole number from 1 to 128, found 1e+30"},
        Refusal{R"({"workers": {"lcores": [1024]}})",
                "iris.json: workers.lcores[0]: expected a whole number from 0 to 1023, found 1024"},
        Refusal{R"({"connections": {"capacity": 1}})",
                "iris.json: connections.capacity: expected a whole number from 1024 to 134217728, found 1"},
        Refusal{R"({"connections": {"tcp_inactivity_seconds": 0}})",
                "iris.json: connections.tcp_inactivity_seconds: expected a number from 0.001 to 86400, found 0"},
        Refusal{R"({"connections": {"udp_inactivity_seconds": 0.0009}})",
                "iris.json: connections.udp_inactivity_seconds: expected a number from 0.001 to 86400, found 0.0009"},
        Refusal{R"({"connections": {"tcp_establish_seconds": 86401}})",
                "iris.json: connections.tcp_establish_seconds: expected a number from 0.001 to 86400, found 86401"},
        Refusal{R"({"connections": {"tcp_linger_seconds": "5 s"}})",
                R"(iris.json: connections.tcp_linger_seconds: expected a number from 0.001 to 86400, found "5 s")"},
        Refusal{R"({"connections": {"midstream": true}})",
                R"(iris.json: connections.midstream: expected "track" or "ignore", found true)"},
        Refusal{R"({"connections": {"state_bytes": 1048575}})",
                "iris.json: connections.state_bytes: expected a whole number from 1048576 to 1099511627776, found "
                "1048575"},
        Refusal{R"({"reassembly": {"out_of_order_packets": 10001}})",
                "iris.json: reassembly.out_of_order_packets: expected a whole number from 1 to 10000, found 10001"},
        Refusal{R"({"reassembly": {"overlap": "newest"}})",
                R"(iris.json: reassembly.overlap: expected "first" or "last", found "newest")"},
        Refusal{R"({"fragments": {"datagrams": 0}})",
                "iris.json: fragments.datagrams: expected a whole number from 1 to 1048576, found 0"},
        Refusal{R"({"tunnels": {"depth": 17}})",
                "iris.json: tunnels.depth: expected a whole number from 0 to 16, found 17"},
        Refusal{R"({"tunnels": {"layers": "all"}})",
                R"(iris.json: tunnels.layers: expected "inner" or "outer" or "both", found "all")"}));

INSTANTIATE_TEST_SUITE_P(
    Members, Refusals,
    ::testing::Values(
        Refusal{R"({"worker": {}})", R"(iris.json: unknown member "worker"; did you mean "workers"?)"},
        Refusal{R"({"zebra": {}})",
                R"(iris.json: unknown member "zebra"; known are connections, control, eal, fragments, mempool, )"
                "output, play, ports, reassembly, tunnels, workers"},
        Refusal{R"({"ports": [{"device": "a", "rx_descriptor": 64}]})",
                R"(iris.json: ports[0]: unknown member "rx_descriptor"; did you mean "rx_descriptors"?)"},
        Refusal{R"({"connections": {"tcp_inactivity": 64}})",
                R"(iris.json: connections: unknown member "tcp_inactivity"; did you mean "tcp_inactivity_seconds"?)"},
        Refusal{R"({"ports": [{"mtu": 1500}]})", R"(iris.json: ports[0]: "device" is missing)"},
        Refusal{R"({"play": {}})", R"(iris.json: play: "capture" is missing)"},
        Refusal{R"({"output": {"a\"b": 1}})", R"(iris.json: output: unknown member "a\"b"; known are file)"}));

INSTANTIATE_TEST_SUITE_P(
    Together, Refusals,
    ::testing::Values(
        Refusal{R"({"workers": {"count": 3, "lcores": [1, 2]}})",
                "iris.json: workers.lcores: expected one CPU for each of the 3 workers (workers.count), found 2"},
        Refusal{
            R"({"workers": {"lcores": [1, 1], "idle": "poll"}})",
            R"(iris.json: workers.lcores: CPU 1 is given to two workers, which workers.idle "poll" does not allow: )"
            R"(give each its own, or set workers.idle to "yield")"},
        Refusal{R"({"ports": [{"device": "net_null0"}, {"device": "net_null0,size=9"}]})",
                R"(iris.json: ports[1]: the device "net_null0" is given twice)"},
        Refusal{R"({"eal": {"arguments": ["--no-pci"]}, "ports": [{"device": "0000:3b:00.0"}]})",
                R"(iris.json: ports[0].device: "0000:3b:00.0" is a PCI device, but eal.arguments has --no-pci: remove )"
                "it there"},
        Refusal{R"({"connections": {"parser_bytes": 2097152, "parsers_bytes": 1048576}})",
                "iris.json: connections.parsers_bytes: expected at least what one parser may have (2097152, "
                "connections.parser_bytes), found 1048576"},
        Refusal{R"({"eal": {"arguments": ["--vdev=net_null0"]}})",
                R"(iris.json: eal.arguments[0]: expected no --vdev: a virtual device is a "device" of ports)"}));

INSTANTIATE_TEST_SUITE_P(Duplicates, Refusals,
                         ::testing::Values(Refusal{
                             R"({"workers": {"count": 1, "count": 2}})",
                             R"(iris.json: the member "count" is given twice in one object: keep one of them)"}));

TEST(Config, SharedCpusAreFineForWorkersThatYield) {
  EXPECT_THAT(accepted(R"({"workers": {"lcores": [1, 1]}})").workers.lcores, ElementsAre(1, 1));
}

TEST(Config, AllFaultsAreReported) {
  EXPECT_EQ(refused(R"({"workers": {"count": "x", "idle": 3}, "ports": [{"mtu": 1}], "plai": 1})"),
            "iris.json: ports[0]: \"device\" is missing\n"
            "iris.json: ports[0].mtu: expected a whole number from 68 to 65000, found 1\n"
            "iris.json: workers.count: expected a whole number from 1 to 128, found \"x\"\n"
            "iris.json: workers.idle: expected \"yield\" or \"poll\", found 3\n"
            "iris.json: unknown member \"plai\"; did you mean \"play\"?");
}

TEST(Config, LongValuesAreCutInMessages) {
  const std::string text = R"({"workers": {"idle": ")" + std::string(1000, 'x') + R"("}})";
  EXPECT_THAT(refused(text), HasSubstr("x… (1002 bytes)"));
}

TEST(Config, SyntaxFaultsHaveLineAndColumn) {
  EXPECT_THAT(refused("{\n  \"workers\": {\"count\": 1,}\n}"),
              StartsWith("iris.json:2:26: not JSON: syntax error while parsing object key"));
  EXPECT_THAT(refused("{\"a\": nope}"), StartsWith("iris.json:1:8: not JSON: syntax error"));
  EXPECT_THAT(refused(""), StartsWith("iris.json:1:1: not JSON: syntax error"));
  EXPECT_THAT(refused("{\n"), StartsWith("iris.json:2:1: not JSON: syntax error"));
  EXPECT_THAT(refused("{} {}"), StartsWith("iris.json:1:4: not JSON: syntax error"));
  EXPECT_THAT(refused("{\"a\": \"\xff\"}"), StartsWith("iris.json:1:8: not JSON: syntax error"));
}

class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile() { fs::create_directories(folder_); }
  ~ConfigFile() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::path(::testing::TempDir()) / ("iris-config-" + std::to_string(getpid()));
};

TEST_F(ConfigFile, IsRead) {
  std::ofstream(folder_ / "iris.json") << R"({"control": {"socket": "c.sock"}})";
  const Result<Config> config = load_config(folder_ / "iris.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->control.socket, folder_ / "c.sock");
}

TEST_F(ConfigFile, Missing) {
  const Result<Config> config = load_config(folder_ / "none.json");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::not_found);
  EXPECT_EQ(config.error().message, (folder_ / "none.json").string() + ": cannot be opened: No such file or directory");
}

TEST_F(ConfigFile, Directory) {
  const Result<Config> config = load_config(folder_);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, folder_.string() + ": is a directory; expected a JSON file");
}

TEST_F(ConfigFile, Unreadable) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  std::ofstream(folder_ / "iris.json") << "{}";
  fs::permissions(folder_ / "iris.json", fs::perms::none);
  const Result<Config> config = load_config(folder_ / "iris.json");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::unavailable);
  EXPECT_THAT(config.error().message, HasSubstr("Permission denied"));
}

TEST(DefaultConfig, NeedsNeitherNicNorHugePages) {
  const Result<Config> config = default_config();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->eal.arguments, ElementsAre("--no-huge", "--no-shconf", "--no-pci", "-m", "512"));
  EXPECT_THAT(config->ports, IsEmpty());
  EXPECT_EQ(config->play.has_value(), demo_capture().has_value());
  if (config->play) {
    EXPECT_EQ(config->play->capture, *demo_capture());
    EXPECT_TRUE(config->play->loop);
    EXPECT_EQ(config->play->speed, 1.0);
  }
}

TEST(DefaultSocket, OfRootAndOfUsers) {
  EXPECT_EQ(default_socket().value_or(""), geteuid() == 0 ? "/run/iris/control.sock" : "/run/user/7/iris/control.sock");
}

TEST(DefaultSocket, NeedsARuntimeDirectory) {
  if (geteuid() == 0) GTEST_SKIP() << "root has /run/iris";
  for (const char* value : {static_cast<const char*>(nullptr), "", "relative"}) {
    const RuntimeDirectory runtime(value);
    const Result<fs::path> socket = default_socket();
    ASSERT_FALSE(socket);
    EXPECT_THAT(socket.error().message, HasSubstr("$XDG_RUNTIME_DIR is not set"));
    EXPECT_THAT(refused("{}"), StartsWith("iris.json: control.socket: there is no default place"));
    EXPECT_FALSE(default_config());
    EXPECT_TRUE(parse_config("{}", "iris.json", Use::replay));
  }
}

TEST(Examples, AreAccepted) {
  int count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(IRIS_EXAMPLE_CONFIGS)) {
    if (entry.path().extension() != ".json") continue;
    const Result<Config> config = load_config(entry.path());
    EXPECT_TRUE(config) << config.error().message;
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace iris::config
