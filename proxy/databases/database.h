// The logical databases: what SELECT chooses among, and how each lies in the cluster.
//
// Ownership: made from the configuration; databases stay where they are as long as their Databases. They lie
// otherwise only after a cut-over from one server to a cluster (upstream migrating).
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "protocol/key_scheme.h"
#include "protocol/slot.h"
#include "protocol/slot_tags.h"
#include "proxy/databases/key_groups.h"

namespace slotless::databases {

using Layout = config::DatabaseLayout;

struct Database {
  std::uint32_t index = 0;
  Layout layout = Layout::Spread;
  // Of its keys in the cluster; empty: keys keep their names. A grouped database's is a pattern: its keys
  // have the tags of their slots in place of the question marks.
  std::string prefix;
  // Pinned: where all of it is, and a key by which it is found that never exists.
  protocol::Slot slot = protocol::kNoSlot;
  std::string routingKey;
  // Grouped: how keys make their groups, and the prefix with room behind it.
  KeyGroups groups;
  using PrefixRoom = std::array<char, 16>;
  PrefixRoom prefixRoom{};
  const protocol::SlotTags* tags = nullptr;

  bool mapped() const noexcept { return !prefix.empty(); }
  bool pinned() const noexcept { return layout == Layout::Pinned; }
  bool grouped() const noexcept { return layout == Layout::Grouped; }
  // It is the nodes' own database of that number, whose keys keep their names.
  bool native() const noexcept { return layout == Layout::Native; }
  // Which of the nodes' own databases has its keys.
  std::uint32_t ofNodes() const noexcept { return native() ? index : 0; }

  // Is a key of the cluster the database's, where others have names of their own?
  bool owns(std::string_view physical) const noexcept {
    if (grouped()) return ownsGrouped(physical);
    return mapped() ? physical.starts_with(prefix) : !protocol::isReservedKey(physical);
  }
  // What the database calls it. Requires that it is the database's.
  std::string_view logicalName(std::string_view physical) const noexcept {
    return physical.substr(prefix.size());
  }
  // Where one of its names in the cluster begins in a text. Requires that it is mapped.
  std::size_t findName(std::string_view text) const noexcept;
  // What stands in front of a key of this slot; all are equally long. `room` is where it may have to be
  // written.
  std::string_view prefixAt(protocol::Slot of, PrefixRoom& room) const noexcept {
    return grouped() ? groupedPrefixAt(of, room) : std::string_view(prefix);
  }
  std::string_view prefixOf(std::string_view key, PrefixRoom& room) const noexcept {
    return grouped() ? groupedPrefixAt(groups.slotOf(key), room) : std::string_view(prefix);
  }
  // What the cluster calls one of its keys.
  void appendPhysical(std::string& out, std::string_view key) const {
    PrefixRoom room;
    out.append(prefixOf(key, room)).append(key);
  }
  std::string physicalName(std::string_view key) const {
    std::string name;
    appendPhysical(name, key);
    return name;
  }
  // Of those of its keys that match a pattern, in the cluster.
  std::string physicalPattern(std::string_view pattern) const { return prefix + std::string(pattern); }
  // Of the key's name in the cluster.
  protocol::Slot slotOf(std::string_view key) const {
    if (pinned()) return slot;
    if (grouped()) return groups.slotOf(key);
    return mapped() ? protocol::slotOf(physicalName(key)) : protocol::slotOf(key);
  }

 private:
  bool ownsGrouped(std::string_view physical) const noexcept;
  // The tag and the brace behind it are the last of the prefix.
  static constexpr std::size_t kTagAndEnd = protocol::kSlotTagSize + 1;
  std::string_view groupedPrefixAt(protocol::Slot of, PrefixRoom& room) const noexcept {
    room = prefixRoom;
    std::memcpy(room.data() + prefix.size() - kTagAndEnd, tags->of(of).data(), protocol::kSlotTagSize);
    return {room.data(), prefix.size()};
  }
};

class Databases;

// What clients call the databases (database-map): their numbers 0, 1 … are any databases, in any order.
class Numbering {
 public:
  // `map` as in the configuration; empty: the numbers are the databases' own.
  Numbering(const Databases& databases, std::string_view map);

  bool same() const noexcept { return same_; }
  std::size_t size() const noexcept { return databases_.size(); }
  const Database& at(std::size_t number) const { return *databases_[number]; }
  // nullopt: these clients do not see it.
  std::optional<std::uint32_t> numberOf(const Database& database) const noexcept;

 private:
  bool same_;
  std::vector<const Database*> databases_;
};

class Databases {
 public:
  explicit Databases(const config::Config& config) { layOut(config); }
  Databases(const Databases&) = delete;
  Databases& operator=(const Databases&) = delete;

  // They lie so from now on. Those from before stay where they are for who still refers to them.
  void layOut(const config::Config& config);

  std::size_t size() const noexcept { return all_.size(); }
  const Database& at(std::size_t index) const { return all_[index]; }
  const std::vector<Database>& all() const noexcept { return all_; }
  // There are databases with names of their own: others have to leave those alone.
  bool anyMapped() const noexcept { return anyMapped_; }
  // Some of them are the nodes' own.
  bool anyNative() const noexcept { return anyNative_; }
  // The one that a key of the cluster belongs to, by its name; nullptr: none that is served here.
  const Database* ownerOf(std::string_view physical) const noexcept;
  // For clients whose listener has no map of its own, and for those whose listener has this one. Requires
  // that the configuration has it.
  const Numbering& numbering() const { return *numbering_; }
  // Some clients call databases by other numbers.
  bool renumbers() const;
  const Numbering& numbering(const std::string& map) const { return *numberings_.at(map); }

 private:
  void addNumbering(const std::string& map);

  using Numberings = std::map<std::string, std::unique_ptr<const Numbering>>;
  struct Former {
    std::vector<Database> all;
    Numberings numberings;
  };

  std::vector<Database> all_;
  std::vector<Former> former_;
  bool anyMapped_ = false;
  bool anyNative_ = false;
  const Database* unmapped_ = nullptr;
  Numberings numberings_;
  const Numbering* numbering_ = nullptr;
};

}  // namespace slotless::databases
