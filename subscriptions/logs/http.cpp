// Which requests were made, and how were they answered?
#include <iris/iris.hpp>

struct http {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view transport;
  std::uint32_t index;
  std::optional<std::string_view> method;
  std::optional<std::string_view> host;
  std::optional<std::string_view> uri;
  std::optional<std::string_view> version;
  std::optional<std::string_view> user_agent;
  std::optional<std::string_view> referrer;
  std::optional<std::string_view> request_content_type;
  std::uint64_t request_body_bytes;
  std::optional<std::uint16_t> status;
  std::optional<std::string_view> reason;
  std::optional<std::string_view> response_content_type;
  std::uint64_t response_body_bytes;
};

IRIS_CALLBACK("http")
IRIS_ON(L7EndSession) void log_http(const iris::HttpTransaction& transaction, const iris::FiveTuple& flow) {
  const auto version =
      transaction.method().data() != nullptr ? transaction.request_version() : transaction.response_version();
  iris::emit(http{flow.originator, flow.responder, iris::name(flow.transport), transaction.index(),
                  iris::if_present(transaction.method()), iris::if_present(transaction.host()),
                  iris::if_present(transaction.uri()), iris::if_present(version),
                  iris::if_present(transaction.user_agent()), iris::if_present(transaction.referrer()),
                  iris::if_present(transaction.request_content_type()), transaction.request_body_bytes(),
                  transaction.status(), iris::if_present(transaction.reason()),
                  iris::if_present(transaction.response_content_type()), transaction.response_body_bytes()});
}
