// That some session of a connection is as a clause says, whatever other sessions are like; none(…) is its negation.
#pragma once

#include <memory>
#include <string>

#include "jit/filter/filter.hpp"

namespace iris::filter {

class SomeSession {
 public:
  // The same object for equal clauses, as long as anybody keeps it. `clause`: of fields of the protocol's sessions.
  // Thread: any.
  [[nodiscard]] static std::shared_ptr<const SomeSession> of(const parsers::Protocol& protocol, Clause clause);

  SomeSession(const parsers::Protocol& protocol, Clause clause, std::string text);
  SomeSession(const SomeSession&) = delete;
  SomeSession& operator=(const SomeSession&) = delete;

  [[nodiscard]] const parsers::Protocol& protocol() const { return protocol_; }
  [[nodiscard]] const Clause& clause() const { return clause_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // What predicates refer to: of Level::stream, as a session may come at any time.
  [[nodiscard]] const parsers::Field& field() const { return field_; }

 private:
  const parsers::Protocol& protocol_;
  const Clause clause_;
  const std::string text_;
  const parsers::Field field_;
};

// As a filter names it.
[[nodiscard]] Predicate predicate_of(const std::shared_ptr<const SomeSession>& some);

}  // namespace iris::filter
