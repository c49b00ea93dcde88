// `irisctl status`. For people, what never happened is left out; for programs, every number is there.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "client/print.hpp"
#include "client/text.hpp"

namespace iris::client {
namespace {

using nlohmann::ordered_json;
using v1::Worker;

std::string uptime_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", whole / 3600 % 24, whole / 60 % 60, whole % 60);
  return whole < 86400 ? clock : fmt::format("{} d {}", whole / 86400, clock);
}

std::string level_text(const Worker::Pressure& pressure) {
  switch (pressure.now()) {
    case Worker::Pressure::NONE:
      return "none";
    case Worker::Pressure::LOW:
      return "low";
    case Worker::Pressure::CRITICAL:
      return "critical";
    default:
      return "unknown";
  }
}

bool degraded(const Worker& worker) { return worker.pressure().now() == Worker::Pressure::CRITICAL; }

// A number of each worker, under its name.
struct Column {
  const char* heading;
  std::function<std::uint64_t(const Worker&)> value;
};

// Nothing when every number is 0.
std::string counters(const v1::StatusResponse& status, const std::vector<Column>& columns) {
  bool any = false;
  std::vector<Row> rows{{"worker"}};
  for (const Column& column : columns) rows[0].emplace_back(column.heading);
  for (const Worker& worker : status.workers()) {
    Row& row = rows.emplace_back(Row{std::to_string(worker.lcore())});
    for (const Column& column : columns) {
      any = any || column.value(worker) != 0;
      row.push_back(std::to_string(column.value(worker)));
    }
  }
  return any ? "\n" + table(rows) : "";
}

std::string ports_text(const v1::StatusResponse& status) {
  if (status.ports().empty()) return "";
  std::vector<Row> rows{{"port", "packets", "bytes", "missed"}};
  for (const auto& port : status.ports()) {
    rows.push_back(
        {port.name(), std::to_string(port.packets()), std::to_string(port.bytes()), std::to_string(port.missed())});
  }
  return "\n" + table(rows);
}

std::string workers_text(const v1::StatusResponse& status) {
  if (status.workers().empty()) return "";
  std::vector<Row> rows{
      {"worker", "epoch", "packets", "bytes", "undecoded", "connections", "begun", "ended", "evicted"}};
  for (const Worker& worker : status.workers()) {
    rows.push_back({std::to_string(worker.lcore()), std::to_string(worker.epoch()), std::to_string(worker.packets()),
                    std::to_string(worker.bytes()), std::to_string(worker.undecoded()),
                    std::to_string(worker.connections_live()), std::to_string(worker.connections_begun()),
                    std::to_string(worker.connections_ended()), std::to_string(worker.table_full())});
  }
  return "\n" + table(rows);
}

std::string memory_text(const Worker::MemoryUse& use) {
  constexpr double mebibyte = 1 << 20;
  const std::string text = fmt::format("{:.1f} of {:.1f} MiB", static_cast<double>(use.used()) / mebibyte,
                                       static_cast<double>(use.reserved()) / mebibyte);
  return use.refused() == 0 ? text : fmt::format("{}, {} refused", text, use.refused());
}

std::string memory_text(const v1::StatusResponse& status) {
  std::vector<Row> rows{{"worker", "table", "connections", "parsers", "state", "early segments"}};
  for (const Worker& worker : status.workers()) {
    if (!worker.has_memory()) continue;
    const Worker::Memory& memory = worker.memory();
    rows.push_back({std::to_string(worker.lcore()), memory_text(memory.table()), memory_text(memory.cold()),
                    memory_text(memory.arenas()), memory_text(memory.blocks()), memory_text(memory.copies())});
  }
  return rows.size() > 1 ? "\n" + table(rows) : "";
}

std::string pressure_text(const v1::StatusResponse& status) {
  const bool any = std::ranges::any_of(status.workers(), [](const Worker& worker) {
    const Worker::Pressure& pressure = worker.pressure();
    return pressure.low() != 0 || pressure.critical() != 0 || pressure.now() > Worker::Pressure::NONE;
  });
  if (!any) return "";
  std::vector<Row> rows{{"worker", "buffers short", "since", "times low", "times critical", ""}};
  for (const Worker& worker : status.workers()) {
    const Worker::Pressure& pressure = worker.pressure();
    rows.push_back({std::to_string(worker.lcore()), level_text(pressure),
                    pressure.has_since() ? time_text(pressure.since()) : "the start", std::to_string(pressure.low()),
                    std::to_string(pressure.critical()), degraded(worker) ? "degraded: events lack data" : ""});
  }
  return "\n" + table(rows);
}

ordered_json gaps_json(const Worker::Gaps& gaps) {
  return {{"time", gaps.time()}, {"packets", gaps.packets()}, {"bytes", gaps.bytes()}, {"pool", gaps.pool()},
          {"jump", gaps.jump()}, {"end", gaps.end()},         {"cut", gaps.cut()}};
}

ordered_json reassembly_json(const Worker::Reassembly& reassembly) {
  return {{"held_packets", reassembly.held_packets()},
          {"copied_bytes", reassembly.copied_bytes()},
          {"gaps", gaps_json(reassembly.gaps())},
          {"dropped_segments", reassembly.dropped_segments()},
          {"inconsistent_bytes", reassembly.inconsistent_bytes()}};
}

ordered_json fragments_json(const Worker::Fragments& fragments) {
  return {{"fragments", fragments.fragments()},
          {"datagrams", fragments.datagrams()},
          {"cut_off", fragments.cut_off()},
          {"expired", fragments.expired()},
          {"evicted", fragments.evicted()},
          {"overlapping", fragments.overlapping()},
          {"malformed", fragments.malformed()},
          {"duplicates", fragments.duplicates()},
          {"lost", fragments.lost()}};
}

ordered_json undecoded_json(const Worker::Undecoded& undecoded) {
  return {{"not_ip", undecoded.not_ip()},
          {"other_transport", undecoded.other_transport()},
          {"truncated", undecoded.truncated()},
          {"malformed", undecoded.malformed()}};
}

ordered_json memory_json(const Worker::Memory& memory) {
  const auto use = [](const Worker::MemoryUse& of) -> ordered_json {
    return {{"used", of.used()}, {"reserved", of.reserved()}, {"refused", of.refused()}};
  };
  return {{"table", use(memory.table())},
          {"cold", use(memory.cold())},
          {"arenas", use(memory.arenas())},
          {"blocks", use(memory.blocks())},
          {"copies", use(memory.copies())}};
}

ordered_json pressure_json(const Worker::Pressure& pressure) {
  ordered_json json{{"now", level_text(pressure)}, {"since", nullptr}};
  if (pressure.has_since()) json["since"] = time_text(pressure.since());
  json["low"] = pressure.low();
  json["critical"] = pressure.critical();
  return json;
}

ordered_json worker_json(const Worker& worker) {
  return {{"lcore", worker.lcore()},
          {"epoch", worker.epoch()},
          {"packets", worker.packets()},
          {"bytes", worker.bytes()},
          {"undecoded", worker.undecoded()},
          {"connections_begun", worker.connections_begun()},
          {"connections_ended", worker.connections_ended()},
          {"connections_live", worker.connections_live()},
          {"table_full", worker.table_full()},
          {"connections_evicted_half_open", worker.connections_evicted_half_open()},
          {"connections_evicted", worker.connections_evicted()},
          {"connections_unobserved", worker.connections_unobserved()},
          {"stray_resets", worker.stray_resets()},
          {"packets_filtered", worker.packets_filtered()},
          {"midstream_ignored", worker.midstream_ignored()},
          {"undecoded_by_reason", undecoded_json(worker.undecoded_by_reason())},
          {"fragments", fragments_json(worker.fragments())},
          {"reassembly", reassembly_json(worker.reassembly())},
          {"hand_over", {{"sent", worker.hand_over().sent()}, {"lost", worker.hand_over().lost()}}},
          {"memory", memory_json(worker.memory())},
          {"pressure", pressure_json(worker.pressure())},
          {"degraded", degraded(worker)}};
}

}  // namespace

