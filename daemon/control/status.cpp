#include "daemon/control/status.hpp"

#include <grpcpp/support/status.h>

#include "proto/utf8.hpp"

namespace iris::control {
namespace {

constexpr std::size_t longest_message = 4096;

grpc::StatusCode to_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::not_found:
      return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::exists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorCode::exhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::unavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case ErrorCode::internal:
      return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::INTERNAL;
}

}  // namespace

grpc::Status to_status(const Error& error) {
  std::string message = error.message;
  if (message.size() > longest_message) {
    message.resize(longest_message);
    message += " …";
  }
  return {to_code(error.code), proto::to_utf8(message)};
}

}  // namespace iris::control
