#include "daemon/options.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <utility>

namespace iris {
namespace {

void expect_equal(const conn::Limits& a, const conn::Limits& b) {
  EXPECT_EQ(a.capacity, b.capacity);
  EXPECT_EQ(a.tcp_inactivity, b.tcp_inactivity);
  EXPECT_EQ(a.tcp_establish, b.tcp_establish);
  EXPECT_EQ(a.tcp_linger, b.tcp_linger);
  EXPECT_EQ(a.udp_inactivity, b.udp_inactivity);
  EXPECT_EQ(a.midstream, b.midstream);
  EXPECT_EQ(a.vlan_in_key, b.vlan_in_key);
  EXPECT_EQ(a.tunnel_in_key, b.tunnel_in_key);
  EXPECT_EQ(a.parser_bytes, b.parser_bytes);
  EXPECT_EQ(a.parsers_bytes, b.parsers_bytes);
  EXPECT_EQ(a.state_bytes, b.state_bytes);
  EXPECT_EQ(a.prefault, b.prefault);
  EXPECT_EQ(a.reassembly.packets, b.reassembly.packets);
  EXPECT_EQ(a.reassembly.bytes, b.reassembly.bytes);
  EXPECT_EQ(a.reassembly.gap_after, b.reassembly.gap_after);
  EXPECT_EQ(a.reassembly.held_packets, b.reassembly.held_packets);
  EXPECT_EQ(a.reassembly.copied_bytes, b.reassembly.copied_bytes);
  EXPECT_EQ(a.reassembly.overlap, b.reassembly.overlap);
}

TEST(Options, DefaultsOfTheConfigurationAreTheEngines) {
  const config::Config config;
  expect_equal(connection_limits(config), conn::Limits{});
  const worker::FragmentLimits fragments = intake_options(config).fragments;
  EXPECT_EQ(fragments.datagrams, worker::FragmentLimits{}.datagrams);
  EXPECT_EQ(fragments.packets, worker::FragmentLimits{}.packets);
  EXPECT_EQ(fragments.timeout, worker::FragmentLimits{}.timeout);
  const parsers::packet::Tunnels wanted = intake_options(config).tunnels;
  const parsers::packet::Tunnels standard;
  EXPECT_EQ(wanted.ip_in_ip, standard.ip_in_ip);
  EXPECT_EQ(wanted.gre, standard.gre);
  EXPECT_EQ(wanted.vxlan, standard.vxlan);
  EXPECT_EQ(wanted.geneve, standard.geneve);
  EXPECT_EQ(wanted.gtp_u, standard.gtp_u);
  EXPECT_EQ(wanted.teredo, standard.teredo);
  EXPECT_EQ(wanted.depth, standard.depth);
  EXPECT_EQ(intake_options(config).layers, worker::IntakeOptions{}.layers);
}

TEST(Options, EachMemberArrivesWhereItBelongs) {
  config::Config config;
  config.connections = {.capacity = 2048,
                        .tcp_inactivity_seconds = 1.5,
                        .tcp_establish_seconds = 0.001,
                        .tcp_linger_seconds = 2,
                        .udp_inactivity_seconds = 86400,
                        .midstream = config::Midstream::ignore,
                        .vlan_in_key = true,
                        .tunnel_in_key = true,
                        .parser_bytes = 1,
                        .parsers_bytes = 2,
                        .state_bytes = 3,
                        .prefault = true};
  config.reassembly = {.out_of_order_packets = 4,
                       .out_of_order_bytes = 5,
                       .gap_after_seconds = 0.25,
                       .held_packets = 6,
                       .copied_bytes = 7,
                       .overlap = config::Overlap::last};
  config.fragments = {.datagrams = 8, .packets = 9, .timeout_seconds = 0.5};
  expect_equal(connection_limits(config), {.capacity = 2048,
                                           .tcp_inactivity = {1'500'000'000},
                                           .tcp_establish = {1'000'000},
                                           .tcp_linger = {2'000'000'000},
                                           .udp_inactivity = {86'400'000'000'000},
                                           .midstream = conn::Midstream::ignore,
                                           .vlan_in_key = true,
                                           .tunnel_in_key = true,
                                           .parser_bytes = 1,
                                           .parsers_bytes = 2,
                                           .state_bytes = 3,
                                           .prefault = true,
                                           .reassembly = {.packets = 4,
                                                          .bytes = 5,
                                                          .gap_after = {250'000'000},
                                                          .held_packets = 6,
                                                          .copied_bytes = 7,
                                                          .overlap = conn::Overlap::last}});
  EXPECT_EQ(intake_options(config).fragments.datagrams, 8U);
  EXPECT_EQ(intake_options(config).fragments.packets, 9U);
  EXPECT_EQ(intake_options(config).fragments.timeout, Duration{500'000'000});
}

TEST(Options, EachTunnelIsItself) {
  bool config::Tunnels::* const members[] = {&config::Tunnels::ip_in_ip, &config::Tunnels::gre,
                                             &config::Tunnels::vxlan,    &config::Tunnels::geneve,
                                             &config::Tunnels::gtp_u,    &config::Tunnels::teredo};
  bool parsers::packet::Tunnels::* const wanted[] = {
      &parsers::packet::Tunnels::ip_in_ip, &parsers::packet::Tunnels::gre,   &parsers::packet::Tunnels::vxlan,
      &parsers::packet::Tunnels::geneve,   &parsers::packet::Tunnels::gtp_u, &parsers::packet::Tunnels::teredo};
  for (std::size_t off = 0; off < std::size(members); ++off) {
    config::Config config;
    config.tunnels.*members[off] = false;
    config.tunnels.depth = 2;
    for (std::size_t i = 0; i < std::size(wanted); ++i) EXPECT_EQ(intake_options(config).tunnels.*wanted[i], i != off);
    EXPECT_EQ(intake_options(config).tunnels.depth, 2);
  }
}

TEST(Options, EachLayerIsItself) {
  config::Config config;
  for (const auto& [from, to] : {std::pair{config::Layers::inner, worker::Layers::inner},
                                 {config::Layers::outer, worker::Layers::outer},
                                 {config::Layers::both, worker::Layers::both}}) {
    config.tunnels.layers = from;
    EXPECT_EQ(intake_options(config).layers, to);
  }
}

}  // namespace
}  // namespace iris
