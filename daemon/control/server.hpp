// The gRPC server on the control socket: iris.v1.Control, health (grpc.health.v1), and reflection.
#pragma once

#include <memory>
#include <string>

#include "daemon/control/subscriptions.hpp"
#include "daemon/output/output.hpp"

namespace iris::control {

class Server {
 public:
  // Listens at `socket_path` and answers from now on, on threads of its own. Both references outlive the server. Fails
  // with `unavailable` when another irisd is listening there or the socket cannot be made, with `invalid` when the path
  // cannot be one.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const std::string& socket_path,
                                                             Subscriptions& subscriptions, output::Output& output);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Takes no further calls, ends tails, gives calls under way two seconds before they are cancelled, and removes the
  // socket. A compilation under way is waited for. Idempotent. Thread: not one that answers a call.
  void stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace iris::control
