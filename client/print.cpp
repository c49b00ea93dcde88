#include "client/print.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "client/text.hpp"

namespace iris::client {
namespace {

using nlohmann::ordered_json;

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

namespace {

template <class Message>
std::string live_text(const std::string& what, const Message& added) {
  std::string stages;
  for (const auto& stage : added.stages()) {
    stages += fmt::format("{}{} {:.1f}", stages.empty() ? "" : ", ", stage.name(), stage.milliseconds());
  }
  return fmt::format("{}: live in epoch {} after {:.1f} ms{}\n", what, added.epoch(), added.total_milliseconds(),
                     stages.empty() ? "" : " (" + stages + ")");
}

template <class Message>
ordered_json milliseconds_of(const Message& added) {
  ordered_json milliseconds = ordered_json::object();
  for (const auto& stage : added.stages()) milliseconds[stage.name()] = stage.milliseconds();
  milliseconds["total"] = added.total_milliseconds();
  return milliseconds;
}

}  // namespace

std::string added_text(const v1::Added& added) { return live_text(added.name(), added); }

std::string added_json(const v1::Added& added) {
  return line(
      {{"name", added.name()}, {"id", added.id()}, {"epoch", added.epoch()}, {"milliseconds", milliseconds_of(added)}});
}

std::string added_text(const v1::AddedBatch& added) {
  const bool one = added.subscriptions() == 1;
  return live_text(fmt::format("{} subscription{}", added.subscriptions(), one ? "" : "s"), added);
}

std::string added_json(const v1::AddedBatch& added) {
  return line(
      {{"subscriptions", added.subscriptions()}, {"epoch", added.epoch()}, {"milliseconds", milliseconds_of(added)}});
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

std::string removed_text(const std::string& name) { return name + ": removed\n"; }
std::string removed_json(const std::string& name) { return line({{"name", name}, {"removed", true}}); }

std::string accepted_text(const std::string& source) { return source + ": accepted\n"; }
std::string accepted_json(const std::string& source) { return line({{"source", source}, {"accepted", true}}); }

}  // namespace iris::client
