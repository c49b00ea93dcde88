// Filters of your own, for what the filter language cannot say: IRIS_FILTER makes a predicate that filters of the same
// source name, `tls and not chatty`.
//
// A function that takes a session answers for each session by itself, when its headers are parsed. Any other function
// answers for the connection: it is asked at its event, from the connection's first packet on, until it has answered.
//
//   IRIS_FILTER iris::FilterResult long_name(const iris::TlsHandshake& tls) {
//     return tls.sni().size() > 40 ? iris::FilterResult::Accept : iris::FilterResult::Drop;
//   }
//
// A struct answers for the connection, too, and remembers. It is constructed at the first packet of each connection
// that may still match, sees every event that its methods say, and is destroyed when it has answered, or when nobody
// can want the connection any more.
//
//   struct IRIS_FILTER chatty {
//     unsigned packets = 0;
//     IRIS_ON(InL4Conn) iris::FilterResult update(const iris::L4Pdu& pdu) {
//       if (pdu.payload.size() > 100) return iris::FilterResult::Drop;
//       return ++packets < 20 ? iris::FilterResult::Continue : iris::FilterResult::Accept;
//     }
//   };
//
// Filters do not emit: who is to see what they found out asks for it in a callback.
#pragma once

#include <cstdint>

namespace iris {

// Accept and Drop are final. `Continue` means "ask again at the next event"; what is still undecided when the
// connection ends is dropped, and so is a session for which a function answers Continue.
enum class FilterResult : std::uint8_t { Accept, Drop, Continue };

}  // namespace iris
