// The daemon's configuration: a JSON file, read into plain structs and checked before anything starts.
//
// A member that the file leaves out keeps the default written beside it here; a member that it does not know is an
// error, so that a misspelt one never goes unnoticed. Comments (`//`, `/* */`) are allowed. Relative paths are relative
// to the file's folder. deploy/examples/complete.json has every member; the README tells them in one table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "jit/abi/result.hpp"

namespace iris::config {

// "eal": DPDK's environment. DPDK takes it once, at the start.
struct Eal {
  // As on the command line of any DPDK program. Default: without huge pages and without looking for NICs, as much as
  // tests and demonstrations need (`no_huge_pages`); where a port is a PCI device, huge pages and no files
  // (`huge_pages`).
  std::vector<std::string> arguments;
  bool operator==(const Eal&) const = default;
};

[[nodiscard]] std::vector<std::string> no_huge_pages();  // --no-huge --no-shconf --no-pci -m 512
[[nodiscard]] std::vector<std::string> huge_pages();     // --in-memory

// One of "ports": a NIC or virtual device that packets are received from.
struct Port {
  std::string device;                   // required: "0000:3b:00.0" or "net_af_packet0,iface=eth1", with arguments
  std::uint16_t rx_descriptors = 1024;  // of each queue; 64 to 32768
  bool promiscuous = true;              // a mirror's frames are addressed to others
  std::uint16_t mtu = 1500;             // 68 to 65000; longer frames are the NIC's to drop
  bool operator==(const Port&) const = default;
};

// "play": recorded traffic as if it were live, through a DPDK port of its own. Absent: none.
struct Play {
  std::filesystem::path capture;  // required: pcap or pcapng
  bool loop = true;               // from the beginning again at its end
  double speed = 1.0;             // of the capture's own pace; 0: as fast as it is taken
  bool operator==(const Play&) const = default;
};

// "mempool": the buffers that received packets lie in, of each NUMA node that has ports.
struct Mempool {
  std::uint32_t buffers = 0;         // 0: as many as ports, workers, reassembly and fragments need; up to 2^27
  std::uint16_t buffer_size = 2048;  // bytes of a packet in one buffer; 512 to 16384
  bool operator==(const Mempool&) const = default;
};

// What a worker does when there is nothing to receive.
enum class Idle : std::uint8_t {
  yield,  // leaves its CPU to others for a moment
  poll,   // asks again at once: for CPUs that nothing else runs on
};

// "workers": the threads that receive.
struct Workers {
  std::uint16_t count = 1;            // 1 to 128; default: as many as `lcores`
  std::vector<std::uint16_t> lcores;  // CPU of each worker; empty: wherever the system puts them
  Idle idle = Idle::yield;            // "yield" or "poll"
  bool operator==(const Workers&) const = default;
};

// What becomes of a TCP connection whose opening was not seen.
enum class Midstream : std::uint8_t {
  track,   // it begins with its first packet, and is marked
  ignore,  // its packets are counted and belong to no connection, until a SYN
};

// "connections": of each worker. Times are capture time, in seconds with a fraction, kept to about a millisecond.
struct Connections {
  std::uint32_t capacity = 1u << 20;    // connections at a time, 1024 to 2^27
  double tcp_inactivity_seconds = 300;  // without a packet, a TCP connection ends; 0.001 to 86400, as all of these
  double tcp_establish_seconds = 5;     // a SYN that nothing follows ends sooner
  double tcp_linger_seconds = 5;        // after its end, a TCP connection's late packets still belong to it
  double udp_inactivity_seconds = 60;   // without a packet, a UDP connection ends
  Midstream midstream = Midstream::track;
  bool vlan_in_key = false;                 // equal five-tuples on different VLANs are different connections
  bool tunnel_in_key = false;               // likewise in different tunnels (VNI, TEID, GRE key)
  std::uint32_t parser_bytes = 256u << 10;  // of one connection's parser; 4096 to 2^26
  std::uint64_t parsers_bytes = std::uint64_t{1} << 30;  // of all; 2^20 to 2^40, at least parser_bytes
  std::uint64_t state_bytes = std::uint64_t{1} << 30;    // of all objects of subscriptions' types; 2^20 to 2^40
  bool prefault = false;  // take all of that memory at the start, rather than each page when it is first used
  bool operator==(const Connections&) const = default;
};

// Of bytes that a TCP segment repeats with another content than was seen before.
enum class Overlap : std::uint8_t {
  first,  // what arrived first counts
  last,   // what arrived last counts, as long as it was not handed on
};

// "reassembly": of TCP streams.
struct Reassembly {
  std::uint32_t out_of_order_packets = 100;     // of one connection, until what is missing comes; 1 to 10000
  std::uint32_t out_of_order_bytes = 1u << 20;  // of one connection; 1 to 2^30
  double gap_after_seconds = 5;                 // the longest that they wait; 0.001 to 86400
  std::uint32_t held_packets = 4096;            // of all of a worker's, in the pool's buffers; 0 to 2^20
  std::uint32_t copied_bytes = 16u << 20;       // of all of a worker's, beyond that or under pressure; 0 to 2^31
  Overlap overlap = Overlap::first;
  bool operator==(const Reassembly&) const = default;
};

// "fragments": of IP datagrams, of each worker.
struct Fragments {
  std::uint32_t datagrams = 1024;  // incomplete ones at a time, 1 to 2^20
  std::uint32_t packets = 4096;    // held for them, 1 to 2^20
  double timeout_seconds = 30;     // from a datagram's first fragment to its last; 0.001 to 86400
  bool operator==(const Fragments&) const = default;
};

// Which layers of a tunnelled packet are packets of connections.
enum class Layers : std::uint8_t {
  inner,  // the innermost alone
  outer,  // the outermost alone: tunnels are not looked into
  both,   // all of them, outermost first
};

// "tunnels": which are looked into.
struct Tunnels {
  bool ip_in_ip = true;    // IPv4 and IPv6 in each other and in themselves
  bool gre = true;         // and ERSPAN
  bool vxlan = true;       // UDP ports 4789 and 8472
  bool geneve = true;      // UDP port 6081
  bool gtp_u = true;       // UDP port 2152
  bool teredo = true;      // UDP port 3544
  std::uint8_t depth = 4;  // tunnels in tunnels, 0 to 16
  Layers layers = Layers::both;
  bool operator==(const Tunnels&) const = default;
};

// "control": where irisctl speaks to the daemon.
struct Control {
  std::filesystem::path socket;  // default: see default_socket()
  bool operator==(const Control&) const = default;
};

// "output": where events go as JSON lines.
struct Output {
  std::optional<std::filesystem::path> file;  // "-": standard output; null (default): nowhere but to `irisctl tail`
  bool operator==(const Output&) const = default;
};

struct Config {
  Eal eal;
  std::vector<Port> ports;
  std::optional<Play> play;
  Mempool mempool;
  Workers workers;
  Connections connections;
  Reassembly reassembly;
  Fragments fragments;
  Tunnels tunnels;
  Control control;
  Output output;
  bool operator==(const Config&) const = default;
};

// What a file is read for.
enum class Use : std::uint8_t {
  daemon,
  replay,  // of a capture: there need be no place for a control socket
};

// Reads and checks a file. The error's message has one line for every fault found, each with the file, the path in it,
// what is expected and what is there:
//   iris.json: workers.lcores[1]: expected a whole number from 0 to 1023, found "two"
// A fault of syntax is `iris.json:LINE:COLUMN: …` and the only one reported.
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& file, Use use = Use::daemon);

// As load_config, of text already read. `file` names it in messages; relative paths are relative to its folder.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::filesystem::path& file,
                                          Use use = Use::daemon);

// What irisd runs with when it is given no file: no NIC, no huge pages, the control socket of default_socket(), and the
// demonstration capture, looped at its own pace, where one is found.
[[nodiscard]] Result<Config> default_config();

// /run/iris/control.sock for root, else $XDG_RUNTIME_DIR/iris/control.sock; an error when there is no such directory to
// be had.
[[nodiscard]] Result<std::filesystem::path> default_socket();

// The installed demonstration capture (../share/iris/demo.pcap from the executable), else that of the source tree.
[[nodiscard]] std::optional<std::filesystem::path> demo_capture();

}  // namespace iris::config
