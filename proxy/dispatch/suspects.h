// Which requests of late have been at the front of a connection that broke, and from which size on a node has
// refused requests by breaking the connection: the like go alone from then on.
//
// For a time that is bounded, in a table that is bounded: what falls out of it costs its link once more. What
// is answered when it is alone was innocent, unless its reply is large (LargeReplies). One per worker. Where
// nothing has broken lately the cost is one comparison.
#pragma once
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/slot.h"
#include "proxy/net/address/address.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

// An argument of a multi-bulk request, if it is whole within the request's beginning. `index` 0, the
// command's name, and less: none.
std::optional<std::string_view> argumentWithin(std::string_view head, int index) noexcept;

class Suspects {
 public:
  // So much of a request tells it from others, with its length.
  static constexpr std::size_t kHead = 256;
  // No node refuses less. (Redis and Valkey: proto-max-bulk-len and client-query-buffer-limit are at least 1
  // MB.)
  static constexpr std::size_t kLarge = 64U * 1024;
  // From here on a value is large for a node, which copies it in one go.
  static constexpr std::size_t kLargeValue = 1024U * 1024;

  bool any() const noexcept { return !requests_.empty() || !limits_.empty(); }
  // `head`: its first kHead bytes. Never 0.
  static std::uint64_t hashOf(std::string_view head, std::size_t length) noexcept;
  bool anyOf(protocol::Slot slot) const noexcept { return slots_.test(placeOf(slot)); }
  bool has(protocol::Slot slot, std::uint64_t hash) const;
  void add(protocol::Slot slot, std::uint64_t hash, net::TimePoint now, bool large = false);
  // For its reply (LargeReplies), not for what has broken.
  bool isLarge(protocol::Slot slot, std::uint64_t hash) const;
  // The like of it has been answered.
  void clear(protocol::Slot slot, std::uint64_t hash);
  // A key to which so much has been written that reads of it may have large replies.
  void addKey(protocol::Slot slot, std::string_view key, net::TimePoint now) {
    add(slot, hashOfKey(key), now, true);
  }
  // As what a request is remembered: by all that it says, or, if it reads, by its key. 0: it is not.
  std::uint64_t match(protocol::Slot slot, std::string_view head, std::size_t length, int keyOfRead) const;
  // The request that was sent so, without its first `skip` bytes; returns its hash.
  std::uint64_t suspect(protocol::Slot slot, const upstream::SentRequest& sent, std::size_t skip,
                        net::TimePoint now, bool large = false);
  bool tooLarge(const net::Address& node, std::size_t length) const;
  // A node has broken a connection over a request of that length.
  void addTooLarge(const net::Address& node, std::size_t length, net::TimePoint now);
  // Now and then.
  void expire(net::TimePoint now);

 private:
  struct Entry {
    std::uint64_t hash;
    protocol::Slot slot;
    net::TimePoint until;
    bool large;
  };
  struct Limit {
    std::size_t bytes;
    net::TimePoint until;
  };
  static constexpr std::size_t kMost = 256;  // of either kind

  static std::uint64_t hashOfKey(std::string_view key) noexcept { return hashOf(key, SIZE_MAX); }

  // kNoSlot has its place, too.
  static std::size_t placeOf(protocol::Slot slot) noexcept {
    return slot < protocol::kSlotCount ? slot : protocol::kSlotCount;
  }
  const Entry* find(protocol::Slot slot, std::uint64_t hash) const;
  void markSlots();

  std::vector<Entry> requests_;  // oldest first
  std::map<net::Address, Limit> limits_;
  std::bitset<protocol::kSlotCount + 1> slots_;
};

}  // namespace slotless::session
