#include "client/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ranges>

namespace iris::client {
namespace {

// Also a share, as "12.5 %".
bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789. %") == std::string::npos;
}

}  // namespace

std::string line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

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

}  // namespace iris::client
