#include "daemon/options.hpp"

#include <cmath>
#include <cstdint>

namespace iris {
namespace {

Duration seconds(double value) { return {std::llround(value * 1e9)}; }

worker::Layers layers(config::Layers wanted) {
  switch (wanted) {
    case config::Layers::inner:
      return worker::Layers::inner;
    case config::Layers::outer:
      return worker::Layers::outer;
    case config::Layers::both:
      return worker::Layers::both;
  }
  return worker::Layers::both;
}

}  // namespace

conn::Limits connection_limits(const config::Config& config) {
  const config::Connections& connections = config.connections;
  const config::Reassembly& reassembly = config.reassembly;
  const bool ignore = connections.midstream == config::Midstream::ignore;
  const bool last = reassembly.overlap == config::Overlap::last;
  return {
      .capacity = connections.capacity,
      .tcp_inactivity = seconds(connections.tcp_inactivity_seconds),
      .tcp_establish = seconds(connections.tcp_establish_seconds),
      .tcp_linger = seconds(connections.tcp_linger_seconds),
      .udp_inactivity = seconds(connections.udp_inactivity_seconds),
      .midstream = ignore ? conn::Midstream::ignore : conn::Midstream::track,
      .vlan_in_key = connections.vlan_in_key,
      .tunnel_in_key = connections.tunnel_in_key,
      .parser_bytes = connections.parser_bytes,
      .parsers_bytes = connections.parsers_bytes,
      .state_bytes = connections.state_bytes,
      .prefault = connections.prefault,
      .reassembly = {.packets = reassembly.out_of_order_packets,
                     .bytes = reassembly.out_of_order_bytes,
                     .gap_after = seconds(reassembly.gap_after_seconds),
                     .held_packets = reassembly.held_packets,
                     .copied_bytes = reassembly.copied_bytes,
                     .overlap = last ? conn::Overlap::last : conn::Overlap::first},
  };
}

worker::IntakeOptions intake_options(const config::Config& config) {
  const config::Tunnels& tunnels = config.tunnels;
  worker::IntakeOptions options;
  options.tunnels = {.ip_in_ip = tunnels.ip_in_ip,
                     .gre = tunnels.gre,
                     .vxlan = tunnels.vxlan,
                     .geneve = tunnels.geneve,
                     .gtp_u = tunnels.gtp_u,
                     .teredo = tunnels.teredo,
                     .depth = tunnels.depth};
  options.layers = layers(tunnels.layers);
  options.fragments.datagrams = config.fragments.datagrams;
  options.fragments.packets = config.fragments.packets;
  options.fragments.timeout = seconds(config.fragments.timeout_seconds);
  return options;
}

}  // namespace iris
