// Where irisd listens: a Unix socket, by default at one well-known path.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace iris::proto {

// The longest path a Unix socket can have: sockaddr_un's field without its terminator.
inline constexpr std::size_t longest_socket_path = 107;

// /run/iris/control.sock for root and for users without XDG_RUNTIME_DIR, otherwise $XDG_RUNTIME_DIR/iris/control.sock.
[[nodiscard]] std::string default_socket_path();

// The path in `address`, which is one or `unix:` and one. The error says what is wrong with it.
[[nodiscard]] std::expected<std::string, std::string> socket_path(std::string_view address);

// `path` as a gRPC target or listening address: a URI, in which some characters stand escaped.
[[nodiscard]] std::string grpc_address(std::string_view path);

}  // namespace iris::proto
