// How addresses and times look in the output.
#pragma once

#include <iris/net.hpp>
#include <iris/time.hpp>
#include <string>

namespace iris::output {

// RFC 5952: "192.0.2.1", "2001:db8::1".
[[nodiscard]] std::string to_text(const IpAddress& address);
// "192.0.2.0/24", "2001:db8::/48".
[[nodiscard]] std::string to_text(const Subnet& subnet);
// RFC 3339 in UTC with nanoseconds: "2024-02-29T23:59:59.000000001Z".
[[nodiscard]] std::string to_text(Timestamp time);

}  // namespace iris::output
