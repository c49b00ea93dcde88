#include "daemon/config/config.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "daemon/config/json_reader.hpp"

namespace iris::config {
namespace {

namespace fs = std::filesystem;

constexpr Range<double> timeout_seconds{0.001, 24 * 60 * 60};
constexpr Range<std::uint64_t> pool_bytes{std::uint64_t{1} << 20, std::uint64_t{1} << 40};
constexpr std::uint16_t highest_cpu = 1023;

// As "3b:00.0" or "0000:3b:00.0", with or without arguments after it.
bool is_pci(std::string_view device) {
  const std::string_view name = device.substr(0, device.find(','));
  return name.contains(':') && name.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

// Members that are read alike.
template <class T>
void number(Members& members, std::string_view name, T& out, Range<T> range) {
  members.member(name, [&](const Node& n) { n.read(out, range); });
}

void flag(Members& members, std::string_view name, bool& out) {
  members.member(name, [&](const Node& n) { n.read(out); });
}

template <class Enum>
void choice(Members& members, std::string_view name, Enum& out, std::initializer_list<std::string_view> names) {
  members.member(name, [&](const Node& n) {
    auto index = static_cast<std::size_t>(out);
    n.read_choice(index, names);
    out = static_cast<Enum>(index);
  });
}

void read_text(const Node& node, std::string& out) { node.read(out); }

void read_path(const Node& node, const fs::path& folder, fs::path& out) {
  std::string text;
  node.read(text);
  if (!text.empty()) out = (folder / text).lexically_normal();
}

// Says whether there are arguments, if only an empty list.
bool read_eal(const Node& node, Eal& eal) {
  Members members(node);
  return members.member("arguments", [&](const Node& list) {
    for (const Node& element : list.elements()) read_text(element, eal.arguments.emplace_back());
  });
}

Port read_port(const Node& node) {
  Port port;
  Members members(node);
  members.required("device", [&](const Node& n) { read_text(n, port.device); });
  members.member("rx_descriptors", [&](const Node& n) { n.read(port.rx_descriptors, {64, 32768}); });
  members.member("promiscuous", [&](const Node& n) { n.read(port.promiscuous); });
  members.member("mtu", [&](const Node& n) { n.read(port.mtu, {68, 65000}); });
  return port;
}

void read_ports(const Node& node, std::vector<Port>& ports) {
  for (const Node& element : node.elements()) {
    Port port = read_port(element);
    const auto name = [](const Port& p) { return std::string_view(p.device).substr(0, p.device.find(',')); };
    const bool twice = std::ranges::any_of(ports, [&](const Port& other) { return name(other) == name(port); });
    if (twice && !port.device.empty()) element.fault(fmt::format("the device \"{}\" is given twice", name(port)));
    ports.push_back(std::move(port));
  }
}

std::optional<Play> read_play(const Node& node, const fs::path& folder) {
  if (node.is_null()) return std::nullopt;
  Play play;
  Members members(node);
  members.required("capture", [&](const Node& n) { read_path(n, folder, play.capture); });
  members.member("loop", [&](const Node& n) { n.read(play.loop); });
  members.member("speed", [&](const Node& n) { n.read(play.speed, {0, 1e6}); });
  return play;
}

void read_mempool(const Node& node, Mempool& mempool) {
  Members members(node);
  members.member("buffers", [&](const Node& n) { n.read(mempool.buffers, {0, 1u << 27}); });
  members.member("buffer_size", [&](const Node& n) { n.read(mempool.buffer_size, {512, 16384}); });
}

void read_workers(const Node& node, Workers& workers) {
  Members members(node);
  const bool counted = members.member("count", [&](const Node& n) { n.read(workers.count, {1, 128}); });
  members.member("lcores", [&](const Node& list) {
    for (const Node& element : list.elements()) element.read(workers.lcores.emplace_back(), {0, highest_cpu});
    if (workers.lcores.empty()) return;
    if (!counted) {
      workers.count = static_cast<std::uint16_t>(std::min<std::size_t>(workers.lcores.size(), UINT16_MAX));
    }
    if (workers.count != workers.lcores.size()) {
      list.fault(fmt::format("expected one CPU for each of the {} workers (workers.count), found {}", workers.count,
                             workers.lcores.size()));
    }
  });
  choice(members, "idle", workers.idle, {"yield", "poll"});
}

void read_connections(const Node& node, Connections& connections) {
  Members members(node);
  number(members, "capacity", connections.capacity, {1024, 1u << 27});
  number(members, "tcp_inactivity_seconds", connections.tcp_inactivity_seconds, timeout_seconds);
  number(members, "tcp_establish_seconds", connections.tcp_establish_seconds, timeout_seconds);
  number(members, "tcp_linger_seconds", connections.tcp_linger_seconds, timeout_seconds);
  number(members, "udp_inactivity_seconds", connections.udp_inactivity_seconds, timeout_seconds);
  choice(members, "midstream", connections.midstream, {"track", "ignore"});
  flag(members, "vlan_in_key", connections.vlan_in_key);
  flag(members, "tunnel_in_key", connections.tunnel_in_key);
  number(members, "parser_bytes", connections.parser_bytes, {4096, 1u << 26});
  number(members, "parsers_bytes", connections.parsers_bytes, pool_bytes);
  number(members, "state_bytes", connections.state_bytes, pool_bytes);
  flag(members, "prefault", connections.prefault);
}

void read_reassembly(const Node& node, Reassembly& reassembly) {
  Members members(node);
  number(members, "out_of_order_packets", reassembly.out_of_order_packets, {1, 10000});
  number(members, "out_of_order_bytes", reassembly.out_of_order_bytes, {1, 1u << 30});
  number(members, "gap_after_seconds", reassembly.gap_after_seconds, timeout_seconds);
  number(members, "held_packets", reassembly.held_packets, {0, 1u << 20});
  number(members, "copied_bytes", reassembly.copied_bytes, {0, 1u << 31});
  choice(members, "overlap", reassembly.overlap, {"first", "last"});
}

void read_fragments(const Node& node, Fragments& fragments) {
  Members members(node);
  number(members, "datagrams", fragments.datagrams, {1, 1u << 20});
  number(members, "packets", fragments.packets, {1, 1u << 20});
  number(members, "timeout_seconds", fragments.timeout_seconds, timeout_seconds);
}

void read_tunnels(const Node& node, Tunnels& tunnels) {
  Members members(node);
  flag(members, "ip_in_ip", tunnels.ip_in_ip);
  flag(members, "gre", tunnels.gre);
  flag(members, "vxlan", tunnels.vxlan);
  flag(members, "geneve", tunnels.geneve);
  flag(members, "gtp_u", tunnels.gtp_u);
  flag(members, "teredo", tunnels.teredo);
  number(members, "depth", tunnels.depth, {0, 16});
  choice(members, "layers", tunnels.layers, {"inner", "outer", "both"});
}

void read_output(const Node& node, const fs::path& folder, Output& output) {
  Members members(node);
  members.member("file", [&](const Node& n) {
    if (n.is_null()) return;
    std::string text;
    n.read(text);
    if (text == "-") {
      output.file = "-";
    } else if (!text.empty()) {
      output.file = (folder / text).lexically_normal();
    }
  });
}

// What two members say of each other.
void check_workers(const Config& config, Faults& faults) {
  std::vector<std::uint16_t> cpus = config.workers.lcores;
  std::ranges::sort(cpus);
  const auto twice = std::ranges::adjacent_find(cpus);
  if (config.workers.idle == Idle::poll && twice != cpus.end()) {
    faults.add("workers.lcores",
               fmt::format("CPU {} is given to two workers, which workers.idle \"poll\" does not allow: "
                           "give each its own, or set workers.idle to \"yield\"",
                           *twice));
  }
}

void check_memory(const Config& config, Faults& faults) {
  const Connections& connections = config.connections;
  if (connections.parser_bytes > connections.parsers_bytes) {
    faults.add("connections.parsers_bytes",
               fmt::format("expected at least what one parser may have ({}, connections.parser_bytes), found {}",
                           connections.parser_bytes, connections.parsers_bytes));
  }
}

void check_devices(const Config& config, Faults& faults) {
  const auto pci = std::ranges::find_if(config.ports, [](const Port& port) { return is_pci(port.device); });
  if (pci != config.ports.end() && std::ranges::count(config.eal.arguments, "--no-pci") > 0) {
    faults.add(fmt::format("ports[{}].device", pci - config.ports.begin()),
               fmt::format("\"{}\" is a PCI device, but eal.arguments has --no-pci: remove it there", pci->device));
  }
  for (std::size_t i = 0; i < config.eal.arguments.size(); ++i) {
    if (config.eal.arguments[i].starts_with("--vdev")) {
      faults.add(fmt::format("eal.arguments[{}]", i), "expected no --vdev: a virtual device is a \"device\" of ports");
    }
  }
}

// Default of what depends on other members, once all are read.
void complete(Config& config, Use use, bool has_arguments, Faults& faults) {
  if (!has_arguments) {
    const bool pci = std::ranges::any_of(config.ports, [](const Port& port) { return is_pci(port.device); });
    config.eal.arguments = pci ? huge_pages() : no_huge_pages();
  }
  if (config.control.socket.empty() && use == Use::daemon) {
    Result<fs::path> socket = default_socket();
    if (socket) {
      config.control.socket = *std::move(socket);
    } else {
      faults.add("control.socket", socket.error().message);
    }
  }
}

fs::path executable_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

}  // namespace

std::vector<std::string> no_huge_pages() { return {"--no-huge", "--no-shconf", "--no-pci", "-m", "512"}; }

std::vector<std::string> huge_pages() { return {"--in-memory"}; }

Result<Config> parse_config(std::string_view text, const fs::path& file, Use use) {
  const Result<nlohmann::json> json = parse_json(text, file.string());
  if (!json) return std::unexpected(json.error());

  Faults faults(file.string());
  const fs::path folder = file.parent_path();
  Config config;
  bool has_arguments = false;
  {
    Members members(Node(*json, "", faults));
    members.member("eal", [&](const Node& n) { has_arguments = read_eal(n, config.eal); });
    members.member("ports", [&](const Node& n) { read_ports(n, config.ports); });
    members.member("play", [&](const Node& n) { config.play = read_play(n, folder); });
    members.member("mempool", [&](const Node& n) { read_mempool(n, config.mempool); });
    members.member("workers", [&](const Node& n) { read_workers(n, config.workers); });
    members.member("connections", [&](const Node& n) { read_connections(n, config.connections); });
    members.member("reassembly", [&](const Node& n) { read_reassembly(n, config.reassembly); });
    members.member("fragments", [&](const Node& n) { read_fragments(n, config.fragments); });
    members.member("tunnels", [&](const Node& n) { read_tunnels(n, config.tunnels); });
    members.member("control", [&](const Node& n) {
      Members control(n);
      control.member("socket", [&](const Node& socket) { read_path(socket, folder, config.control.socket); });
    });
    members.member("output", [&](const Node& n) { read_output(n, folder, config.output); });
  }
  // What members say of each other is only worth checking once each is right by itself.
  if (faults.empty()) {
    complete(config, use, has_arguments, faults);
    check_workers(config, faults);
    check_memory(config, faults);
    check_devices(config, faults);
  }
  if (!faults.empty()) return fail(ErrorCode::invalid, faults.text());
  return config;
}

Result<Config> load_config(const fs::path& file, Use use) {
  std::error_code error;
  if (fs::is_directory(file, error)) {
    return fail(ErrorCode::invalid, fmt::format("{}: is a directory; expected a JSON file", file.string()));
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    const int reason = errno;
    return fail(reason == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable,
                fmt::format("{}: cannot be opened: {}", file.string(), std::strerror(reason)));
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) return fail(ErrorCode::unavailable, fmt::format("{}: cannot be read", file.string()));
  return parse_config(text, file, use);
}

Result<Config> default_config() {
  Config config;
  Result<fs::path> socket = default_socket();
  if (!socket) return std::unexpected(socket.error());
  config.control.socket = *std::move(socket);
  config.eal.arguments = no_huge_pages();
  if (std::optional<fs::path> capture = demo_capture()) config.play = Play{.capture = *std::move(capture)};
  return config;
}

Result<fs::path> default_socket() {
  if (geteuid() == 0) return "/run/iris/control.sock";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return fs::path(runtime) / "iris" / "control.sock";
  return fail(ErrorCode::invalid,
              "there is no default place for the control socket, because $XDG_RUNTIME_DIR is not set to a directory: "
              "set it, or set control.socket in a configuration file");
}

std::optional<fs::path> demo_capture() {
  std::error_code error;
  const fs::path installed = executable_folder().parent_path() / "share" / "iris" / "demo.pcap";
  for (const fs::path& candidate : {installed, fs::path(IRIS_DEMO_CAPTURE)}) {
    if (fs::is_regular_file(candidate, error)) return candidate;
  }
  return std::nullopt;
}

}  // namespace iris::config
