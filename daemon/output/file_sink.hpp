// JSON lines to a file, a pipe or a terminal.
//
// A failure is logged when it begins and when it ends, not for each line. Lines are never torn: where the file takes
// only part of a line (a full disk), the rest of it is the first thing that is written when there is room again. A pipe
// without a reader ends the sink for good, and without a signal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "daemon/output/sink.hpp"

namespace iris::output {

enum class Opening : std::uint8_t { append, truncate };

class FileSink final : public Sink {
 public:
  // "-" is the standard output. A file that does not exist is made, mode 0640. Fails with ErrorCode::unavailable.
  [[nodiscard]] static Result<std::unique_ptr<FileSink>> open(const std::filesystem::path& path, Opening opening);

  // `file` stays the caller's when `owned` is false. `name` is what messages call it.
  FileSink(int file, bool owned, std::string name);
  ~FileSink() override;

  [[nodiscard]] std::size_t write(const Batch& batch) override;
  void cancel() noexcept override;
  [[nodiscard]] std::optional<Error> failure() const override;

 private:
  // Returns how many bytes the file took; fewer than all: `error` says why.
  struct Written {
    std::size_t bytes = 0;
    int error = 0;
  };
  [[nodiscard]] Written put(std::string_view text) const;
  [[nodiscard]] bool wait_writable() const;
  [[nodiscard]] std::size_t whole_lines(const Batch& batch, std::size_t bytes);
  void note(int error, std::size_t lost);

  const int file_;
  const bool owned_;
  const std::string name_;
  const int cancel_;      // eventfd: readable once cancelled
  bool regular_ = false;  // writing never waits for a reader
  bool ended_ = false;
  std::string torn_;  // what is missing of a line that the file took a part of
  std::uint64_t lost_ = 0;

  mutable std::mutex mutex_;
  int error_ = 0;  // errno; guarded by mutex_
};

}  // namespace iris::output
