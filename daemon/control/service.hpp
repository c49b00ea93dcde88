// iris.v1.Control: turns each call into one of the registry, or into a tail of the output.
#pragma once

#include <memory>

#include "daemon/control/subscriptions.hpp"
#include "daemon/output/output.hpp"

namespace grpc {
class Service;
}

namespace iris::control {

// The largest source that is accepted.
inline constexpr std::size_t max_source_bytes = std::size_t{1} << 20;

// How many tails may run at once: each occupies a thread.
inline constexpr unsigned max_tails = 64;

class Service {
 public:
  // Both outlive the service.
  Service(Subscriptions& subscriptions, output::Output& output);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  [[nodiscard]] grpc::Service& implementation();

  // Ends tails under way within a tenth of a second. Thread: any.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace iris::control