std::string status_text(const v1::StatusResponse& status) {
  std::string text = fmt::format("irisd {}, up {}\n", status.version(), uptime_text(status.uptime_seconds()));
  text += fmt::format("epoch {}, {} live, {} retiring\n", status.epoch(), status.subscriptions(), status.retiring());
  text += ports_text(status) + workers_text(status);
  text += counters(status, {{"evicted half-open", &Worker::connections_evicted_half_open},
                            {"others", &Worker::connections_evicted},
                            {"unobserved", &Worker::connections_unobserved},
                            {"stray resets", &Worker::stray_resets},
                            {"midstream ignored", &Worker::midstream_ignored},
                            {"filtered packets", &Worker::packets_filtered}});
  text +=
      counters(status, {{"not IP", [](const Worker& w) { return w.undecoded_by_reason().not_ip(); }},
                        {"not TCP or UDP", [](const Worker& w) { return w.undecoded_by_reason().other_transport(); }},
                        {"cut off", [](const Worker& w) { return w.undecoded_by_reason().truncated(); }},
                        {"malformed", [](const Worker& w) { return w.undecoded_by_reason().malformed(); }}});
  text += counters(status, {{"fragments", [](const Worker& w) { return w.fragments().fragments(); }},
                            {"datagrams", [](const Worker& w) { return w.fragments().datagrams(); }},
                            {"cut off", [](const Worker& w) { return w.fragments().cut_off(); }},
                            {"expired", [](const Worker& w) { return w.fragments().expired(); }},
                            {"evicted", [](const Worker& w) { return w.fragments().evicted(); }},
                            {"overlapping", [](const Worker& w) { return w.fragments().overlapping(); }},
                            {"malformed", [](const Worker& w) { return w.fragments().malformed(); }},
                            {"duplicates", [](const Worker& w) { return w.fragments().duplicates(); }},
                            {"lost", [](const Worker& w) { return w.fragments().lost(); }}});
  text +=
      counters(status, {{"held packets", [](const Worker& w) { return w.reassembly().held_packets(); }},
                        {"copied bytes", [](const Worker& w) { return w.reassembly().copied_bytes(); }},
                        {"dropped segments", [](const Worker& w) { return w.reassembly().dropped_segments(); }},
                        {"inconsistent bytes", [](const Worker& w) { return w.reassembly().inconsistent_bytes(); }}});
  text += counters(status, {{"gaps after time", [](const Worker& w) { return w.reassembly().gaps().time(); }},
                            {"packets", [](const Worker& w) { return w.reassembly().gaps().packets(); }},
                            {"bytes", [](const Worker& w) { return w.reassembly().gaps().bytes(); }},
                            {"pool", [](const Worker& w) { return w.reassembly().gaps().pool(); }},
                            {"jump", [](const Worker& w) { return w.reassembly().gaps().jump(); }},
                            {"end", [](const Worker& w) { return w.reassembly().gaps().end(); }},
                            {"cut off", [](const Worker& w) { return w.reassembly().gaps().cut(); }}});
  text += counters(status, {{"handed over", [](const Worker& w) { return w.hand_over().sent(); }},
                            {"lost on the way", [](const Worker& w) { return w.hand_over().lost(); }}});
  return text + memory_text(status) + pressure_text(status);
}

std::string status_json(const v1::StatusResponse& status) {
  ordered_json ports = ordered_json::array();
  for (const auto& port : status.ports()) {
    ports.push_back(
        {{"name", port.name()}, {"packets", port.packets()}, {"bytes", port.bytes()}, {"missed", port.missed()}});
  }
  ordered_json workers = ordered_json::array();
  for (const Worker& worker : status.workers()) workers.push_back(worker_json(worker));
  return line({{"version", status.version()},
               {"uptime_seconds", status.uptime_seconds()},
               {"epoch", status.epoch()},
               {"subscriptions", status.subscriptions()},
               {"retiring", status.retiring()},
               {"ports", ports},
               {"workers", workers}});
}

}  // namespace iris::client
