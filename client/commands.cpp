#include "client/commands.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "client/client.hpp"
#include "client/interruption.hpp"
#include "client/print.hpp"
#include "client/source_file.hpp"

namespace iris::client {
namespace {

// 0, or errno.
int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(file, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return 0;
}

void complain(const std::string& message) { write_all(STDERR_FILENO, "irisctl: " + message + "\n"); }

int report(const Error& error) {
  if (error.code == ErrorCode::refused) {
    write_all(STDERR_FILENO, error.message + "\n");
  } else if (error.code == ErrorCode::not_running) {
    complain(error.message + ": start one with `irisd`, or name it with --server");
  } else {
    complain(error.message);
  }
  return exit_failed;
}

// Nobody reading is not a failure of what was asked.
int print(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0 || error == EPIPE) return exit_done;
  complain(std::string("cannot write to the standard output: ") + std::strerror(error));
  return exit_failed;
}

void print_warnings(const std::string& warnings) {
  if (warnings.empty()) return;
  write_all(STDERR_FILENO, warnings.ends_with('\n') ? warnings : warnings + "\n");
}

int report_added(const Result<v1::Added>& added, const Options& options) {
  if (!added) return report(added.error());
  print_warnings(added->warnings());
  return print(options.json ? added_json(*added) : added_text(*added));
}

int add_one(Client& client, const Options& options, const std::string& path) {
  const auto source = read_source(path);
  if (!source) {
    complain(source.error());
    return exit_failed;
  }
  return report_added(client.add(options.name, *source), options);
}

int add_filters(Client& client, const Options& options) {
  const auto filters = read_filters(options.filters, options.name);
  if (!filters) {
    complain(filters.error());
    return exit_failed;
  }
  std::string text;
  for (const auto& filter : *filters) text += filter.filter() + "\n";
  Files files;
  add_files(text, std::filesystem::path(options.filters).parent_path(), files);
  const auto added = client.add(options.records, *filters, files);
  if (!added) return report(added.error());
  print_warnings(added->warnings());
  return print(options.json ? added_json(*added) : added_text(*added));
}

int remove_one(Client& client, const Options& options, const std::string& name) {
  if (name.find_first_of("*?[") != std::string::npos) {  // names have none of these
    const auto removed = client.remove_matching(name);
    if (!removed) return report(removed.error());
    std::string text;
    for (const std::string& each : *removed) text += options.json ? removed_json(each) : removed_text(each);
    return print(text);
  }
  if (const auto removed = client.remove(name); !removed) return report(removed.error());
  return print(options.json ? removed_json(name) : removed_text(name));
}

// The lost are told where they are missing; the lines stay what irisd sent.
int follow(Tail& tail, const Interruption& interruption, const std::string& name) {
  for (;;) {
    const auto next = tail.next();
    if (interruption.happened()) return exit_done;
    if (!next) return report(next.error());
    const std::optional<v1::TailResponse>& response = *next;
    if (!response) {
      complain(name + " was removed");
      return exit_done;
    }
    if (response->has_lost()) {
      complain(std::to_string(response->lost()) + " events were lost here: this reader is too slow");
      continue;
    }
    const int error = write_all(STDOUT_FILENO, response->line() + "\n");
    if (error == EPIPE) return exit_done;
    if (error != 0) {
      complain(std::string("cannot write to the standard output: ") + std::strerror(error));
      return exit_failed;
    }
  }
}

}  // namespace

int add(const Options& options) {
  if (options.sources.empty() == options.records.empty()) {
    complain("add takes either sources or --records");
    return exit_usage;
  }
  if (!options.name.empty() && options.sources.size() > 1) {
    complain("--name names one subscription, and " + std::to_string(options.sources.size()) + " sources are given");
    return exit_usage;
  }
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  if (!options.filters.empty()) return add_filters(*client, options);
  if (!options.records.empty()) {
    Files files;
    add_files(options.filter, {}, files);
    return report_added(client->add(options.name, options.records, options.filter, files), options);
  }
  int result = exit_done;
  for (const auto& path : options.sources) {
    if (add_one(*client, options, path) != exit_done) result = exit_failed;
  }
  return result;
}

int remove(const Options& options) {
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  int result = exit_done;
  for (const auto& name : options.names) {
    if (remove_one(*client, options, name) != exit_done) result = exit_failed;
  }
  return result;
}

int check(const Options& options) {
  const std::string& path = options.sources.front();
  const auto source = read_source(path);
  if (!source) {
    complain(source.error());
    return exit_failed;
  }
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  const auto warnings = client->check(*source);
  if (!warnings) return report(warnings.error());
  print_warnings(*warnings);
  return print(options.json ? accepted_json(path) : accepted_text(path));
}

int list(const Options& options) {
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  const auto list = client->list();
  if (!list) return report(list.error());
  return print(options.json ? list_json(*list) : list_text(*list));
}

int show(const Options& options) {
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  const auto subscription = client->show(options.names.front());
  if (!subscription) return report(subscription.error());
  return print(options.json ? show_json(*subscription) : show_text(*subscription));
}

int status(const Options& options) {
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  const auto status = client->status();
  if (!status) return report(status.error());
  return print(options.json ? status_json(*status) : status_text(*status));
}

int fields(const Options& options) {
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  const auto fields = client->fields(options.names.empty() ? std::string_view() : options.names.front());
  if (!fields) return report(fields.error());
  return print(options.json ? fields_json(*fields) : fields_text(*fields));
}

int explain(const Options& options) {
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  const auto plan = client->explain(options.names.empty() ? std::string_view() : options.names.front());
  if (!plan) return report(plan.error());
  return print(options.dot ? plan_dot(*plan) : options.json ? plan_json(*plan) : plan_text(*plan));
}

int tail(const Options& options) {
  // Its watching thread uses the tail, so the tail is declared before it, and it before the client's threads start.
  std::optional<Tail> tail;
  Interruption interruption;
  auto client = Client::connect(options.server);
  if (!client) return report(client.error());
  tail = client->tail(options.names.front());
  interruption.watch([&] { tail->cancel(); });
  return follow(*tail, interruption, options.names.front());
}

}  // namespace iris::client
