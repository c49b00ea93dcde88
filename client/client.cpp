#include "client/client.hpp"

#include <grpc/grpc.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <iris/v1/control.grpc.pb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <utility>

#include "proto/address.hpp"
#include "proto/utf8.hpp"

namespace iris::client {
namespace {

using namespace std::chrono_literals;

// Sources are compiled one after the other, each within seconds; a removal waits for all workers.
constexpr std::chrono::seconds change_patience = 120s;
constexpr std::chrono::seconds query_patience = 10s;
// A list of ten thousand subscriptions is some megabytes; gRPC's own limit is four.
constexpr int max_message_bytes = 64 << 20;

// 0, or errno. gRPC would only say that it failed.
int try_connect(const std::string& path) {
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int result = ::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = result == 0 || errno == EAGAIN ? 0 : errno;
  ::close(file);
  return error;
}

Error to_connect_error(int error, const std::string& path) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return {ErrorCode::not_running, "no irisd is listening at " + path};
    case EACCES:
    case EPERM:
      return {ErrorCode::unavailable, "this user may not connect to " + path + ": members of the group iris may"};
    default:
      return {ErrorCode::unavailable, "cannot connect to " + path + ": " + std::strerror(error)};
  }
}

Error to_error(const grpc::Status& status, const std::string& path) {
  const std::string& message = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::INVALID_ARGUMENT:
      return {ErrorCode::invalid, message};
    case grpc::StatusCode::NOT_FOUND:
      return {ErrorCode::not_found, message};
    case grpc::StatusCode::ALREADY_EXISTS:
      return {ErrorCode::exists, message};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return {ErrorCode::exhausted, message};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {ErrorCode::unavailable, "irisd at " + path + " did not answer in time"};
    case grpc::StatusCode::UNAVAILABLE:
      return {ErrorCode::unavailable, "irisd at " + path + ": " + message};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {ErrorCode::internal, "what listens at " + path + " is not irisd, or another version of it: " + message};
    default:
      return {ErrorCode::internal, "irisd at " + path + ": " + message};
  }
}

Error to_refusal(std::string diagnostics) {
  while (diagnostics.ends_with('\n')) diagnostics.pop_back();
  return {ErrorCode::refused, std::move(diagnostics)};
}

// gRPC is cleaned up when its last user is gone, and then waits for a poller that may sleep for another ten seconds
// after a large request. So one use of it never ends.
void keep_grpc() {
  static std::once_flag once;
  std::call_once(once, grpc_init);
}

v1::Source to_message(const v1::Source& source) {
  v1::Source message = source;
  message.set_name(proto::to_utf8(source.name()));
  return message;
}

}  // namespace

struct Client::State {
  std::string path;
  std::unique_ptr<v1::Control::Stub> stub;

  template <class Response, class Request>
  [[nodiscard]] Result<Response> call(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                                Response*),
                                      const Request& request, std::chrono::seconds patience) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return std::unexpected(to_error(status, path));
    return response;
  }
};

