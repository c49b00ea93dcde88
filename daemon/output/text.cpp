#include "daemon/output/text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <chrono>

namespace iris::output {

std::string to_text(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

std::string to_text(const Subnet& subnet) { return fmt::format("{}/{}", to_text(subnet.address), subnet.length); }

std::string to_text(Timestamp time) {
  using namespace std::chrono;
  const seconds whole(time.nanoseconds / 1'000'000'000U);
  const sys_days day = floor<days>(sys_seconds(whole));
  const year_month_day date(day);
  const hh_mm_ss clock(whole - day.time_since_epoch());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), time.nanoseconds % 1'000'000'000U);
}

}  // namespace iris::output
