#include "daemon/conn/filter_history.hpp"

#include <algorithm>
#include <utility>

namespace iris::conn {

void FilterHistory::use(std::shared_ptr<const plan::PacketFilter> filter, std::uint32_t epoch,
                        std::optional<Timestamp> last) noexcept {
  if (last && current_ != nullptr && filter != current_) keep(*current_, *last);
  current_ = std::move(filter);
  epoch_ = epoch;
}

// Takes no memory: its place is reserved.
void FilterHistory::keep(const plan::PacketFilter& filter, Timestamp ended) noexcept {
  std::erase_if(past_, [&](const Past& past) { return past.ended + timeout_ < ended; });
  if (filter.passes_all() && past_.empty()) return;
  past_.push_back({filter, epoch_, epoch_, ended});
  if (past_.size() <= most) return;
  // Whoever came between the two can only want what the second lets pass.
  past_[0].filter.intersect(past_[1].filter);
  past_[0].last = past_[1].last;
  past_[0].ended = past_[1].ended;
  past_.erase(past_.begin() + 1);
}

std::uint32_t FilterHistory::birth(const plan::PacketFilter::Ends& ends, Timestamp now) const noexcept {
  for (auto past = past_.rbegin(); past != past_.rend(); ++past) {
    if (past->ended + timeout_ < now) break;
    if (!past->filter.passes(ends)) return past->epoch;
  }
  return epoch_;
}

bool FilterHistory::left_out_since(const plan::PacketFilter::Ends& ends, std::uint32_t epoch) const noexcept {
  return std::ranges::any_of(past_, [&](const Past& past) { return past.last >= epoch && !past.filter.passes(ends); });
}

}  // namespace iris::conn
