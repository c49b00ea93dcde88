// Sources as linked machine code. One that keeps no state of its own is compiled and linked once, for all subscriptions
// that run it, whatever their filters.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "daemon/conn/pipeline.hpp"
#include "jit/compiler.hpp"
#include "jit/engine/engine.hpp"

namespace iris::control {

struct Unit {
  jit::Source source;
  frontend::Spec spec;
  std::shared_ptr<const std::vector<abi::Row>> rows;  // the Spec's
  std::unique_ptr<engine::Unit> code;
  // Predicates of the author's, as the Spec's filters: one of each for all of the unit's subscriptions, so that it is
  // asked once however many name it.
  std::vector<std::unique_ptr<const filter::UserFilter>> filters{};
  std::vector<std::shared_ptr<const conn::Callee>> filter_code{};
};

// What filters of the unit's subscriptions may name.
struct UnitNames {
  UnitNames(const Unit& unit, std::span<const filter::NamedFile> named_files);

  [[nodiscard]] filter::Names view() const { return {.files = files, .user_filters = filters}; }

  std::span<const filter::NamedFile> files;
  std::vector<const filter::UserFilter*> filters;
};

// What the unit's callbacks are to the data plane, for one of its subscriptions; as the Spec's callbacks. Fails with
// what cannot be run.
[[nodiscard]] Result<std::vector<std::shared_ptr<conn::Callee>>> callees_of(const Unit& unit,
                                                                            std::uint32_t subscription);

struct Made {
  std::shared_ptr<const Unit> unit;
  jit::Stages stages;    // empty: it was there
  std::string warnings;  // diagnostics; may be empty
};

// Thread: any.
class Units {
 public:
  Units(jit::Compiler& compiler, engine::Engine& engine) : compiler_(compiler), engine_(engine) {}

  // `name` is the code's, for profilers. Fails with what the compiler or the engine refuses.
  [[nodiscard]] Result<Made> make(const jit::Source& source, const std::string& name);

 private:
  [[nodiscard]] std::shared_ptr<const Unit> known(const jit::Source& source);

  jit::Compiler& compiler_;
  engine::Engine& engine_;
  std::mutex mutex_;                                         // over shared_
  std::map<std::string, std::weak_ptr<const Unit>> shared_;  // stateless ones by their text
};

}  // namespace iris::control
