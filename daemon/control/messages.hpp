// The registry's answers as messages of iris.v1. Text that came from users is made UTF-8 on the way.
#pragma once

#include <iris/v1/control.pb.h>

#include "daemon/control/subscriptions.hpp"

namespace iris::control {

void fill(v1::Added& message, const Added& added);
void fill(v1::AddedBatch& message, const AddedBatch& added, std::size_t subscriptions);
void fill(v1::Subscription& message, const SubscriptionInfo& info);
void fill(v1::ExplainResponse& message, const PlanInfo& plan);
void fill(v1::StatusResponse& message, const Status& status);

}  // namespace iris::control
