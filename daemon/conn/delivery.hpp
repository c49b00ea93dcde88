// Callbacks: those whose filter became true, and those that are active, at the events they asked for.
#pragma once

#include <span>

#include "daemon/conn/progress.hpp"
#include "daemon/conn/user_code.hpp"

namespace iris::conn {

// One a worker; used by its thread only.
class Delivery {
 public:
  Delivery(UserCode& code, BlockCache& blocks) : code_(code), blocks_(blocks) {}

  // Between bursts. Connections adopt it one by one.
  void use(const Pipeline& pipeline) noexcept { pipeline_ = &pipeline; }

  // Filters became true at `occasion`: runs what runs at once, and makes the rest active.
  void matched(Connection& connection, std::span<const Match> matches, const Occasion& occasion) noexcept;
  // Runs the functions of active callbacks at `occasion.event`.
  void fire(Connection& connection, const Occasion& occasion) noexcept;
  // A session's end, behind its L7EndSession: what waits for more of it waits in vain.
  void session_over(Connection& connection, const Occasion& occasion) noexcept;
  // The connection's end: record.end says why. Fires L4Terminated; nothing is active afterwards.
  void end(Connection& connection, Timestamp ts) noexcept;
  // Lets go of callbacks that the current pipeline has removed: they see their end, with the reason `removed`.
  void adopt(Connection& connection, Timestamp ts) noexcept;

  // Of what is active. need::track is left to the caller.
  [[nodiscard]] Wants wants(const Connection& connection) const noexcept;
  // Of what callbacks are about to be told that matched.
  [[nodiscard]] abi::Observation observation(std::span<const Match> matches) const noexcept;
  // Whether an active callback still refers to a session; to this one.
  [[nodiscard]] bool holds_session(const Connection& connection) const noexcept;
  [[nodiscard]] bool holds_session(const Connection& connection, const void* session) const noexcept;

 private:
  [[nodiscard]] const Callee& callee(plan::ActionId action) const noexcept { return *pipeline_->callees[action]; }
  bool first_time(Connection& connection, const Match& match, const Occasion& occasion) noexcept;
  void begin(Connection& connection, const Match& match, const Occasion& occasion) noexcept;
  bool run(Connection& connection, Active& active, const Occasion& occasion) noexcept;
  bool call(const Callee& callee, const Function& function, const Connection& connection, const Active& active,
            const Occasion& occasion) noexcept;
  void remember(Connection& connection, plan::ActionId action) noexcept;

  UserCode& code_;
  BlockCache& blocks_;
  const Pipeline* pipeline_ = nullptr;
};

}  // namespace iris::conn
