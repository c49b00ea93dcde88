// The daemon's configuration: a JSON file, read into plain structs and checked before anything starts.
//
// A member that the file leaves out keeps the default written beside it here; a member that it does not know is an
// error, so that a misspelt one never goes unnoticed. Comments (`//`, `/* */`) are allowed. Relative paths are relative
// to the file's folder. deploy/examples has complete files.
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
};

[[nodiscard]] std::vector<std::string> no_huge_pages();  // --no-huge --no-shconf --no-pci -m 512
[[nodiscard]] std::vector<std::string> huge_pages();     // --in-memory

// One of "ports": a NIC or virtual device that packets are received from.
struct Port {
  std::string device;                   // required: "0000:3b:00.0" or "net_af_packet0,iface=eth1", with arguments
  std::uint16_t rx_descriptors = 1024;  // of each queue; 64 to 32768
  bool promiscuous = true;              // a mirror's frames are addressed to others
  std::uint16_t mtu = 1500;             // 68 to 65000; longer frames are the NIC's to drop
};

// "play": recorded traffic as if it were live, through a DPDK port of its own. Absent: none.
struct Play {
  std::filesystem::path capture;  // required: pcap or pcapng
  bool loop = true;               // from the beginning again at its end
  double speed = 1.0;             // of the capture's own pace; 0: as fast as it is taken
};

// "mempool": the buffers that received packets lie in.
struct Mempool {
  std::uint32_t buffers = 0;         // 0: as many as ports, workers and reassembly need
  std::uint16_t buffer_size = 2048;  // bytes of a packet in one buffer; 512 to 16384
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
};

// "connections": of each worker.
struct Connections {
  std::uint32_t capacity = 1u << 20;           // connections at a time, 1024 to 2^27; memory is taken at the start
  std::uint32_t tcp_inactivity_seconds = 300;  // without a packet, a TCP connection ends
  std::uint32_t udp_inactivity_seconds = 60;   // without a packet, a UDP connection ends
  std::uint32_t tcp_establish_seconds = 5;     // a SYN that nothing follows ends sooner
  std::uint32_t out_of_order_packets = 100;    // kept of each direction until the gap before them fills; 1 to 10000
};

// "control": where irisctl speaks to the daemon.
struct Control {
  std::filesystem::path socket;  // default: see default_socket()
};

// "output": where events go as JSON lines.
struct Output {
  std::optional<std::filesystem::path> file;  // "-": standard output; null (default): nowhere but to `irisctl tail`
};

struct Config {
  Eal eal;
  std::vector<Port> ports;
  std::optional<Play> play;
  Mempool mempool;
  Workers workers;
  Connections connections;
  Control control;
  Output output;
};

// Reads and checks a file. The error's message has one line for every fault found, each with the file, the path in it,
// what is expected and what is there:
//   iris.json: workers.lcores[1]: expected a whole number from 0 to 1023, found "two"
// A fault of syntax is `iris.json:LINE:COLUMN: …` and the only one reported.
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& file);

// As load_config, of text already read. `file` names it in messages; relative paths are relative to its folder.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::filesystem::path& file);

// What irisd runs with when it is given no file: no NIC, no huge pages, the control socket of default_socket(), and the
// demonstration capture, looped at its own pace, where one is found.
[[nodiscard]] Result<Config> default_config();

// /run/iris/control.sock for root, else $XDG_RUNTIME_DIR/iris/control.sock; an error when there is no such directory to
// be had.
[[nodiscard]] Result<std::filesystem::path> default_socket();

// The installed demonstration capture (../share/iris/demo.pcap from the executable), else that of the source tree.
[[nodiscard]] std::optional<std::filesystem::path> demo_capture();

}  // namespace iris::config
