// Substrings and regular expressions: one Hyperscan database for all of a family, one pass over a text for all of them.
//
// Hyperscan reports each pattern at most once a scan (HS_FLAG_SINGLEMATCH); a predicate with several patterns is
// reported once by a stamp that each worker keeps for each predicate.
#include <hs.h>

#include <limits>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

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

}  // namespace

struct TextScan {
  Database database;               // nullptr when there are no patterns
  std::vector<std::uint32_t> ids;  // of predicates, by their position in the index
  std::vector<Ids> of_pattern;     // positions of the predicates that a pattern belongs to
  Ids always;                      // positions of predicates that contain the empty text
  mutable std::vector<WorkerState> workers;
};

namespace {

struct Scan {
  const TextScan& table;
  const Answer& answer;
  WorkerState& state;
  std::size_t left;  // predicates not reported yet

  void report(const Ids& positions) {
    for (const std::uint32_t position : positions) {
      if (state.stamps[position] == state.scan) continue;
      state.stamps[position] = state.scan;
      append(answer, table.ids[position]);
      --left;
    }
  }
};

// Non-zero ends the scan.
int on_match(unsigned int pattern, unsigned long long, unsigned long long, unsigned int, void* context) {
  auto& scan = *static_cast<Scan*>(context);
  scan.report(scan.table.of_pattern[pattern]);
  return scan.left == 0 ? 1 : 0;
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

class TextScanIndex final : public Index {
 public:
  explicit TextScanIndex(TextScan table) : table_(std::move(table)) {}
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  TextScan table_;
};

}  // namespace

Built build_text_scan(std::span<const Entry> entries, std::uint32_t workers) {
  if (hs_valid_platform() != HS_SUCCESS) {
    return fail(ErrorCode::unavailable,
                "this processor lacks SSSE3, which Hyperscan needs for 'contains' and 'matches'");
  }
  const bool literal = entries.front().predicate->op == filter::Operator::contains;
  TextScan table;
  std::map<std::string, Ids> positions;  // by pattern
  for (std::uint32_t position = 0; position < entries.size(); ++position) {
    table.ids.push_back(entries[position].id);
    for (const filter::Operand& operand : entries[position].predicate->operands) {
      positions[std::get<std::string>(operand)].push_back(position);
    }
  }

  Patterns patterns;
  for (auto& [pattern, list] : positions) {
    normalise(list);
    if (literal && pattern.empty()) {
      table.always = list;
      continue;
    }
    if (!literal && pattern.find('\0') != std::string::npos) {
      return fail(ErrorCode::invalid, "regular expression '" + pattern.substr(0, pattern.find('\0')) +
                                          "…': it has a NUL byte; write \\x00");
    }
    patterns.texts.push_back(pattern.c_str());
    patterns.lengths.push_back(pattern.size());
    patterns.flags.push_back(literal ? HS_FLAG_SINGLEMATCH : HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY);
    patterns.numbers.push_back(static_cast<unsigned>(patterns.numbers.size()));
    table.of_pattern.push_back(list);
  }
  if (!patterns.texts.empty()) {
    auto database = compile(patterns, literal);
    if (!database) return std::unexpected(std::move(database.error()));
    table.database = std::move(*database);
  }
  auto state = states(table.database.get(), entries.size(), workers);
  if (!state) return std::unexpected(std::move(state.error()));
  table.workers = std::move(*state);
  return std::make_unique<TextScanIndex>(std::move(table));
}

}  // namespace iris::index

extern "C" void iris_index_scan(const iris::index::TextScan* table, const std::string_view* text,
                                const iris::index::Answer* answer) noexcept {
  using namespace iris::index;
  assert(answer->worker < table->workers.size());
  WorkerState& state = table->workers[answer->worker];
  ++state.scan;
  Scan scan{*table, *answer, state, table->ids.size()};
  scan.report(table->always);
  if (scan.left == 0 || table->database == nullptr) return;
  const auto size = static_cast<unsigned>(std::min<std::size_t>(text->size(), std::numeric_limits<unsigned>::max()));
  // It can fail only on misuse: a null argument, or scratch of another database.
  [[maybe_unused]] const hs_error_t status =
      // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): its size goes with it
      hs_scan(table->database.get(), text->data(), size, 0, state.scratch.get(), on_match, &scan);
  assert(status == HS_SUCCESS || status == HS_SCAN_TERMINATED);
}
