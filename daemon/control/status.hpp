// The one place where our errors become gRPC's.
#pragma once

#include "jit/abi/result.hpp"

namespace grpc {
class Status;
}

namespace iris::control {

// The message is made UTF-8 and cut at 4 KiB: statuses travel in headers, which gRPC limits to 8 KiB.
[[nodiscard]] grpc::Status to_status(const Error& error);

}  // namespace iris::control
