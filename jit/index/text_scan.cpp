// Substrings and regular expressions: one pass over a text for all of a family's patterns.
//
// Compiling a set of patterns takes longer the larger it is, so patterns lie in layers, each a Hyperscan database of
// its own. What is new becomes a small layer, together with the small ones there are; larger ones are put together
// behind the changes (Tidying). A removed predicate leaves its layer's database as it is and only loses its number.
//
// Hyperscan reports each pattern at most once a scan (HS_FLAG_SINGLEMATCH); a predicate with several patterns is
// reported once by a stamp that each worker keeps for each predicate.
#include <hs.h>

#include <cassert>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

struct FreeDatabase {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct FreeScratch {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
struct FreeError {
  void operator()(hs_compile_error_t* error) const { hs_free_compile_error(error); }
};
using Database = std::unique_ptr<hs_database_t, FreeDatabase>;
using Scratch = std::unique_ptr<hs_scratch_t, FreeScratch>;

// What one worker writes while it scans.
struct alignas(64) WorkerState {
  Scratch scratch;
  std::vector<std::uint64_t> stamps;  // by predicate: the scan that reported it last
  std::uint64_t scan = 0;
};

using Positions = std::vector<std::uint32_t>;  // of predicates in their layer

struct Layer {
  Database database;                  // nullptr when there are no patterns
  std::vector<Positions> of_pattern;  // the predicates that a pattern belongs to
  Positions always;                   // predicates that contain the empty text
  std::size_t predicates = 0;
  mutable std::vector<WorkerState> workers;
};

using Numbers = std::vector<std::uint32_t>;  // of predicates, by position; nobody: removed

// A layer in one version.
struct Part {
  std::shared_ptr<const Layer> layer;
  std::shared_ptr<Numbers> ids;
};

}  // namespace

struct TextScan {
  std::vector<Part> parts;
};

namespace {

struct Scan {
  const Layer& layer;
  const Numbers& ids;
  const Answer& answer;
  WorkerState& state;
  std::size_t left;  // predicates not reported yet

  void report(const Positions& positions) {
    for (const std::uint32_t position : positions) {
      if (state.stamps[position] == state.scan) continue;
      state.stamps[position] = state.scan;
      if (ids[position] != nobody) append(answer, ids[position]);
      --left;
    }
  }
};

// Non-zero ends the scan.
int on_match(unsigned int pattern, unsigned long long, unsigned long long, unsigned int, void* context) {
  auto& scan = *static_cast<Scan*>(context);
  scan.report(scan.layer.of_pattern[pattern]);
  return scan.left == 0 ? 1 : 0;
}

void scan_part(const Part& part, std::string_view text, const Answer& answer) noexcept {
  const Layer& layer = *part.layer;
  assert(answer.worker < layer.workers.size());
  WorkerState& state = layer.workers[answer.worker];
  ++state.scan;
  Scan scan{layer, *part.ids, answer, state, layer.predicates};
  scan.report(layer.always);
  if (scan.left == 0 || layer.database == nullptr) return;
  const auto size = static_cast<unsigned>(std::min<std::size_t>(text.size(), std::numeric_limits<unsigned>::max()));
  // It can fail only on misuse: a null argument, or scratch of another database.
  [[maybe_unused]] const hs_error_t status =
      // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): its size goes with it
      hs_scan(layer.database.get(), text.data(), size, 0, state.scratch.get(), on_match, &scan);
  assert(status == HS_SUCCESS || status == HS_SCAN_TERMINATED);
}

// Parallel arrays, as Hyperscan takes them.
struct Patterns {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  std::vector<unsigned> flags;
  std::vector<unsigned> numbers;
};

Result<Database> compile(const Patterns& patterns, bool literal) {
  hs_database_t* database = nullptr;
  hs_compile_error_t* raised = nullptr;
  const auto count = static_cast<unsigned>(patterns.texts.size());
  const hs_error_t status =
      literal ? hs_compile_lit_multi(patterns.texts.data(), patterns.flags.data(), patterns.numbers.data(),
                                     patterns.lengths.data(), count, HS_MODE_BLOCK, nullptr, &database, &raised)
              : hs_compile_multi(patterns.texts.data(), patterns.flags.data(), patterns.numbers.data(), count,
                                 HS_MODE_BLOCK, nullptr, &database, &raised);
  if (status == HS_SUCCESS) return Database(database);
  const std::unique_ptr<hs_compile_error_t, FreeError> error(raised);
  const std::string reason = error != nullptr ? error->message : "error " + std::to_string(status);
  const int which = error != nullptr ? error->expression : -1;
  if (which < 0 || static_cast<unsigned>(which) >= count) {
    return fail(ErrorCode::exhausted, "Hyperscan could not compile " + std::to_string(count) + " patterns: " + reason);
  }
  return fail(ErrorCode::invalid, (literal ? "text '" : "regular expression '") +
                                      std::string(patterns.texts[static_cast<std::size_t>(which)]) + "': " + reason);
}

Result<std::vector<WorkerState>> states(const hs_database_t* database, std::size_t predicates, std::uint32_t workers) {
  std::vector<WorkerState> result(workers);
  for (WorkerState& state : result) {
    state.stamps.resize(predicates);
    if (database == nullptr) continue;
    hs_scratch_t* scratch = nullptr;
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) {
      return fail(ErrorCode::exhausted, "no memory for Hyperscan's scratch of " + std::to_string(workers) + " workers");
    }
    state.scratch.reset(scratch);
  }
  return result;
}

unsigned flags_of(bool literal) { return literal ? HS_FLAG_SINGLEMATCH : HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY; }

// Of all these, by position.
Result<std::shared_ptr<const Layer>> build(const std::vector<PredicatePtr>& all, bool literal, std::uint32_t workers) {
  std::map<std::string_view, Positions> positions;  // by pattern
  for (std::uint32_t position = 0; position < all.size(); ++position) {
    for (const filter::Operand& operand : all[position]->operands) {
      positions[std::get<std::string>(operand)].push_back(position);
    }
  }
  auto layer = std::make_shared<Layer>();
  layer->predicates = all.size();
  Patterns patterns;
  for (auto& [pattern, list] : positions) {
    if (literal && pattern.empty()) {
      layer->always = std::move(list);
      continue;
    }
    patterns.texts.push_back(pattern.data());  // a whole std::string's: ends with a NUL
    patterns.lengths.push_back(pattern.size());
    patterns.flags.push_back(flags_of(literal));
    patterns.numbers.push_back(static_cast<unsigned>(patterns.numbers.size()));
    layer->of_pattern.push_back(std::move(list));
  }
  if (!patterns.texts.empty()) {
    auto database = compile(patterns, literal);
    if (!database) return std::unexpected(std::move(database.error()));
    layer->database = std::move(*database);
  }
  auto state = states(layer->database.get(), all.size(), workers);
  if (!state) return std::unexpected(std::move(state.error()));
  layer->workers = std::move(*state);
  return layer;
}

struct Pending {
  PredicatePtr predicate;
  std::uint32_t id = 0;
};

// Several layers that become one.
class Merging final : public Tidying {
 public:
  Merging(bool literal, std::uint32_t workers) : literal_(literal), workers_(workers) {}

