// Which proxies there are, by what they say and when.
#include "proxy/peers/peer_table.h"

#include "catch.h"

using namespace slotless;
using namespace slotless::peers;
using Heard = PeerTable::Heard;
using Ids = std::vector<std::string>;

namespace {

// A table and its clock.
struct Table {
  net::TimePoint now{std::chrono::hours(1)};
  PeerTable table{"own"};

  PeerTable::Noted hears(const std::string& id, std::uint64_t version = 1, std::optional<Counts> counts = {},
                         Ids lacking = {}) {
    Beat beat;
    beat.id = id;
    beat.place = "at " + id;
    beat.version = version;
    beat.counts = std::move(counts);
    beat.lacking = std::move(lacking);
    return table.note(std::move(beat), now);
  }
  // So many beats pass, and the table is looked at in each.
  Ids passes(int beats) {
    Ids gone;
    for (int i = 0; i < beats; ++i) {
      now += kBeat;
      for (std::string& id : table.expire(now)) gone.push_back(std::move(id));
    }
    return gone;
  }
};

Counts manyTopics(std::size_t count) {
  Counts counts;
  counts.topics.resize(count);
  return counts;
}

}  // namespace

TEST_CASE_METHOD(Table, "whoever is heard is there, and gone when it has not been heard for too long") {
  CHECK(hears("a").heard == Heard::New);
  CHECK(hears("a").heard == Heard::Known);
  CHECK(table.peers().at("a").place == "at a");
  CHECK(passes(3).empty());
  CHECK(passes(1) == Ids{"a"});
  CHECK(table.peers().empty());
  CHECK(passes(1).empty());
  CHECK(hears("a").heard == Heard::New);
}

TEST_CASE_METHOD(Table, "two lost messages are nothing") {
  for (int i = 0; i < 5; ++i) {
    hears("a");
    CHECK(passes(3).empty());
  }
}

TEST_CASE_METHOD(Table, "a process that was away itself takes nobody for gone, until it has listened again") {
  hears("a");
  passes(2);
  now += std::chrono::minutes(1);
  CHECK(table.expire(now).empty());
  CHECK(passes(1) == Ids{"a"});
}

TEST_CASE_METHOD(Table, "nor does it take what has only just been heard for older than it is") {
  passes(1);
  now += std::chrono::minutes(1);
  hears("a");
  CHECK(table.expire(now).empty());
  CHECK(table.peers().at("a").heardAt == now);
}

TEST_CASE_METHOD(Table, "its own voice shows that the channel carries, for a while") {
  CHECK_FALSE(table.hearsItself(now));
  CHECK(hears("own").heard == Heard::Own);
  CHECK(table.peers().empty());
  CHECK(table.hearsItself(now));
  passes(3);
  CHECK(table.hearsItself(now));
  passes(1);
  CHECK_FALSE(table.hearsItself(now));
}

TEST_CASE_METHOD(Table, "after an absence its own voice is as fresh as before") {
  hears("own");
  passes(1);
  now += std::chrono::minutes(1);
  table.expire(now);
  CHECK(table.hearsItself(now));
}

TEST_CASE_METHOD(Table, "counts are lacked until they are heard, and when they are older than the newest") {
  hears("a", 4);
  CHECK(table.lacking() == Ids{"a"});
  CHECK(hears("a", 4, Counts{}).hasCounts);
  CHECK(table.lacking().empty());
  CHECK_FALSE(hears("a", 4, Counts{}).hasCounts);  // for somebody else
  CHECK_FALSE(hears("a", 5).hasCounts);
  CHECK(table.lacking() == Ids{"a"});
  CHECK(table.peers().at("a").counts);  // the last that are known stay
  CHECK(hears("a", 6, Counts{}).hasCounts);
  CHECK(table.lacking().empty());
}

TEST_CASE_METHOD(
    Table, "counts are told when they have changed, when somebody lacks them and when somebody has come") {
  CHECK(table.mustTell(1));
  table.told(1);
  CHECK_FALSE(table.mustTell(1));
  CHECK(table.mustTell(2));
  hears("a");
  CHECK(table.mustTell(1));
  table.told(1);
  hears("a", 1, {}, {"somebody"});
  CHECK_FALSE(table.mustTell(1));
  hears("a", 1, {}, {"somebody", "own"});
  CHECK(table.mustTell(1));
  table.told(1);
  table.tellAgain();
  CHECK(table.mustTell(1));
}

TEST_CASE_METHOD(Table, "all is forgotten when it is told to") {
  hears("a");
  hears("own");
  table.told(1);
  table.clear();
  CHECK(table.peers().empty());
  CHECK_FALSE(table.hearsItself(now));
  CHECK(table.mustTell(1));
}

TEST_CASE_METHOD(Table, "there is room for so many proxies, and for more when some are gone") {
  for (std::size_t i = 0; i < kMostPeers; ++i) hears("p" + std::to_string(i));
  CHECK(hears("late").heard == Heard::NoRoom);
  CHECK(table.peers().size() == kMostPeers);
  CHECK(hears("p0").heard == Heard::Known);
  passes(4);
  CHECK(hears("late").heard == Heard::New);
}

TEST_CASE_METHOD(Table, "and for so many topics of all") {
  const std::size_t full = kMostTopicsOfAll / kMostTopics;
  for (std::size_t i = 0; i < full; ++i) hears("p" + std::to_string(i), 1, manyTopics(kMostTopics));
  CHECK_FALSE(table.peers().at("p0").counts->tooMany);
  hears("late", 1, manyTopics(1));
  CHECK(table.peers().at("late").counts == Counts{true, {}, {}});
  hears("p0", 2, manyTopics(kMostTopics));  // in place of its own
  CHECK_FALSE(table.peers().at("p0").counts->tooMany);
  hears("p0", 3, Counts{});
  hears("late", 2, manyTopics(1));
  CHECK_FALSE(table.peers().at("late").counts->tooMany);
}
