// What the two ends of a connection say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/oracle/random.hpp"

namespace iris::oracle {

struct Said {
  bool by_client = true;
  std::string bytes;
};
using Dialogue = std::vector<Said>;

[[nodiscard]] Dialogue tls_dialogue(Random& random);
[[nodiscard]] Dialogue http_dialogue(Random& random);
[[nodiscard]] Dialogue ssh_dialogue(Random& random);
[[nodiscard]] Dialogue mqtt_dialogue(Random& random);
[[nodiscard]] Dialogue dns_dialogue(Random& random);
[[nodiscard]] Dialogue quic_dialogue(Random& random);
// Through a proxy (RFC 9110, 9.3.6), which may refuse.
[[nodiscard]] Dialogue tunnel_dialogue(Random& random, const Dialogue& inside);
// Of protocols that are recognised, and no more.
[[nodiscard]] Dialogue stream_dialogue(Random& random);
[[nodiscard]] Dialogue datagram_dialogue(Random& random);
// Of no protocol.
[[nodiscard]] Dialogue garbage(Random& random);
// In place of some bytes others.
void spoil(Random& random, Dialogue& dialogue);

}  // namespace iris::oracle
