#include "proto/address.hpp"

#include <unistd.h>

#include <cstdlib>

namespace iris::proto {
namespace {

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/-._~").contains(c);
}

}  // namespace

std::string default_socket_path() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (::geteuid() == 0 || runtime == nullptr || *runtime == '\0') return "/run/iris/control.sock";
  return std::string(runtime) + "/iris/control.sock";
}

std::expected<std::string, std::string> socket_path(std::string_view address) {
  std::string path(address);
  if (address.starts_with("unix:")) {
    path = address.substr(5);
    if (path.starts_with("//")) path.erase(0, 2);
  } else if (address.contains(':') && !address.contains('/')) {
    return std::unexpected("'" + path + "' is not the address of a Unix socket: give a path, or unix:PATH");
  }
  if (path.empty()) return std::unexpected("the address of the control socket is empty: give a path, or unix:PATH");
  if (path.contains('\0')) return std::unexpected("the path of the control socket has a NUL byte in it");
  if (path.size() > longest_socket_path) {
    return std::unexpected("the path of the control socket is " + std::to_string(path.size()) +
                           " bytes long, and Unix sockets allow " + std::to_string(longest_socket_path) + ": " + path);
  }
  return path;
}

std::string grpc_address(std::string_view path) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string address = "unix:";
  for (const char c : path) {
    if (plain(c)) {
      address += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    address += '%';
    address += digits[byte >> 4U];
    address += digits[byte & 0xfU];
  }
  return address;
}

}  // namespace iris::proto
