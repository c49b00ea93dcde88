// Talks to a running irisd: iris.v1.Control as functions that return a value or an error to show to the user. gRPC
// stays behind it; answers are the messages of proto/iris/v1/control.proto, which documents them.
#pragma once

#include <iris/v1/control.pb.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iris::client {

enum class ErrorCode : std::uint8_t {
  not_running,  // no irisd is listening at the address
  refused,      // the compiler refused the source; the message is its diagnostics, to be shown as they are
  invalid,      // the request is wrong
  not_found,    // no subscription has this name
  exists,       // a subscription has this name already
  exhausted,    // a limit of time, memory or number was reached
  unavailable,  // irisd is stopping, the connection was lost, or something outside failed
  internal,     // a bug in irisd, or another version of it
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // no trailing full stop or newline
};

template <class T>
using Result = std::expected<T, Error>;

using Files = google::protobuf::RepeatedPtrField<v1::File>;

// The events of one subscription as they come.
class Tail {
 public:
  Tail(Tail&&) noexcept;
  Tail& operator=(Tail&&) noexcept;
  ~Tail();

  // Waits until events are being watched, or the tail has failed: those emitted from now on arrive.
  void wait_ready();

  // Waits for what comes next. nullopt: the subscription was removed, or `cancel` was called. Fails with `not_found`
  // at the first call, and with `unavailable` when irisd stops.
  [[nodiscard]] Result<std::optional<v1::TailResponse>> next();

  // Ends a `next` that waits. Thread: any, while the tail lives.
  void cancel();

 private:
  friend class Client;
  struct State;
  explicit Tail(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Thread: any. Names and file names are made UTF-8.
class Client {
 public:
  // `address` is a socket's path or `unix:PATH`; empty: where irisd listens by default. Fails with `not_running`, with
  // `invalid` for what cannot be an address, and with `unavailable` when this user may not connect.
  [[nodiscard]] static Result<Client> connect(std::string_view address = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // `name` empty: irisd makes one from the source's file name.
  [[nodiscard]] Result<v1::Added> add(std::string_view name, const v1::Source& source);
  // Records of the default analysis, of what `filter` matches; empty: of everything. `files`: that the filter names.
  [[nodiscard]] Result<v1::Added> add(std::string_view name, const std::vector<std::string>& records,
                                      std::string_view filter, const Files& files = {});
  // A subscription for each filter, all of them or none. `files`: that the filters name.
  [[nodiscard]] Result<v1::AddedBatch> add(const std::vector<std::string>& records,
                                           const std::vector<v1::NamedFilter>& filters, const Files& files = {});
  // Returns the compiler's warnings.
  [[nodiscard]] Result<std::string> check(const v1::Source& source);
  [[nodiscard]] Result<v1::ListResponse> list();
  [[nodiscard]] Result<v1::Subscription> show(std::string_view name);
  [[nodiscard]] Result<void> remove(std::string_view name);
  // Everything whose name matches; returns the names.
  [[nodiscard]] Result<std::vector<std::string>> remove_matching(std::string_view pattern);
  [[nodiscard]] Result<v1::StatusResponse> status();
  // What filters may name. `protocol` empty: all.
  [[nodiscard]] Result<v1::FieldsResponse> fields(std::string_view protocol);
  // The merged plan. `name` empty: all of it; else what is about this subscription.
  [[nodiscard]] Result<v1::ExplainResponse> explain(std::string_view name);
  // Begins; does not wait for irisd.
  [[nodiscard]] Tail tail(std::string_view name);

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace iris::client
