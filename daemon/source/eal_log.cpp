#include "daemon/source/eal_log.hpp"

#include <fmt/format.h>
#include <rte_log.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <mutex>
#include <string_view>

namespace iris::source {
namespace {

struct Log {
  std::mutex mutex;
  bool capturing = false;
  std::vector<std::string> errors;
};

Log& log() {
  static Log instance;
  return instance;
}

// They follow every failure, after the line that says what it was.
constexpr std::array<std::string_view, 4> without_reason = {
    "EAL: Failed to attach device on primary process", "EAL: Driver cannot attach the device",
    "EAL: FATAL: Invalid 'command line' arguments.", "EAL: Invalid 'command line' arguments."};

std::string_view trimmed(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \n\r");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

// One call a message: rte_vlog flushes after each.
ssize_t write_message(void*, const char* data, std::size_t size) {
  const std::string_view line = trimmed({data, size});
  if (!line.empty() && rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_ERR)) {
    const std::lock_guard lock(log().mutex);
    if (log().capturing) {
      log().errors.emplace_back(line);
    } else {
      spdlog::error("DPDK: {}", line);
    }
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void redirect_eal_log() {
  cookie_io_functions_t functions{};
  functions.write = write_message;
  // It stays open: DPDK's own threads may log until the process ends.
  if (std::FILE* stream = fopencookie(nullptr, "w", functions)) rte_openlog_stream(stream);
}

EalLogCapture::EalLogCapture() {
  const std::lock_guard lock(log().mutex);
  assert(!log().capturing);
  log().capturing = true;
  log().errors.clear();
}

EalLogCapture::~EalLogCapture() {
  const std::lock_guard lock(log().mutex);
  log().capturing = false;
}

std::string EalLogCapture::reason(const std::string& otherwise) const {
  const std::lock_guard lock(log().mutex);
  std::vector<std::string> reasons;
  for (const std::string& line : log().errors) {
    const auto leads = [&line](std::string_view lead) { return line.starts_with(lead); };
    if (std::ranges::none_of(without_reason, leads) && std::ranges::find(reasons, line) == reasons.end()) {
      reasons.push_back(line);
    }
  }
  return reasons.empty() ? otherwise : fmt::format("{}", fmt::join(reasons, "; "));
}

}  // namespace iris::source
