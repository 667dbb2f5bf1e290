// The merges of single commands, in the shapes of RESP2 and RESP3.
#include "proxy/routing/special_merges.h"

#include <string>
#include <vector>

#include "catch.h"
#include "exact_buffer.h"

namespace slotless::routing {
namespace {

std::string merged(Merge how, const std::vector<std::string>& replies) {
  std::vector<test::ExactBuffer> buffers;
  std::vector<PartReply> parts;
  for (const std::string& reply : replies) buffers.emplace_back(reply);
  for (const test::ExactBuffer& buffer : buffers) parts.push_back({buffer.view(), {}});
  std::string out;
  mergeReplies(how, parts, out);
  return out;
}

const std::string kMisfits = "-ERR The nodes gave replies that do not fit together\r\n";

TEST_CASE("channels that several nodes name are listed once", "[special_merges]") {
  CHECK(merged(Merge::Union, {"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*0\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"}) ==
        "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
  CHECK(merged(Merge::Union, {"~1\r\n$1\r\na\r\n", "~1\r\n$1\r\na\r\n"}) == "~1\r\n$1\r\na\r\n");
  CHECK(merged(Merge::Union, {"*0\r\n", ":1\r\n"}) == kMisfits);
}

TEST_CASE("subscribers are summed by channel", "[special_merges]") {
  CHECK(merged(Merge::SumByName,
               {"*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:0\r\n", "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:5\r\n"}) ==
        "*4\r\n$1\r\na\r\n:3\r\n$1\r\nb\r\n:5\r\n");
  CHECK(merged(Merge::SumByName, {"%1\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"}) ==
        "%1\r\n$1\r\na\r\n:2\r\n");
  // Asked for twice, answered twice.
  CHECK(merged(Merge::SumByName,
               {"*4\r\n$1\r\na\r\n:1\r\n$1\r\na\r\n:1\r\n", "*4\r\n$1\r\na\r\n:1\r\n$1\r\na\r\n:1\r\n"}) ==
        "*4\r\n$1\r\na\r\n:2\r\n$1\r\na\r\n:2\r\n");
  CHECK(merged(Merge::SumByName, {"*0\r\n", "*0\r\n"}) == "*0\r\n");
  CHECK(merged(Merge::SumByName, {"*2\r\n$1\r\na\r\n:1\r\n", "*2\r\n$1\r\nb\r\n:1\r\n"}) == kMisfits);
  CHECK(merged(Merge::SumByName, {"*2\r\n$1\r\na\r\n:1\r\n", "*0\r\n"}) == kMisfits);
}

TEST_CASE("texts that differ stand one below the other", "[special_merges]") {
  CHECK(merged(Merge::Texts, {"$2\r\nok\r\n", "$2\r\nok\r\n"}) == "$2\r\nok\r\n");
  CHECK(merged(Merge::Texts, {"$2\r\nok\r\n", "$3\r\nbad\r\n", "$2\r\nok\r\n"}) == "$6\r\nok\nbad\r\n");
  CHECK(merged(Merge::Texts, {"=6\r\ntxt:ok\r\n", "=7\r\ntxt:bad\r\n"}) == "=10\r\ntxt:ok\nbad\r\n");
}

TEST_CASE("the node that is running a function is shown", "[special_merges]") {
  const std::string idle = "*2\r\n$14\r\nrunning_script\r\n$-1\r\n";
  const std::string idle3 = "%1\r\n$14\r\nrunning_script\r\n_\r\n";
  const std::string busy = "*2\r\n$14\r\nrunning_script\r\n*2\r\n$4\r\nname\r\n$1\r\nf\r\n";
  CHECK(merged(Merge::FunctionStats, {idle, busy, idle}) == busy);
  CHECK(merged(Merge::FunctionStats, {idle, idle}) == idle);
  CHECK(merged(Merge::FunctionStats, {idle3, idle3}) == idle3);
}

TEST_CASE("memory is summed, and the worst ratio counts", "[special_merges]") {
  const std::string db = "$4\r\ndb.0\r\n*2\r\n$5\r\ntable\r\n:7\r\n";
  CHECK(
      merged(Merge::MemoryStats,
             {"*6\r\n$5\r\ntotal\r\n:10\r\n$5\r\nratio\r\n$3\r\n1.5\r\n$18\r\nkeys.bytes-per-key\r\n:8\r\n",
              "*8\r\n$5\r\ntotal\r\n:20\r\n$5\r\nratio\r\n$4\r\n2.25\r\n$18\r\nkeys.bytes-per-key\r\n:5\r\n" +
                  db}) ==
      "*8\r\n$5\r\ntotal\r\n:30\r\n$5\r\nratio\r\n$4\r\n2.25\r\n$18\r\nkeys.bytes-per-key\r\n:8\r\n" + db);
  CHECK(
      merged(Merge::MemoryStats, {"%2\r\n+a\r\n:1\r\n+r\r\n,0.5\r\n", "%2\r\n+a\r\n:1\r\n+r\r\n,1.25\r\n"}) ==
      "%2\r\n+a\r\n:2\r\n+r\r\n,1.25\r\n");
  CHECK(merged(Merge::MemoryStats, {"*2\r\n+a\r\n:1\r\n", "*2\r\n+a\r\n+x\r\n"}) == kMisfits);
}

// One server's digest of {a}, {b} and {a, b}, taken from Redis 7.0.15: SET a 1, SET b 2.
TEST_CASE("digests come to what one server with all keys would say", "[special_merges]") {
  const std::string none = "+0000000000000000000000000000000000000000\r\n";
  const std::string a = "+943d800368fb9c0e951138f1bc0e313ac769d91f\r\n";
  const std::string b = "+43f25254b30b4502d35b14b8588d2be6bac05311\r\n";
  const std::string both = "+7dff4aa4711992a6870417c26949f355d23a7cac\r\n";
  CHECK(merged(Merge::Digest, {a, b}) == both);
  CHECK(merged(Merge::Digest, {none, a, b}) == both);
  CHECK(merged(Merge::Digest, {none, a, none}) == a);
  CHECK(merged(Merge::Digest, {none, none}) == none);
  CHECK(merged(Merge::Digest, {a, "+short\r\n"}) == kMisfits);
}

TEST_CASE("one that could end its script is enough, and NOTBUSY says the least", "[special_merges]") {
  const std::string notBusy = "-NOTBUSY No scripts in execution right now.\r\n";
  const std::string wrote = "-UNKILLABLE Sorry the script already executed write commands\r\n";
  CHECK(merged(Merge::FirstSuccess, {notBusy, "+OK\r\n", wrote}) == "+OK\r\n");
  CHECK(merged(Merge::FirstSuccess, {notBusy, wrote, notBusy}) == wrote);
  CHECK(merged(Merge::FirstSuccess, {notBusy, notBusy}) == notBusy);
}

TEST_CASE("without a policy lists are joined and others taken from the first", "[special_merges]") {
  CHECK(merged(Merge::Automatic, {"*1\r\n:1\r\n", "*2\r\n:2\r\n:3\r\n"}) == "*3\r\n:1\r\n:2\r\n:3\r\n");
  CHECK(merged(Merge::Automatic, {"+OK\r\n", "+OK\r\n"}) == "+OK\r\n");
  CHECK(merged(Merge::Automatic, {"*1\r\n:1\r\n", "-ERR no\r\n"}) == "-ERR no\r\n");
}

TEST_CASE("a command's own merge is found by its full name", "[special_merges]") {
  CHECK(specialMergeOf("pubsub|numsub") == Merge::SumByName);
  CHECK(specialMergeOf("randomkey") == Merge::FirstNonNull);
  CHECK(specialMergeOf("dbsize") == Merge::None);
}

}  // namespace
}  // namespace slotless::routing
