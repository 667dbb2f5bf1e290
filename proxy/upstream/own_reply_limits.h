// How large a reply to one of the proxy's own commands may be: a broken node must not fill the memory. 16,384
// ranges of slots with three nodes each have 3 MB and 400,000 objects, of about 80 bytes in memory each.
#pragma once
#include <cstddef>

namespace slotless::upstream {

inline constexpr std::size_t kMaxOwnReplyBytes = std::size_t{32} * 1024 * 1024;
inline constexpr std::size_t kMaxOwnReplyObjects = 1'000'000;

}  // namespace slotless::upstream
