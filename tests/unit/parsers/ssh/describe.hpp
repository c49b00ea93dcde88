// A session as text: everything that it refers to is read.
#pragma once

#include <iris/protocols/ssh.hpp>

#include <string>

namespace iris::parsers::test {

inline std::string describe(const SshHandshake& ssh) {
  std::string text;
  for (const std::string_view part :
       {ssh.client_version(), ssh.server_version(), ssh.client().software, ssh.client().comments, ssh.kex_algorithm(),
        ssh.host_key_algorithm(), ssh.cipher(), ssh.mac(), ssh.compression(), ssh.hassh(), ssh.hassh_server(),
        ssh.host_key_fingerprint()}) {
    text += (part.data() == nullptr ? "-" : std::string(part)) + "|";
  }
  for (const SshKexInit* kex : {&ssh.client_kex(), &ssh.server_kex()}) {
    text += std::to_string(kex->kex_algorithms.size() + kex->languages_server_to_client.size() + kex->cookie.size());
  }
  return text + (ssh.complete() ? "|complete" : "|incomplete");
}

}  // namespace iris::parsers::test
