// A registry that answers what a test tells it to, and remembers what it was asked.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/control/subscriptions.hpp"

namespace iris::control {

class FakeSubscriptions final : public Subscriptions {
 public:
  using Subscriptions::add;
  Result<Added> add(const std::string& name, const jit::Source& source, const std::string& filter) override {
    last_filter = filter;
    return on_add(name, source);
  }
  Result<AddedBatch> add_batch(const jit::Source& source, std::span<const Narrowed> batch) override {
    return on_add_batch(source, batch);
  }
  Result<std::string> check(const jit::Source& source) override { return on_check(source); }
  Result<void> remove(const std::string& name) override {
    if (!known.contains(name)) return unknown(name);
    if (on_remove) on_remove(known.at(name).id);
    known.erase(name);
    return {};
  }
  Result<std::vector<std::string>> remove_matching(const std::string& pattern) override {
    std::vector<std::string> names;
    for (const auto& [name, info] : known) {
      if (name.starts_with(pattern.substr(0, pattern.find('*')))) names.push_back(name);
    }
    if (names.empty()) return fail(ErrorCode::not_found, "nothing matches " + pattern);
    for (const auto& name : names) known.erase(name);
    return names;
  }
  std::vector<SubscriptionInfo> list() const override {
    std::vector<SubscriptionInfo> all;
    for (const auto& [name, info] : known) all.push_back(info);
    return all;
  }
  Result<SubscriptionInfo> show(const std::string& name) const override {
    if (!known.contains(name)) return unknown(name);
    return known.at(name);
  }
  Status status() const override { return state; }
  Result<PlanInfo> explain(const std::string& name) const override {
    if (!name.empty() && !known.contains(name)) return unknown(name);
    return plan;
  }

  std::function<Result<Added>(const std::string&, const jit::Source&)> on_add;
  std::function<Result<AddedBatch>(const jit::Source&, std::span<const Narrowed>)> on_add_batch;
  std::function<Result<std::string>(const jit::Source&)> on_check;
  std::string last_filter;  // of `add`
  std::function<void(std::uint32_t)> on_remove;
  std::map<std::string, SubscriptionInfo> known;
  Status state;
  PlanInfo plan;

 private:
  static std::unexpected<Error> unknown(const std::string& name) {
    return fail(ErrorCode::not_found, "no subscription is called " + name);
  }
};

}  // namespace iris::control
