#include "jit/codegen/walk_writer.hpp"

#include <algorithm>

#include "jit/codegen/function_writer.hpp"

namespace iris::codegen {
namespace {

using parsers::Level;
using plan::Edge;
using plan::Node;
using plan::NodeId;

class WalkWriter : FunctionWriter {
 public:
  WalkWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, const plan::Plan& plan,
             const Outline& outline, const Moment& moment)
      : FunctionWriter(module, runtime, symbol, llvm::Type::getVoidTy(module.getContext()), {"walking"}),
        plan_(plan),
        outline_(outline),
        moment_(moment) {
    ir_.SetInsertPoint(block("entry"));
    truths_ = call("iris_walk_truths", {walking()}, "truths");
    birth_ = call("iris_walk_birth", {walking()}, "birth");
    sampled_ = call("iris_walk_sampled", {walking()}, "sampled");
    if (moment.level == Level::protocol) protocol_ = call("iris_walk_protocol", {walking()}, "protocol");
    if (moment.level == Level::tuple) {
      enter(plan::root);
    } else {
      resume();
    }
    ir_.CreateRetVoid();
  }

 private:
  [[nodiscard]] llvm::Value* walking() const { return argument(0); }
  [[nodiscard]] llvm::Value* number(std::uint32_t number) { return ir_.getInt32(number); }
  [[nodiscard]] bool in_session() const { return moment_.level == Level::session; }
  [[nodiscard]] bool awaits_session(const Node& node) const {
    return in_session() && (node.awaits_sessions >> moment_.protocol & 1U) != 0;
  }

  void at(NodeId id) { call("iris_walk_at", {walking(), sampled_, number(id)}); }

  // From each node at which the connection stands.
  void resume() {
    llvm::Value* const size = call("iris_walk_frontier_size", {walking()}, "size");
    llvm::BasicBlock* const before = ir_.GetInsertBlock();
    llvm::BasicBlock* const each = block("each");
    llvm::BasicBlock* const next = block("next");
    llvm::BasicBlock* const done = block("done");
    ir_.CreateCondBr(ir_.CreateIsNotNull(size), each, done);

    ir_.SetInsertPoint(each);
    llvm::PHINode* const index = ir_.CreatePHI(ir_.getInt32Ty(), 2, "index");
    index->addIncoming(ir_.getInt32(0), before);
    llvm::Value* const node = call("iris_walk_frontier", {walking(), index}, "node");
    llvm::SwitchInst* const where = ir_.CreateSwitch(node, next);
    for (const NodeId id : outline_.nodes) {
      if (!may_move(plan_.nodes[id])) continue;
      llvm::BasicBlock* const from = block("from." + std::to_string(id));
      where->addCase(ir_.getInt32(id), from);
      ir_.SetInsertPoint(from);
      resume(id);
      ir_.CreateBr(next);
    }

    ir_.SetInsertPoint(next);
    llvm::Value* const following = ir_.CreateAdd(index, ir_.getInt32(1), "following");
    index->addIncoming(following, next);
    ir_.CreateCondBr(ir_.CreateICmpULT(following, size), each, done);
    ir_.SetInsertPoint(done);
  }

  // Whether the moment does anything at a node at which a connection stands already.
  [[nodiscard]] bool may_move(const Node& node) const {
    return in_session() ? awaits_session(node) : node.awaits_protocol || node.awaits_sessions != 0;
  }

  void resume(NodeId id) {
    const Node& node = plan_.nodes[id];
    at(id);
    if (in_session()) report(node, true);  // the others were reported when the node was reached
    follow(id, false);
    keep(id);
  }

  void enter(NodeId id) {
    const Node& node = plan_.nodes[id];
    llvm::Value* const old_enough = ir_.CreateICmpUGE(birth_, number(node.oldest_birth));
    when(old_enough, "enter." + std::to_string(id), [&] {
      at(id);
      call("iris_walk_reach", {walking(), number(outline_.place(id))});
      report(node, false);
      const bool direct =
          std::ranges::any_of(plan::view(node.direct), [](const Edge& edge) { return edge.level != Level::session; });
      if (direct) call("iris_walk_take_direct", {walking(), number(id)});
      follow(id, true);
      keep(id);
    });
  }

