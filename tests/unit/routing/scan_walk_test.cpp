// A SCAN iteration over a cluster whose slots move, key by key, while it goes on.
#include "proxy/routing/scan_walk.h"

#include <algorithm>
#include <random>
#include <set>

#include "catch.h"
#include "proxy/routing/scan_places.h"

namespace slotless::routing {
namespace {

using protocol::Slot;

constexpr std::uint32_t kSlots = 24;  // the others are nobody's
constexpr std::uint32_t kBuckets = 16;
constexpr std::uint32_t kKeysPerSlot = 6;

using Key = std::uint32_t;  // its slot is key % kSlots

struct Server {
  std::string id;
  std::uint64_t epoch = 0;
  std::set<Key> keys;
  std::map<Slot, std::size_t> migrating;  // slot → server
  std::map<Slot, std::size_t> importing;
  std::uint32_t seed = 0;  // of its hash table
};

// Follows the rules of MIGRATE and CLUSTER SETSLOT; the proxy's topology is only as new as its last look-up.
class FakeCluster {
 public:
  enum class Lie : std::uint8_t { InRanges, Interleaved };

  explicit FakeCluster(std::uint32_t seed, Lie lie = Lie::InRanges, std::uint64_t cursorsFrom = 0)
      : random_(seed), cursorsFrom_(cursorsFrom) {
    for (std::size_t i = 0; i < 3; ++i)
      servers_.push_back({"id" + std::to_string(i), i + 1, {}, {}, {}, roll(1000)});
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
      owners_[slot] = lie == Lie::InRanges ? slot * servers_.size() / kSlots : slot % servers_.size();
    for (Key key = 0; key < kSlots * kKeysPerSlot; ++key) servers_[owners_[slotOf(key)]].keys.insert(key);
    lookUp();
  }

  static Slot slotOf(Key key) { return static_cast<Slot>(key % kSlots); }
  std::uint32_t roll(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
  }

  void lookUp() {
    topology_ = cluster::Topology();
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      topology_.nodes.push_back(
          {servers_[i].id, {"h", static_cast<std::uint16_t>(i)}, true, servers_[i].epoch, {}});
    }
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
      topology_.owners[slot] = static_cast<cluster::NodeIndex>(owners_[slot]);
  }

  void somethingHappens() {
    const auto slot = static_cast<Slot>(roll(kSlots));
    Server& source = servers_[owners_[slot]];
    const auto moving = source.migrating.find(slot);
    switch (roll(8)) {
      case 0:  // a migration begins
        if (moving == source.migrating.end()) begin(slot, (owners_[slot] + 1 + roll(2)) % servers_.size());
        break;
      case 1:  // it ends: the rest of the keys, then the slot
        if (moving == source.migrating.end()) break;
        while (moveOne(slot)) {
        }
        finish(slot);
        break;
      case 2: promoteReplica(owners_[slot]); break;
      case 3: lookUp(); break;
      default:
        if (moving != source.migrating.end()) moveOne(slot);
    }
  }

  // One page as the session asks for it; false: the iteration has ended.
  bool page(std::uint64_t& cursor, std::set<Key>& seen) {
    const ScanQuestion question =
        scanQuestion(cursor == 0 ? scanBeginning(topology_) : decodeScanCursor(cursor), topology_);
    const std::size_t asked = question.node.value_or(topology_.owners[question.slot]);
    ScanPage page{question.cursor, question.slot, 0, std::nullopt, std::nullopt};
    if (question.cursor.nodeCursor == 0) page.before = view(asked);
    std::set<Key> keys;
    std::uint64_t bucket = question.cursor.nodeCursor;
    if (bucket > 0) bucket -= cursorsFrom_;
    for (std::uint32_t i = 0; i < 4 && bucket < kBuckets; ++i, ++bucket) {
      for (const Key key : servers_[asked].keys) {
        if ((key * 2654435761U ^ servers_[asked].seed * 40503U) % kBuckets == bucket) keys.insert(key);
      }
    }
    page.nodeCursor = bucket < kBuckets ? bucket + cursorsFrom_ : 0;
    page.after = view(asked);
    const ScanStep step = nextScanStep(page, topology_);
    if (step.stale) lookUp();
    for (const Key key : keys) {
      if (step.slots.test(slotOf(key))) seen.insert(key);
    }
    cursor = step.next ? scanNumber(*step.next, topology_).value() : 0;
    REQUIRE(cursor < std::uint64_t{1} << 53);
    return cursor != 0;
  }

  void settle() {
    for (std::uint32_t i = 0; i < kSlots; ++i) {
      const auto slot = static_cast<Slot>(i);
      if (!servers_[owners_[slot]].migrating.contains(slot)) continue;
      while (moveOne(slot)) {
      }
      finish(slot);
    }
  }

