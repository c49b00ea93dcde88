// The commands of irisctl. Each returns the exit status: 0 done, 1 refused or failed, 2 wrong usage. Results go to the
// standard output, reasons to the standard error output.
#pragma once

#include <string>
#include <vector>

namespace iris::client {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

// What the command line said.
struct Options {
  std::string server;  // empty: the default
  bool json = false;
  std::vector<std::string> sources;  // add; check: exactly one
  std::vector<std::string> names;    // remove; show, tail: exactly one; explain: at most one
  std::string name;                  // add; may be empty
  std::vector<std::string> records;  // add, instead of sources
  std::string filter;                // add, with records; may be empty
  bool dot = false;                  // explain: for Graphviz
  std::string filters;               // add, with records: a file of filters; may be empty
};

// Several sources or names are each on their own: what fails does not keep the others from being tried.
[[nodiscard]] int add(const Options& options);
[[nodiscard]] int remove(const Options& options);

[[nodiscard]] int check(const Options& options);
[[nodiscard]] int list(const Options& options);
[[nodiscard]] int show(const Options& options);
[[nodiscard]] int status(const Options& options);
[[nodiscard]] int fields(const Options& options);
[[nodiscard]] int explain(const Options& options);

// Runs until the subscription is removed, a signal comes, or nobody reads the output any more.
[[nodiscard]] int tail(const Options& options);

}  // namespace iris::client
