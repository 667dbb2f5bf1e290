// What is pushed to clients that cache: keys under the names that they have in their databases.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "proxy/databases/database.h"

namespace slotless::session {

class Tracked;

// Of all keys, and what any such push begins with. RESP3.
inline constexpr std::string_view kFlush = ">2\r\n$10\r\ninvalidate\r\n_\r\n";
inline constexpr std::string_view kInvalidate = ">2\r\n$10\r\ninvalidate\r\n";

// Of keys by their names in the cluster, but those that the client may not hear of, and those that the proxy
// writes for itself (databases/reserved_keys.h); empty: of none. Tracking
// knows no databases, in Redis neither: a key of any of them loses its prefix.
std::string invalidationOf(const databases::Databases& databases, const Tracked& client,
                           const std::vector<std::string_view>& keys);
// A node's push. Errors: one of another shape stays as it is.
std::string translateInvalidation(const databases::Databases& databases, const Tracked& client,
                                  std::string_view push);

}  // namespace slotless::session
