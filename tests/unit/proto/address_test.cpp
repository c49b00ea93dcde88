#include "proto/address.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace iris::proto {
namespace {

TEST(Address, PathOrUnixPath) {
  EXPECT_EQ(socket_path("/run/iris/control.sock"), "/run/iris/control.sock");
  EXPECT_EQ(socket_path("unix:/run/iris/control.sock"), "/run/iris/control.sock");
  EXPECT_EQ(socket_path("unix:///run/iris/control.sock"), "/run/iris/control.sock");
  EXPECT_EQ(socket_path("here.sock"), "here.sock");
  EXPECT_EQ(socket_path("/odd:name"), "/odd:name");
}

TEST(Address, RefusesWhatIsNotAUnixSocket) {
  for (const auto* address : {"", "unix:", "localhost:50051", "127.0.0.1:50051", "tcp:x"}) {
    EXPECT_FALSE(socket_path(address)) << address;
  }
  EXPECT_EQ(socket_path("localhost:1").error(),
            "'localhost:1' is not the address of a Unix socket: give a path, or unix:PATH");
  EXPECT_FALSE(socket_path(std::string_view("/a\0b", 4)));
}

TEST(Address, PathsHaveALimit) {
  EXPECT_TRUE(socket_path(std::string(107, 'x')));
  const auto result = socket_path(std::string(108, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(),
            "the path of the control socket is 108 bytes long, and Unix sockets allow 107: " + std::string(108, 'x'));
}

TEST(Address, GrpcWantsAUri) {
  EXPECT_EQ(grpc_address("/run/iris/control.sock"), "unix:/run/iris/control.sock");
  EXPECT_EQ(grpc_address("/a b%c?#\xff"), "unix:/a%20b%25c%3F%23%FF");
}

TEST(Address, DefaultDependsOnTheUser) {
  ::setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
  const bool root = ::geteuid() == 0;
  EXPECT_EQ(default_socket_path(), root ? "/run/iris/control.sock" : "/run/user/1000/iris/control.sock");
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(default_socket_path(), "/run/iris/control.sock");
}

}  // namespace
}  // namespace iris::proto