  // `sessions_only`: those that each session is told to.
  void report(const Node& node, bool sessions_only) {
    for (const plan::ActionId id : plan::view(node.actions)) {
      const plan::Action& action = plan_.actions[id];
      const bool per_session = action.scope == plan::Scope::session;
      if (!action.alive || (!per_session && sessions_only)) continue;
      if (per_session && (!in_session() || action.protocol != moment_.protocol)) continue;
      when(ir_.CreateICmpUGE(birth_, number(action.birth)), "report." + std::to_string(id),
           [&] { call("iris_walk_report", {walking(), number(id), ir_.getInt1(in_session())}); });
    }
  }

  // `entered`: the node was reached just now.
  void follow(NodeId id, bool entered) {
    const Node& node = plan_.nodes[id];
    const auto take = [&](const Edge& edge) {
      enter(edge.child);
      at(id);
    };
    for (const Edge& edge : plan::view(node.few)) {
      if (is_found(edge, moment_)) when(is_true(edge), "true." + std::to_string(edge.predicate), [&] { take(edge); });
    }
    for (const Edge& edge : plan::view(node.direct)) {
      if (edge.level != Level::session || Moment{edge.level, edge.protocol} != moment_) continue;
      when(accepted(edge), "accepted." + std::to_string(edge.predicate), [&] { take(edge); });
    }
    for (const Edge& edge : plan::view(node.negative)) {
      llvm::Value* const condition = is_false(edge, entered);
      if (condition != nullptr) when(condition, "false." + std::to_string(edge.predicate), [&] { take(edge); });
    }
  }

  [[nodiscard]] llvm::Value* is_true(const Edge& edge) {
    llvm::Value* const bit = ir_.getInt64(outline_.bit(moment_, edge.predicate));
    return ir_.CreateIsNotNull(ir_.CreateAnd(truths_, bit), "true");
  }

  // By an author's filter of sessions, which is asked now.
  [[nodiscard]] llvm::Value* accepted(const Edge& edge) {
    return call("iris_walk_accepted", {walking(), number(edge.predicate)}, "accepted");
  }

  // Progress::now_false. nullptr: certainly not.
  [[nodiscard]] llvm::Value* is_false(const Edge& edge, bool entered) {
    if (edge.level == Level::tuple) {
      return moment_.level == Level::tuple ? ir_.CreateNot(is_true(edge)) : nullptr;
    }
    llvm::Value* const now = is_false_now(edge, entered);
    if (edge.protocol == 0) return now;
    if (now == nullptr && !entered) return nullptr;
    llvm::Value* const ruled_out = call("iris_walk_rules_out", {walking(), number(edge.protocol)}, "ruled_out");
    if (!entered) return ir_.CreateAnd(ir_.CreateNot(ruled_out), now);
    return now == nullptr ? ruled_out : now;  // what is ruled out is false then, too
  }

  // But for what the transport rules out.
  [[nodiscard]] llvm::Value* is_false_now(const Edge& edge, bool entered) {
    if (moment_.level == Level::tuple) return nullptr;
    if (moment_.level == Level::protocol) {
      if (edge.level == Level::protocol) return ir_.CreateNot(is_true(edge));
      return ir_.CreateICmpNE(protocol_, number(edge.protocol), "other");
    }
    if (edge.level != Level::session) return nullptr;
    if (edge.protocol != moment_.protocol) return entered ? ir_.getTrue() : nullptr;
    return ir_.CreateNot(edge.unindexed ? accepted(edge) : is_true(edge));
  }

  // Where something may still happen at it.
  void keep(NodeId id) {
    const Node& node = plan_.nodes[id];
    const auto keep = [&] { call("iris_walk_keep", {walking(), number(id)}); };
    if (in_session()) return;
    if (moment_.level == Level::tuple) {
      if (node.awaits_protocol || node.awaits_sessions != 0) keep();
      return;
    }
    if (node.awaits_sessions == 0) return;
    llvm::Value* const awaited =
        ir_.CreateLShr(ir_.getInt64(node.awaits_sessions), ir_.CreateZExt(protocol_, ir_.getInt64Ty()));
    when(ir_.CreateTrunc(awaited, ir_.getInt1Ty()), "keep." + std::to_string(id), keep);
  }

  const plan::Plan& plan_;
  const Outline& outline_;
  const Moment& moment_;
  llvm::Value* truths_ = nullptr;
  llvm::Value* birth_ = nullptr;
  llvm::Value* sampled_ = nullptr;
  llvm::Value* protocol_ = nullptr;  // Level::protocol
};

}  // namespace

void add_walk(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, const plan::Plan& plan,
              const Outline& outline, const Moment& moment) {
  const WalkWriter written(module, runtime, symbol, plan, outline, moment);
}

}  // namespace iris::codegen
