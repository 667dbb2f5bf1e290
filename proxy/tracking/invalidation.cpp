#include "proxy/tracking/invalidation.h"

#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

std::string invalidationOf(const databases::Databases& databases, const std::vector<std::string_view>& keys) {
  std::string push(kInvalidate);
  protocol::appendArrayHeader(push, keys.size());
  for (const std::string_view key : keys) {
    const databases::Database* owner = databases.ownerOf(key);
    protocol::appendBulk(push, owner == nullptr ? key : owner->logicalName(key));
  }
  return push;
}

std::string translateInvalidation(const databases::Databases& databases, std::string_view push) {
  const auto elements = routing::elementsOf(push.substr(kInvalidate.size()));
  if (!elements) return std::string(push);
  std::vector<std::string_view> keys;
  for (const std::string_view element : *elements) {
    const auto key = routing::textOf(element);
    if (!key) return std::string(push);
    keys.push_back(*key);
  }
  return invalidationOf(databases, keys);
}

}  // namespace slotless::session