  // `all` of the layer, by position.
  void add(std::shared_ptr<const Layer> layer, const std::vector<PredicatePtr>& all) {
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      if (all[i] == nullptr) continue;
      predicates.push_back(all[i]);
      from.emplace_back(layers.size(), i);
    }
    layers.push_back(std::move(layer));
  }
  void work() override {
    if (auto built = build(predicates, literal_, workers_)) merged = std::move(*built);
  }

  std::vector<std::shared_ptr<const Layer>> layers;         // neighbours
  std::vector<PredicatePtr> predicates;                     // that were there
  std::vector<std::pair<std::size_t, std::uint32_t>> from;  // each one's layer, and position there
  std::shared_ptr<const Layer> merged;                      // of `predicates`; nullptr: not yet, or there was no memory

 private:
  const bool literal_;
  const std::uint32_t workers_;
};

class ScanBuilder final : public Builder {
 public:
  ScanBuilder(bool literal, std::uint32_t workers) : literal_(literal), workers_(workers) {}

  Result<void> add(const PredicatePtr& predicate, std::uint32_t id) override {
    if (hs_valid_platform() != HS_SUCCESS) {
      return fail(ErrorCode::unavailable,
                  "this processor lacks SSSE3, which Hyperscan needs for 'contains' and 'matches'");
    }
    if (!literal_) {
      for (const filter::Operand& operand : predicate->operands) {
        if (auto valid = check_expression(std::get<std::string>(operand)); !valid) return valid;
      }
    }
    pending_.push_back({predicate, id});
    return {};
  }

  void remove(const filter::Predicate& /*predicate*/, std::uint32_t id) override {
    if (std::erase_if(pending_, [id](const Pending& entry) { return entry.id == id; }) != 0) return;
    for (Growing& growing : parts_) {
      const auto found = std::ranges::find(*growing.part.ids, id);
      if (found == growing.part.ids->end()) continue;
      const auto position = found - growing.part.ids->begin();
      if (!is_sole(growing.part.ids)) growing.part.ids = std::make_shared<Numbers>(*growing.part.ids);
      (*growing.part.ids)[static_cast<std::size_t>(position)] = nobody;
      growing.predicates[static_cast<std::size_t>(position)] = nullptr;
      --growing.live;
      break;
    }
    std::erase_if(parts_, [](const Growing& growing) { return growing.live == 0; });
  }

  Result<std::shared_ptr<const Index>> snapshot() override {
    if (!pending_.empty()) {
      if (auto built = take_pending(); !built) return std::unexpected(built.error());
    }
    TextScan table;
    for (const Growing& growing : parts_) table.parts.push_back(growing.part);
    return make_version(table, nullptr);
  }