Result<Client> Client::connect(std::string_view address) {
  const auto path = proto::socket_path(address.empty() ? proto::default_socket_path() : address);
  if (!path) return std::unexpected(Error{ErrorCode::invalid, path.error()});
  if (const int error = try_connect(*path); error != 0) return std::unexpected(to_connect_error(error, *path));

  keep_grpc();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(max_message_bytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel =
      grpc::CreateCustomChannel(proto::grpc_address(*path), grpc::InsecureChannelCredentials(), arguments);
  return Client(std::make_unique<State>(*path, v1::Control::NewStub(channel)));
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

namespace {

Result<v1::Added> to_added(Result<v1::AddResponse> response) {
  if (!response) return std::unexpected(std::move(response).error());
  if (response->has_refused()) return std::unexpected(to_refusal(response->refused().diagnostics()));
  return std::move(*response->mutable_added());
}

}  // namespace

Result<v1::Added> Client::add(std::string_view name, const v1::Source& source) {
  v1::AddRequest request;
  request.set_name(proto::to_utf8(name));
  *request.mutable_source() = to_message(source);
  return to_added(state_->call(&v1::Control::Stub::Add, request, change_patience));
}

Result<v1::Added> Client::add(std::string_view name, const std::vector<std::string>& records, std::string_view filter,
                              const Files& files) {
  v1::AddRequest request;
  request.set_name(proto::to_utf8(name));
  for (const auto& record : records) request.add_records(proto::to_utf8(record));
  request.set_filter(proto::to_utf8(filter));
  *request.mutable_files() = files;
  return to_added(state_->call(&v1::Control::Stub::Add, request, change_patience));
}

Result<v1::AddedBatch> Client::add(const std::vector<std::string>& records, const std::vector<v1::NamedFilter>& filters,
                                   const Files& files) {
  v1::AddBatchRequest request;
  for (const auto& record : records) request.add_records(proto::to_utf8(record));
  for (const auto& filter : filters) {
    v1::NamedFilter& each = *request.add_filters();
    each.set_name(proto::to_utf8(filter.name()));
    each.set_filter(proto::to_utf8(filter.filter()));
    each.set_where(proto::to_utf8(filter.where()));
  }
  *request.mutable_files() = files;
  auto response = state_->call(&v1::Control::Stub::AddBatch, request, change_patience);
  if (!response) return std::unexpected(std::move(response).error());
  if (response->has_refused()) return std::unexpected(to_refusal(response->refused().diagnostics()));
  return std::move(*response->mutable_added());
}

Result<std::string> Client::check(const v1::Source& source) {
  v1::CheckRequest request;
  *request.mutable_source() = to_message(source);
  auto response = state_->call(&v1::Control::Stub::Check, request, change_patience);
  if (!response) return std::unexpected(std::move(response).error());
  if (response->has_refused()) return std::unexpected(to_refusal(response->refused().diagnostics()));
  return std::move(*response->mutable_accepted()->mutable_warnings());
}

Result<v1::ListResponse> Client::list() {
  return state_->call(&v1::Control::Stub::List, v1::ListRequest{}, query_patience);
}

Result<v1::Subscription> Client::show(std::string_view name) {
  v1::ShowRequest request;
  request.set_name(proto::to_utf8(name));
  auto response = state_->call(&v1::Control::Stub::Show, request, query_patience);
  if (!response) return std::unexpected(std::move(response).error());
  return std::move(*response->mutable_subscription());
}

Result<void> Client::remove(std::string_view name) {
  v1::RemoveRequest request;
  request.set_name(proto::to_utf8(name));
  auto response = state_->call(&v1::Control::Stub::Remove, request, change_patience);
  if (!response) return std::unexpected(std::move(response).error());
  return {};
}

Result<std::vector<std::string>> Client::remove_matching(std::string_view pattern) {
  v1::RemoveRequest request;
  request.set_pattern(proto::to_utf8(pattern));
  const auto response = state_->call(&v1::Control::Stub::Remove, request, change_patience);
  if (!response) return std::unexpected(response.error());
  return std::vector<std::string>(response->removed().begin(), response->removed().end());
}

Result<v1::StatusResponse> Client::status() {
  return state_->call(&v1::Control::Stub::Status, v1::StatusRequest{}, query_patience);
}

Result<v1::FieldsResponse> Client::fields(std::string_view protocol) {
  v1::FieldsRequest request;
  request.set_protocol(proto::to_utf8(protocol));
  return state_->call(&v1::Control::Stub::Fields, request, query_patience);
}

Result<v1::ExplainResponse> Client::explain(std::string_view name) {
  v1::ExplainRequest request;
  request.set_name(proto::to_utf8(name));
  return state_->call(&v1::Control::Stub::Explain, request, query_patience);
}

struct Tail::State {
  std::string path;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::TailResponse>> reader;
  std::atomic<bool> cancelled{false};
  bool ready = false;
  bool finished = false;
};

Tail Client::tail(std::string_view name) {
  v1::TailRequest request;
  request.set_name(proto::to_utf8(name));
  auto state = std::make_unique<Tail::State>();
  state->path = state_->path;
  state->reader = state_->stub->Tail(&state->context, request);
  return Tail(std::move(state));
}

Tail::Tail(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tail::Tail(Tail&&) noexcept = default;
Tail& Tail::operator=(Tail&&) noexcept = default;

Tail::~Tail() {
  if (!state_ || state_->finished) return;
  state_->context.TryCancel();
  v1::TailResponse ignored;
  while (state_->reader->Read(&ignored)) {
  }
  static_cast<void>(state_->reader->Finish());
}

void Tail::wait_ready() {
  if (!state_->ready) state_->reader->WaitForInitialMetadata();
  state_->ready = true;
}

Result<std::optional<v1::TailResponse>> Tail::next() {
  state_->ready = true;
  v1::TailResponse response;
  if (state_->finished) return std::nullopt;
  if (state_->reader->Read(&response)) return response;
  const grpc::Status status = state_->reader->Finish();
  state_->finished = true;
  if (status.ok() || state_->cancelled) return std::nullopt;
  return std::unexpected(to_error(status, state_->path));
}

void Tail::cancel() {
  state_->cancelled = true;
  state_->context.TryCancel();
}

}  // namespace iris::client
