// SSH_MSG_KEXINIT (RFC 4253, 7.1).
#pragma once

#include <cstdint>
#include <span>

#include <iris/protocols/ssh.hpp>

#include "parsers/api.hpp"

namespace iris::parsers::ssh {

// `body` follows the message's type, and must live as long as `kex`; arrays come from `arena`. False, and `kex` is as
// it was, when it is malformed or the arena is exhausted.
[[nodiscard]] bool parse_kexinit(std::span<const std::uint8_t> body, Arena& arena, SshKexInit& kex) noexcept;

// The client's first that the server has, too; data() == nullptr: there is none.
[[nodiscard]] std::string_view agreed(SshKexInit::Names client, SshKexInit::Names server) noexcept;

}  // namespace iris::parsers::ssh
