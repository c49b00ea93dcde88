#include "jit/filter/some_session.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace iris::filter {

std::shared_ptr<const SomeSession> SomeSession::of(const parsers::Protocol& protocol, Clause clause) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const SomeSession>> known;  // by text, which names the protocol
  static std::size_t tidy_at = 64;
  std::string text = to_text(clause);
  const std::lock_guard lock(mutex);
  if (known.size() >= tidy_at) {
    std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
    tidy_at = 2 * known.size() + 64;
  }
  auto& entry = known[text];
  if (auto some = entry.lock()) return some;
  auto made = std::make_shared<const SomeSession>(protocol, std::move(clause), std::move(text));
  entry = made;
  return made;
}

SomeSession::SomeSession(const parsers::Protocol& protocol, Clause clause, std::string text)
    : protocol_(protocol),
      clause_(std::move(clause)),
      text_(std::move(text)),
      field_{.name = text_,
             .type = parsers::FieldType::number,
             .level = parsers::Level::stream,
             .unindexed = true,
             .of_some_session = true,
             .doc = {}} {}

Predicate predicate_of(const std::shared_ptr<const SomeSession>& some) {
  return {&some->field(), Operator::present, {}, some};
}

}  // namespace iris::filter
