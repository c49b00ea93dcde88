// What user-defined filters have answered of a connection so far (subscriptions/sdk/iris/filter.hpp), and what
// its sessions have for none(…). Both are followed from the first packet on, whoever else is there: whether they are
// worth asking is known from that packet alone, so that their answers depend on nobody else's filters.
#pragma once

#include "daemon/conn/progress.hpp"
#include "daemon/conn/user_code.hpp"

namespace iris::conn {

// One a worker; used by its thread only.
class Verdicts {
 public:
  Verdicts(UserCode& code, BlockCache& blocks) : code_(code), blocks_(blocks) {}

  // Between bursts. Connections adopt it one by one.
  void use(const Pipeline& pipeline) noexcept { pipeline_ = &pipeline; }

  // The first packet: filters are asked from now on whose answer may matter where the connection stands. Returns
  // whether the transport answers any.
  [[nodiscard]] bool begin(Connection& connection, Timestamp ts) noexcept;
  // Asks those that have not answered and that have a function at the event. Returns whether any answered.
  [[nodiscard]] bool ask(Connection& connection, const Occasion& occasion) noexcept;
  // Of a session's filter; Continue is Drop.
  [[nodiscard]] bool accepts(const parsers::Field& filter, const Connection& connection,
                             const Occasion& occasion) noexcept;
  // A session came, of which these predicates are true, ascending. Returns whether it answers anything.
  [[nodiscard]] bool note_session(Connection& connection, std::span<const plan::PredicateId> truths) noexcept;
  // What the connection speaks is known: of other protocols no session will come. Likewise.
  [[nodiscard]] bool note_protocol(Connection& connection) noexcept;
  // Which sessions there were is not known any more.
  static void lose_sessions(Connection& connection) noexcept;
  // Lets go of what cannot matter any more where the connection stands.
  void settle(Connection& connection) noexcept;
  // Lets go of what the current pipeline has not.
  void adopt(Connection& connection, Timestamp ts) noexcept;
  // Of all.
  void end(Connection& connection, Timestamp ts) noexcept;

  // Of those that have not answered.
  void add_wants(const Connection& connection, Wants& wants) const noexcept;

 private:
  [[nodiscard]] const Callee* find(const parsers::Field& filter) const noexcept;
  [[nodiscard]] const plan::SomeSession* find_some(const parsers::Field& filter) const noexcept;
  [[nodiscard]] bool is_known(const parsers::Field& filter) const noexcept;
  [[nodiscard]] bool matters(const parsers::Field& filter, const Connection& connection) const noexcept;
  void begin(Connection& connection, const parsers::Field& filter, Timestamp ts) noexcept;
  bool ask(Connection& connection, Verdict& verdict, const Occasion& occasion) noexcept;
  void let_go(Verdict& verdict, Timestamp ts) noexcept;

  UserCode& code_;
  BlockCache& blocks_;
  const Pipeline* pipeline_ = nullptr;
};

}  // namespace iris::conn
