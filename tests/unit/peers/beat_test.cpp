// What proxies say to each other: read as it was written, and nothing of what anybody else may write.
#include "proxy/peers/beat.h"

#include "catch.h"
#include "protocol/encoder.h"

using namespace slotless;
using namespace slotless::peers;
using pubsub::TopicKind;

namespace {

Beat aBeat() {
  Beat beat;
  beat.id = "a1";
  beat.place = "host process 7 0.0.0.0:6379";
  beat.release = "0.1.0";
  beat.clients = 12;
  beat.version = 3;
  return beat;
}

Beat aBeatWithCounts() {
  Beat beat = aBeat();
  beat.lacking = {"b2", "c3"};
  beat.counts = Counts{false,
                       {"node-one", "10.0.0.2:7000"},
                       {{TopicKind::Channel, std::string("odd \r\n\0 name", 12), 3, {{1, 2}}},
                        {TopicKind::Pattern, "", 0, {{0, 1}, {1, 1}}},
                        {TopicKind::Shard, "s", 5, {}}}};
  return beat;
}

std::string message(const std::vector<std::string_view>& words) {
  std::string out;
  protocol::appendRequest(out, words);
  return out;
}

// With what has to be there.
std::optional<Beat> readWith(std::vector<std::string_view> more) {
  std::vector<std::string_view> words = {"slotless-proxy", "1", "id", "a"};
  words.insert(words.end(), more.begin(), more.end());
  return readBeat(message(words));
}

}  // namespace

TEST_CASE("a message is read as it was written") {
  CHECK(readBeat(written(aBeat())) == aBeat());
  CHECK(readBeat(written(aBeatWithCounts())) == aBeatWithCounts());
  Beat beat = aBeat();
  beat.counts = Counts{};
  CHECK(readBeat(written(beat)) == beat);
  beat.counts->tooMany = true;
  CHECK(readBeat(written(beat)) == beat);
}

TEST_CASE("names of another release are skipped") {
  const auto beat = readWith({"colour", "green", "clients", "5"});
  REQUIRE(beat);
  CHECK(beat->clients == 5);
}

TEST_CASE("what is no message of a proxy is not read") {
  CHECK_FALSE(readBeat(""));
  CHECK_FALSE(readBeat("hello"));
  CHECK_FALSE(readBeat("*2\r\n$14\r\nslotless-proxy"));  // no end
  CHECK_FALSE(readBeat("*-1\r\n"));
  CHECK_FALSE(readBeat("*0\r\n"));
  CHECK_FALSE(readBeat(message({"slotless-proxy", "1"})));  // of nobody
  CHECK_FALSE(readBeat(message({"slotless-proxy", "2", "id", "a"})));
  CHECK_FALSE(readBeat(message({"somebody", "1", "id", "a"})));
  CHECK_FALSE(readBeat(message({"slotless-proxy", "1", "id"})));
  CHECK_FALSE(readBeat("*4\r\n$14\r\nslotless-proxy\r\n$1\r\n1\r\n*0\r\n*0\r\n"));
}

TEST_CASE("numbers and lengths have limits") {
  const std::string long_(257, 'x');
  for (const std::string_view name : {"id", "place", "release", "lacks"})
    CHECK_FALSE(readWith({name, long_}));
  for (const std::string_view number : {"-1", "x", "", "99999999999999999999"}) {
    CHECK_FALSE(readWith({"clients", number}));
    CHECK_FALSE(readWith({"version", number}));
  }
  std::vector<std::string_view> lacking;
  for (int i = 0; i < 257; ++i) lacking.insert(lacking.end(), {"lacks", "b"});
  CHECK_FALSE(readWith(lacking));
  CHECK_FALSE(readBeat(message({"slotless-proxy", "1", "id", "a", "x", std::string(300'000, 'x')})));
}

TEST_CASE("topics are as many as was said, and each has its numbers") {
  CHECK(readWith({"topics", "1", "node", "n", "channel", "c", "has", "2 0:1"}));
  CHECK_FALSE(readWith({"channel", "c", "has", "2"}));
  CHECK_FALSE(readWith({"node", "n"}));
  CHECK_FALSE(readWith({"has", "2"}));
  CHECK_FALSE(readWith({"topics", "x"}));
  CHECK_FALSE(readWith({"topics", "2049"}));
  CHECK_FALSE(readWith({"topics", "0", "topics", "0"}));
  CHECK_FALSE(readWith({"topics", "1"}));
  CHECK_FALSE(readWith({"topics", "1", "has", "2"}));
  CHECK_FALSE(readWith({"topics", "1", "channel", "c", "channel", "d"}));
  CHECK_FALSE(readWith({"topics", "too-many", "channel", "c"}));
  for (const std::string_view numbers :
       {"", "-1", "1000000001", "2 0", "2 1:1", "2 0:x", "2 0:-1", "2 x:1", "2 :1"}) {
    INFO(numbers);
    CHECK_FALSE(readWith({"topics", "1", "node", "n", "channel", "c", "has", numbers}));
  }
  CHECK_FALSE(readWith({"topics", "1", "node", std::string(257, 'x')}));
  CHECK_FALSE(readWith({"topics", "1", "channel", std::string(kMostNameBytes + 1, 'x')}));
}

TEST_CASE("counts that make a message too long are left out") {
  Beat beat = aBeat();
  beat.counts.emplace();
  for (int i = 0; i < 500; ++i)
    beat.counts->topics.push_back({TopicKind::Channel, std::string(1000, 'x'), 1, {}});
  const auto read = readBeat(written(beat));
  REQUIRE(read);
  CHECK(read->counts == Counts{true, {}, {}});
  CHECK(read->clients == 12);
}
