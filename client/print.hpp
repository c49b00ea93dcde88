// What irisctl prints: for people, and with --json one object a line. Texts end with a newline.
#pragma once

#include <iris/v1/control.pb.h>

#include <string>

namespace iris::client {

// log_tls: live in epoch 7 after 8.9 ms (front end 3.9, optimise 0.4, …)
[[nodiscard]] std::string added_text(const v1::Added& added);
// {"name":…,"id":…,"epoch":…,"milliseconds":{"front end":3.9,…,"total":8.9}}
[[nodiscard]] std::string added_json(const v1::Added& added);

// 10000 subscriptions: live in epoch 7 after 812.4 ms (link 0.3, plan 641.2, …)
[[nodiscard]] std::string added_text(const v1::AddedBatch& added);
// {"subscriptions":…,"epoch":…,"milliseconds":{…}}
[[nodiscard]] std::string added_json(const v1::AddedBatch& added);

// A table with aligned columns. Counts are sums over a subscription's callbacks.
[[nodiscard]] std::string list_text(const v1::ListResponse& list);
[[nodiscard]] std::string list_json(const v1::ListResponse& list);

[[nodiscard]] std::string show_text(const v1::Subscription& subscription);
[[nodiscard]] std::string show_json(const v1::Subscription& subscription);

[[nodiscard]] std::string status_text(const v1::StatusResponse& status);
[[nodiscard]] std::string status_json(const v1::StatusResponse& status);

// A paragraph for each protocol: a line about it, then its fields in aligned columns.
[[nodiscard]] std::string fields_text(const v1::FieldsResponse& fields);
[[nodiscard]] std::string fields_json(const v1::FieldsResponse& fields);

// The merged plan: a tree with counts, the indexes, where the time goes.
[[nodiscard]] std::string plan_text(const v1::ExplainResponse& plan);
[[nodiscard]] std::string plan_dot(const v1::ExplainResponse& plan);
[[nodiscard]] std::string plan_json(const v1::ExplainResponse& plan);

[[nodiscard]] std::string removed_text(const std::string& name);
[[nodiscard]] std::string removed_json(const std::string& name);

[[nodiscard]] std::string accepted_text(const std::string& source);
[[nodiscard]] std::string accepted_json(const std::string& source);

}  // namespace iris::client
