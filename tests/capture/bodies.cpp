// Every piece of every HTTP body, and at its end how long the transaction says that they are.
#include <iris/iris.hpp>

struct Piece {
  iris::Endpoint client;
  std::uint32_t index;
  bool of_request;
  std::uint64_t offset, size, decoded;
  bool ok;
};
struct Whole {
  iris::Endpoint client;
  std::uint32_t index;
  std::string_view encoding;
  std::uint64_t request, response;
};

IRIS_CALLBACK("http")
void piece(const iris::FiveTuple& flow, const iris::HttpTransaction& http, const iris::SessionData& data) {
  const iris::DecodedData& decoded = data.decoded();
  iris::emit(Piece{flow.originator, http.index(), data.of_request, data.offset, data.bytes.size(), decoded.bytes.size(),
                   decoded.status == iris::Decoding::ok});
}

IRIS_CALLBACK("http")
IRIS_ON(L7EndSession)
void whole(const iris::FiveTuple& flow, const iris::HttpTransaction& http) {
  iris::emit(Whole{flow.originator, http.index(), http.response_header("content-encoding"), http.request_body_bytes(),
                   http.response_body_bytes()});
}
