#include "daemon/control/server.hpp"

#include <fmt/format.h>
#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <mutex>

#include "daemon/control/service.hpp"
#include "daemon/control/socket.hpp"
#include "proto/address.hpp"

namespace iris::control {
namespace {

constexpr std::chrono::seconds stop_patience{2};

// Plugins concern every server that this process builds. gRPC is cleaned up when its last user is gone, and then waits
// for a poller that may sleep for another ten seconds after a large answer; so one use of it never ends.
void prepare_grpc() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc_init();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

// A batch of a hundred thousand filters.
constexpr int max_request_bytes = 32 << 20;

}  // namespace

struct Server::State {
  State(SocketFile&& claimed, Subscriptions& subscriptions, output::Output& output)
      : file(std::move(claimed)), service(subscriptions, output) {}

  SocketFile file;
  Service service;
  std::unique_ptr<grpc::Server> server;
};

Result<std::unique_ptr<Server>> Server::start(const std::string& socket_path, Subscriptions& subscriptions,
                                              output::Output& output) {
  auto file = SocketFile::claim(socket_path);
  if (!file) return std::unexpected(std::move(file).error());
  prepare_grpc();
  auto state = std::make_unique<State>(*std::move(file), subscriptions, output);
  const std::string& path = state->file.path();

  grpc::ServerBuilder builder;
  builder.AddListeningPort(proto::grpc_address(path), grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(max_request_bytes);
  builder.RegisterService(&state->service.implementation());
  state->server = builder.BuildAndStart();
  if (!state->server) return fail(ErrorCode::unavailable, fmt::format("cannot listen at {}", path));
  if (auto shared = state->file.bound(); !shared) return std::unexpected(std::move(shared).error());
  state->server->GetHealthCheckService()->SetServingStatus("iris.v1.Control", true);
  spdlog::info("listening at {}", path);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { stop(); }

void Server::stop() {
  if (!state_) return;
  state_->service.stop();
  state_->server->Shutdown(std::chrono::system_clock::now() + stop_patience);
  state_->server->Wait();
  state_.reset();
}

}  // namespace iris::control
