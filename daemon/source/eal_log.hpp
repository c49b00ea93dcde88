// What DPDK logs, which is where it says why something failed: collected while an operation runs, so that the reason is
// part of that operation's error, and passed on to our log otherwise. Errors only.
#pragma once

#include <string>
#include <vector>

namespace iris::source {

// Directs DPDK's log here. Once, before rte_eal_init.
void redirect_eal_log();

// Collects what is logged while it lives. One at a time.
class EalLogCapture {
 public:
  EalLogCapture();
  ~EalLogCapture();
  EalLogCapture(const EalLogCapture&) = delete;
  EalLogCapture& operator=(const EalLogCapture&) = delete;

  // The errors logged so far, without those that name no reason; joined by "; ", or `otherwise` when there are none.
  [[nodiscard]] std::string reason(const std::string& otherwise) const;
};

}  // namespace iris::source