  // Neighbours of similar size, the newest first: so each pattern is compiled again whenever its layer doubles.
  std::unique_ptr<Tidying> tidy() override {
    for (std::size_t end = parts_.size(); end > 1; --end) {
      std::size_t begin = end - 1;
      std::size_t together = parts_[begin].live;
      while (begin > 0 && parts_[begin - 1].live <= 2 * together && together + parts_[begin - 1].live <= most_tidied) {
        together += parts_[--begin].live;
      }
      if (begin + 1 == end) continue;
      auto merging = std::make_unique<Merging>(literal_, workers_);
      for (; begin < end; ++begin) merging->add(parts_[begin].part.layer, parts_[begin].predicates);
      return merging;
    }
    return nullptr;
  }

  bool finish(Tidying& tidying) override {
    auto& merging = static_cast<Merging&>(tidying);
    if (merging.merged == nullptr) return false;
    // Changes put new parts behind, and together, but never move them.
    const auto first =
        std::ranges::find(parts_, merging.layers.front(), [](const Growing& each) { return each.part.layer; });
    const auto count = static_cast<std::ptrdiff_t>(merging.layers.size());
    if (parts_.end() - first < count) return false;
    for (std::size_t i = 0; i < merging.layers.size(); ++i) {
      if (first[static_cast<std::ptrdiff_t>(i)].part.layer != merging.layers[i]) return false;
    }
    Growing added;
    added.part = {merging.merged, std::make_shared<Numbers>()};
    for (const auto& [layer, position] : merging.from) {
      const Growing& old = first[static_cast<std::ptrdiff_t>(layer)];
      added.part.ids->push_back((*old.part.ids)[position]);
      added.predicates.push_back(old.predicates[position]);
      added.live += old.predicates[position] != nullptr ? 1 : 0;
    }
    *first = std::move(added);
    parts_.erase(first + 1, first + count);
    return true;
  }

 private:
  // A layer, and what it was made of.
  struct Growing {
    Part part;
    std::vector<PredicatePtr> predicates;  // by position; nullptr: removed
    std::size_t live = 0;
  };

  // Compiling this many together takes some 50 ms, and so many some seconds.
  static constexpr std::size_t most_recompiled = 64;
  static constexpr std::size_t most_tidied = 4096;
  // Beyond so many, a change puts all together: that is only when tidying does not keep up.
  static constexpr std::size_t most_parts = 128;

  // With the newest parts, as long as these are small: each doubling of a pattern's part compiles it once more.
  Result<void> take_pending() {
    std::vector<Pending> all = pending_;
    std::size_t kept = parts_.size();
    const auto worth = [&](const Growing& last) {
      if (parts_.size() > most_parts) return true;
      return last.live <= 2 * all.size() && last.live + all.size() <= std::max(most_recompiled, pending_.size());
    };
    while (kept > 0 && worth(parts_[kept - 1])) {
      const Growing& last = parts_[--kept];
      for (std::size_t i = 0; i < last.predicates.size(); ++i) {
        if (last.predicates[i] != nullptr) all.push_back({last.predicates[i], (*last.part.ids)[i]});
      }
    }
    std::vector<PredicatePtr> predicates;
    predicates.reserve(all.size());
    for (const Pending& entry : all) predicates.push_back(entry.predicate);
    auto layer = build(predicates, literal_, workers_);
    if (!layer) return std::unexpected(std::move(layer.error()));
    Growing added;
    added.part = {std::move(*layer), std::make_shared<Numbers>()};
    added.live = all.size();
    for (const Pending& entry : all) added.part.ids->push_back(entry.id);
    added.predicates = std::move(predicates);
    parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(kept), parts_.end());
    parts_.push_back(std::move(added));
    pending_.clear();
    return {};
  }

  [[nodiscard]] Result<void> check_expression(const std::string& expression) const {
    if (const auto nul = expression.find('\0'); nul != std::string::npos) {
      return fail(ErrorCode::invalid,
                  "regular expression '" + expression.substr(0, nul) + "…': it has a NUL byte; write \\x00");
    }
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* raised = nullptr;
    const hs_error_t status = hs_expression_info(expression.c_str(), flags_of(literal_), &info, &raised);
    std::free(info);  // NOLINT(cppcoreguidelines-no-malloc): Hyperscan's allocator is malloc
    const std::unique_ptr<hs_compile_error_t, FreeError> error(raised);
    if (status == HS_SUCCESS) return {};
    return fail(ErrorCode::invalid, "regular expression '" + expression + "': " +
                                        (error != nullptr ? error->message : "error " + std::to_string(status)));
  }

  const bool literal_;
  const std::uint32_t workers_;
  std::vector<Growing> parts_;
  std::vector<Pending> pending_;
};

}  // namespace

std::unique_ptr<Builder> make_scan_builder(bool literal, std::uint32_t workers) {
  return std::make_unique<ScanBuilder>(literal, workers);
}

}  // namespace iris::index

extern "C" void iris_index_scan(const iris::index::TextScan* table, const std::string_view* text,
                                const iris::index::Answer* answer) noexcept {
  for (const iris::index::Part& part : table->parts) iris::index::scan_part(part, *text, *answer);
}