 private:
  void begin(Slot slot, std::size_t target) {
    servers_[target].importing[slot] = owners_[slot];
    servers_[owners_[slot]].migrating[slot] = target;
  }
  bool moveOne(Slot slot) {
    Server& source = servers_[owners_[slot]];
    const auto key =
        std::find_if(source.keys.begin(), source.keys.end(), [&](Key k) { return slotOf(k) == slot; });
    if (key == source.keys.end()) return false;
    servers_[source.migrating.at(slot)].keys.insert(*key);
    source.keys.erase(key);
    return true;
  }
  void finish(Slot slot) {
    const std::size_t target = servers_[owners_[slot]].migrating.at(slot);
    servers_[owners_[slot]].migrating.erase(slot);
    servers_[target].importing.erase(slot);
    servers_[target].epoch = newEpoch();
    owners_[slot] = target;
  }
  // Another process with the same keys; migrations are replicated too.
  void promoteReplica(std::size_t server) {
    servers_[server].id = "id" + std::to_string(roll(1000000));
    servers_[server].epoch = newEpoch();
    servers_[server].seed = roll(1000);
  }
  std::uint64_t newEpoch() {
    std::uint64_t highest = 0;
    for (const Server& server : servers_) highest = std::max(highest, server.epoch);
    return highest + 1;
  }
  NodeView view(std::size_t server) const {
    std::string text;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      text += servers_[i].id + " h:1@1 " + (i == server ? "myself,master" : "master") + " - 0 0 " +
              std::to_string(servers_[i].epoch) + " connected";
      for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        if (owners_[slot] == i) text += " " + std::to_string(slot);
      for (const auto& [slot, target] : servers_[i].migrating)
        if (i == server) text += " [" + std::to_string(slot) + "->-" + servers_[target].id + "]";
      for (const auto& [slot, source] : servers_[i].importing)
        if (i == server) text += " [" + std::to_string(slot) + "-<-" + servers_[source].id + "]";
      text += "\n";
    }
    return parseNodeView(text).value();
  }

  std::mt19937 random_;
  std::vector<Server> servers_;
  std::array<std::size_t, kSlots> owners_{};
  cluster::Topology topology_;
  std::uint64_t cursorsFrom_;  // added to a node's cursors
};

constexpr std::size_t kAllKeys = kSlots * kKeysPerSlot;

TEST_CASE("an iteration over a quiet cluster returns every key and ends", "[scan_walk]") {
  FakeCluster cluster(1);
  std::uint64_t cursor = 0;
  std::set<Key> seen;
  std::size_t pages = 1;
  while (cluster.page(cursor, seen)) ++pages;
  CHECK(seen.size() == kAllKeys);
  CHECK(pages == 3 * kBuckets / 4);  // no node twice
}

TEST_CASE("where the slots are interleaved no node is scanned twice, either", "[scan_walk]") {
  FakeCluster cluster(1, FakeCluster::Lie::Interleaved);
  std::uint64_t cursor = 0;
  std::set<Key> seen;
  std::size_t pages = 1;
  while (cluster.page(cursor, seen)) ++pages;
  CHECK(seen.size() == kAllKeys);
  CHECK(pages == 3 * kBuckets / 4);
}

TEST_CASE("long cursors of nodes fit as well", "[scan_walk]") {
  for (const auto lie : {FakeCluster::Lie::InRanges, FakeCluster::Lie::Interleaved}) {
    FakeCluster cluster(1, lie, (std::uint64_t{1} << 36) - 100);
    std::uint64_t cursor = 0;
    std::set<Key> seen;
    std::size_t pages = 1;
    while (cluster.page(cursor, seen)) ++pages;
    CHECK(seen.size() == kAllKeys);
    CHECK(pages == 3 * kBuckets / 4);
  }
}

TEST_CASE("an iteration returns every key while slots move and masters change", "[scan_walk]") {
  for (std::uint32_t seed = 1; seed <= 160; ++seed) {
    FakeCluster cluster(seed, seed % 2 == 0 ? FakeCluster::Lie::Interleaved : FakeCluster::Lie::InRanges);
    std::uint64_t cursor = 0;
    std::set<Key> seen;
    std::size_t pages = 0;
    bool more = true;
    while (more) {
      // Some iterations are slow, some fast, and in the end the cluster comes to rest.
      if (pages < 400) {
        for (std::uint32_t i = cluster.roll(1 + seed % 20); i > 0; --i) cluster.somethingHappens();
      } else {
        cluster.settle();
      }
      more = cluster.page(cursor, seen);
      REQUIRE(++pages < 2000);
    }
    INFO("seed " << seed);
    REQUIRE(seen.size() == kAllKeys);
  }
}

TEST_CASE("an iteration ends while a migration rests half-way", "[scan_walk]") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    FakeCluster cluster(seed, seed % 2 == 0 ? FakeCluster::Lie::Interleaved : FakeCluster::Lie::InRanges);
    for (int i = 0; i < 100; ++i) cluster.somethingHappens();
    cluster.lookUp();
    std::uint64_t cursor = 0;
    std::set<Key> seen;
    std::size_t pages = 1;
    while (cluster.page(cursor, seen)) REQUIRE(++pages < 1000);
    CHECK(seen.size() == kAllKeys);
  }
}

TEST_CASE("a cursor that nobody has made starts a range over", "[scan_walk]") {
  FakeCluster cluster(1);
  for (std::uint64_t cursor :
       {std::uint64_t{1}, std::uint64_t{12345}, UINT64_MAX, std::uint64_t{1} << 60 | 77}) {
    std::set<Key> seen;
    std::size_t pages = 1;
    while (cluster.page(cursor, seen)) REQUIRE(++pages < 100);
  }
}

TEST_CASE("a page without a word of the node about itself does not count", "[scan_walk]") {
  const cluster::Topology nothing;
  for (const auto stage : {ScanCursor::Stage::Owner, ScanCursor::Stage::Node, ScanCursor::Stage::Arrival}) {
    ScanPage page{{stage, 3, 0, 0}, 3, 0, std::nullopt, std::nullopt};
    const ScanStep step = nextScanStep(page, nothing);
    REQUIRE(step.next);
    CHECK(step.stale);
    CHECK(step.slots.none());
  }
}

}  // namespace
}  // namespace slotless::routing
