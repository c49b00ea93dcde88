#include "client/print.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <ranges>
#include <string_view>
#include <vector>

namespace iris::client {
namespace {

using nlohmann::ordered_json;
using Row = std::vector<std::string>;

std::string line(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// Columns are two spaces apart, those of numbers (under a heading) to the right; nothing follows a row's last word.
// Widths count characters of UTF-8.
std::string table(const std::vector<Row>& rows) {
  const auto width = [](const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::vector<bool> numeric(widths.size(), rows.size() > 1);
  for (const Row& row : rows | std::views::drop(1)) {
    for (std::size_t i = 0; i < row.size(); ++i) numeric[i] = numeric[i] && is_number(row[i]);
  }
  std::string text;
  for (const Row& row : rows) {
    std::string out;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool right = numeric[i];
      const std::string gap(widths[i] - width(row[i]), ' ');
      out += (i == 0 ? "" : "  ") + (right ? gap + row[i] : row[i] + gap);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  return text;
}

std::string time_text(const google::protobuf::Timestamp& time) {
  using namespace std::chrono;
  const sys_seconds point{seconds(time.seconds())};
  const sys_days day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(point - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), time.nanos() / 1'000'000);
}

std::string uptime_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", whole / 3600 % 24, whole / 60 % 60, whole % 60);
  return whole < 86400 ? clock : fmt::format("{} d {}", whole / 86400, clock);
}

template <class Count>
std::uint64_t sum(const v1::Subscription& subscription, Count count) {
  std::uint64_t total = 0;
  for (const auto& callback : subscription.callbacks()) total += (callback.*count)();
  return total;
}

// Filters may be written over several lines.
std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string filters(const v1::Subscription& subscription) {
  std::string text;
  for (const auto& callback : subscription.callbacks()) {
    text += (text.empty() ? "" : "; ") + one_line(callback.filter());
  }
  return text;
}

ordered_json to_json(const v1::Subscription& subscription) {
  ordered_json callbacks = ordered_json::array();
  for (const auto& callback : subscription.callbacks()) {
    callbacks.push_back({{"name", callback.name()},
                         {"filter", callback.filter()},
                         {"event", callback.event()},
                         {"matched", callback.matched()},
                         {"calls", callback.calls()}});
  }
  return {{"name", subscription.name()},
          {"id", subscription.id()},
          {"epoch", subscription.epoch()},
          {"added", time_text(subscription.added())},
          {"matched", sum(subscription, &v1::Callback::matched)},
          {"calls", sum(subscription, &v1::Callback::calls)},
          {"emitted", subscription.emitted()},
          {"dropped", subscription.dropped()},
          {"callbacks", callbacks},
          {"source_name", subscription.source().name()}};
}

}  // namespace

std::string added_text(const v1::Added& added) {
  std::string stages;
  for (const auto& stage : added.stages()) {
    stages += fmt::format("{}{} {:.1f}", stages.empty() ? "" : ", ", stage.name(), stage.milliseconds());
  }
  return fmt::format("{}: live in epoch {} after {:.1f} ms{}\n", added.name(), added.epoch(),
                     added.total_milliseconds(), stages.empty() ? "" : " (" + stages + ")");
}

std::string added_json(const v1::Added& added) {
  ordered_json milliseconds = ordered_json::object();
  for (const auto& stage : added.stages()) milliseconds[stage.name()] = stage.milliseconds();
  milliseconds["total"] = added.total_milliseconds();
  return line({{"name", added.name()}, {"id", added.id()}, {"epoch", added.epoch()}, {"milliseconds", milliseconds}});
}

std::string list_text(const v1::ListResponse& list) {
  if (list.subscriptions().empty()) return "no subscriptions\n";
  std::vector<Row> rows{{"name", "id", "epoch", "matched", "calls", "emitted", "dropped", "filter"}};
  for (const auto& subscription : list.subscriptions()) {
    rows.push_back({subscription.name(), std::to_string(subscription.id()), std::to_string(subscription.epoch()),
                    std::to_string(sum(subscription, &v1::Callback::matched)),
                    std::to_string(sum(subscription, &v1::Callback::calls)), std::to_string(subscription.emitted()),
                    std::to_string(subscription.dropped()), filters(subscription)});
  }
  return table(rows);
}

std::string list_json(const v1::ListResponse& list) {
  std::string text;
  for (const auto& subscription : list.subscriptions()) text += line(to_json(subscription));
  return text;
}

std::string show_text(const v1::Subscription& subscription) {
  std::string text = table({{"name", subscription.name()},
                            {"id", std::to_string(subscription.id())},
                            {"epoch", std::to_string(subscription.epoch()) + " and later"},
                            {"added", time_text(subscription.added())},
                            {"emitted", std::to_string(subscription.emitted()) + " events"},
                            {"dropped", std::to_string(subscription.dropped()) + " events"},
                            {"source", subscription.source().name()}});
  std::vector<Row> callbacks{{"callback", "event", "matched", "calls", "filter"}};
  for (const auto& callback : subscription.callbacks()) {
    callbacks.push_back({callback.name(), callback.event(), std::to_string(callback.matched()),
                         std::to_string(callback.calls()), one_line(callback.filter())});
  }
  text += "\n" + table(callbacks) + "\n" + subscription.source().text();
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

std::string show_json(const v1::Subscription& subscription) {
  ordered_json json = to_json(subscription);
  json["source"] = subscription.source().text();
  return line(json);
}

std::string status_text(const v1::StatusResponse& status) {
  std::string text = fmt::format("irisd {}, up {}\n", status.version(), uptime_text(status.uptime_seconds()));
  text += fmt::format("epoch {}, {} live, {} retiring\n", status.epoch(), status.subscriptions(), status.retiring());
  if (!status.ports().empty()) {
    std::vector<Row> rows{{"port", "packets", "bytes", "missed"}};
    for (const auto& port : status.ports()) {
      rows.push_back(
          {port.name(), std::to_string(port.packets()), std::to_string(port.bytes()), std::to_string(port.missed())});
    }
    text += "\n" + table(rows);
  }
  if (!status.workers().empty()) {
    std::vector<Row> rows{
        {"worker", "epoch", "packets", "bytes", "undecoded", "connections", "begun", "ended", "table full"}};
    for (const auto& worker : status.workers()) {
      rows.push_back({std::to_string(worker.lcore()), std::to_string(worker.epoch()), std::to_string(worker.packets()),
                      std::to_string(worker.bytes()), std::to_string(worker.undecoded()),
                      std::to_string(worker.connections_live()), std::to_string(worker.connections_begun()),
                      std::to_string(worker.connections_ended()), std::to_string(worker.table_full())});
    }
    text += "\n" + table(rows);
  }
  return text;
}

std::string status_json(const v1::StatusResponse& status) {
  ordered_json ports = ordered_json::array();
  for (const auto& port : status.ports()) {
    ports.push_back(
        {{"name", port.name()}, {"packets", port.packets()}, {"bytes", port.bytes()}, {"missed", port.missed()}});
  }
  ordered_json workers = ordered_json::array();
  for (const auto& worker : status.workers()) {
    workers.push_back({{"lcore", worker.lcore()},
                       {"epoch", worker.epoch()},
                       {"packets", worker.packets()},
                       {"bytes", worker.bytes()},
                       {"undecoded", worker.undecoded()},
                       {"connections_begun", worker.connections_begun()},
                       {"connections_ended", worker.connections_ended()},
                       {"connections_live", worker.connections_live()},
                       {"table_full", worker.table_full()}});
  }
  return line({{"version", status.version()},
               {"uptime_seconds", status.uptime_seconds()},
               {"epoch", status.epoch()},
               {"subscriptions", status.subscriptions()},
               {"retiring", status.retiring()},
               {"ports", ports},
               {"workers", workers}});
}

std::string removed_text(const std::string& name) { return name + ": removed\n"; }
std::string removed_json(const std::string& name) { return line({{"name", name}, {"removed", true}}); }

std::string accepted_text(const std::string& source) { return source + ": accepted\n"; }
std::string accepted_json(const std::string& source) { return line({{"source", source}, {"accepted", true}}); }

}  // namespace iris::client
