// Eight 16-bit tags compared at once: the step that lets the table skip records it need not look at.
#pragma once

#include <array>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace iris::conn {

using Tags = std::array<std::uint16_t, 8>;

// Bit i is set where tags[i] == tag.
[[nodiscard]] inline std::uint32_t match_tags_portable(const Tags& tags, std::uint16_t tag) noexcept {
  std::uint32_t matches = 0;
  for (unsigned i = 0; i < tags.size(); ++i) matches |= static_cast<std::uint32_t>(tags[i] == tag) << i;
  return matches;
}

// The same. `tags` is aligned to 16 bytes.
[[nodiscard]] inline std::uint32_t match_tags(const Tags& tags, std::uint16_t tag) noexcept {
#if defined(__SSE2__)
  const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(tags.data()));
  const __m128i equal = _mm_cmpeq_epi16(all, _mm_set1_epi16(static_cast<short>(tag)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())));
#else
  return match_tags_portable(tags, tag);
#endif
}

}  // namespace iris::conn
