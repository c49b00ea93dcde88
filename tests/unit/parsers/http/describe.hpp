// A transaction as text: everything that it refers to is read.
#pragma once

#include <iris/protocols/http.hpp>

#include <string>

namespace iris::parsers::test {

inline std::string text_or_dash(std::string_view text) { return text.data() == nullptr ? "-" : std::string(text); }

// "0 GET / 1.1 host=a | 200 OK 1.1 | 0 5 complete"
inline std::string describe(const HttpTransaction& http) {
  std::string text = std::to_string(http.index()) + " " + text_or_dash(http.method()) + " " + text_or_dash(http.uri()) +
                     " " + text_or_dash(http.request_version()) + " host=" + text_or_dash(http.host());
  text += " | " + (http.status() ? std::to_string(http.status().value_or(0)) : "-") + " " +
          text_or_dash(http.reason()) + " " + text_or_dash(http.response_version());
  text += " | " + std::to_string(http.request_body_bytes()) + " " + std::to_string(http.response_body_bytes());
  if (http.missing_bytes() != 0) text += " missing " + std::to_string(http.missing_bytes());
  text += http.complete() ? " complete" : " incomplete";
  std::size_t sum = 0;
  for (const auto headers : {http.headers(), http.response_headers()}) {
    for (const HttpHeader& header : headers) {
      for (const char c : header.name) sum += static_cast<unsigned char>(c);
      for (const char c : header.value) sum += static_cast<unsigned char>(c);
    }
  }
  return sum == std::size_t(-1) ? "" : text;
}

}  // namespace iris::parsers::test
