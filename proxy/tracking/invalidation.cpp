#include "proxy/tracking/invalidation.h"

#include "protocol/encoder.h"
#include "proxy/databases/reserved_keys.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/tracking/tracked.h"

namespace slotless::session {

std::string invalidationOf(const databases::Databases& databases, const Tracked& client,
                           const std::vector<std::string_view>& keys) {
  std::string names;
  std::size_t count = 0;
  for (const std::string_view key : keys) {
    if (databases::isOwnKey(key)) continue;
    const databases::Database* owner = databases.ownerOf(key);
    if (!client.mayHearOf(owner)) continue;
    protocol::appendBulk(names, owner == nullptr ? key : owner->logicalName(key));
    ++count;
  }
  if (count == 0) return {};
  std::string push(kInvalidate);
  protocol::appendArrayHeader(push, count);
  return push + names;
}

std::string translateInvalidation(const databases::Databases& databases, const Tracked& client,
                                  std::string_view push) {
  // Nothing in it has another name; nearly all pushes are so where no database has other names.
  if (!databases.anyMapped() && !databases::mayNameOwnKey(push)) return std::string(push);
  const auto elements = routing::elementsOf(push.substr(kInvalidate.size()));
  if (!elements) return std::string(push);
  std::vector<std::string_view> keys;
  for (const std::string_view element : *elements) {
    const auto key = routing::textOf(element);
    if (!key) return std::string(push);
    keys.push_back(*key);
  }
  return invalidationOf(databases, client, keys);
}

}  // namespace slotless::session
