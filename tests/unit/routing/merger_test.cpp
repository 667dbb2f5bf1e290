// One reply out of several: numbers, arrays, errors, and what does not fit together.
#include "proxy/routing/merger.h"

#include <cstdint>
#include <string>
#include <vector>

#include "catch.h"
#include "exact_buffer.h"

namespace slotless::routing {
namespace {

constexpr const char* kMisfit = "-ERR The nodes gave replies that do not fit together\r\n";

struct Merged {
  std::string reply;
  bool good;
};

// Replies lie in buffers of their exact size, so that a read beyond them shows.
Merged merge(Merge how, const std::vector<std::string>& replies,
             const std::vector<std::vector<std::uint32_t>>& keys = {}) {
  std::vector<test::ExactBuffer> buffers;
  std::vector<PartReply> parts;
  for (const std::string& reply : replies) buffers.emplace_back(reply);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    parts.push_back({buffers[i].view(), i < keys.size() ? std::span<const std::uint32_t>(keys[i])
                                                        : std::span<const std::uint32_t>()});
  }
  Merged merged{"before", false};
  merged.good = mergeReplies(how, parts, merged.reply);
  REQUIRE(merged.reply.starts_with("before"));  // it appends
  merged.reply.erase(0, 6);
  return merged;
}

void good(Merge how, const std::vector<std::string>& replies, const std::string& expected) {
  const Merged merged = merge(how, replies);
  CHECK(merged.reply == expected);
  CHECK(merged.good);
}

void misfit(Merge how, const std::vector<std::string>& replies) {
  const Merged merged = merge(how, replies);
  CHECK(merged.reply == kMisfit);
  CHECK_FALSE(merged.good);
}

const std::vector<Merge> kFolds = {Merge::Sum, Merge::Minimum, Merge::Maximum, Merge::LogicalAnd,
                                   Merge::LogicalOr};

TEST_CASE("numbers are folded", "[merger]") {
  good(Merge::Sum, {":1\r\n", ":2\r\n", ":39\r\n"}, ":42\r\n");
  good(Merge::Sum, {":-5\r\n", ":3\r\n"}, ":-2\r\n");
  good(Merge::Minimum, {":3\r\n", ":-1\r\n", ":2\r\n"}, ":-1\r\n");
  good(Merge::Maximum, {":3\r\n", ":7\r\n", ":2\r\n"}, ":7\r\n");
  good(Merge::LogicalAnd, {":1\r\n", ":1\r\n"}, ":1\r\n");
  good(Merge::LogicalAnd, {":1\r\n", ":0\r\n", ":1\r\n"}, ":0\r\n");
  good(Merge::LogicalOr, {":0\r\n", ":1\r\n"}, ":1\r\n");
  good(Merge::LogicalOr, {":0\r\n", ":0\r\n"}, ":0\r\n");
  for (const Merge fold : kFolds) good(fold, {":1\r\n"}, ":1\r\n");
}

TEST_CASE("numbers at the limits are folded, and a sum beyond them is none", "[merger]") {
  const std::string most = ":9223372036854775807\r\n";
  const std::string least = ":-9223372036854775808\r\n";
  good(Merge::Sum, {most, least}, ":-1\r\n");
  good(Merge::Maximum, {least, most}, most);
  good(Merge::Minimum, {most, least}, least);
  misfit(Merge::Sum, {most, ":1\r\n"});
  misfit(Merge::Sum, {least, ":-1\r\n"});
  misfit(Merge::Sum, {":9223372036854775808\r\n", ":0\r\n"});
  misfit(Merge::Sum, {"*1\r\n" + most, "*1\r\n:1\r\n"});
}

TEST_CASE("arrays of numbers are folded element by element", "[merger]") {
  good(Merge::LogicalAnd, {"*3\r\n:1\r\n:0\r\n:1\r\n", "*3\r\n:1\r\n:1\r\n:0\r\n"},
       "*3\r\n:1\r\n:0\r\n:0\r\n");
  good(Merge::Sum, {"*2\r\n:1\r\n:2\r\n", "*2\r\n:10\r\n:20\r\n", "*2\r\n:100\r\n:200\r\n"},
       "*2\r\n:111\r\n:222\r\n");
  good(Merge::LogicalOr, {"*0\r\n", "*0\r\n"}, "*0\r\n");
}

TEST_CASE("what is no number, or not as many, cannot be folded", "[merger]") {
  for (const Merge fold : kFolds) {
    INFO(static_cast<int>(fold));
    misfit(fold, {":1\r\n", "+OK\r\n"});
    misfit(fold, {"$1\r\n1\r\n", ":1\r\n"});
    misfit(fold, {":1\r\n", "*1\r\n:1\r\n"});
    misfit(fold, {"*1\r\n:1\r\n", ":1\r\n"});
    misfit(fold, {"*1\r\n:1\r\n", "*2\r\n:1\r\n:1\r\n"});
    misfit(fold, {"*1\r\n:1\r\n", "*1\r\n$1\r\n1\r\n"});
    misfit(fold, {"*1\r\n:1\r\n", "*-1\r\n"});
    misfit(fold, {"*-1\r\n", "*1\r\n:1\r\n"});
    misfit(fold, {"_\r\n", ":1\r\n"});
    misfit(fold, {":1\r\n", "#t\r\n"});
    misfit(fold, {",1.5\r\n", ":1\r\n"});
    misfit(fold, {"*1\r\n*1\r\n:1\r\n", "*1\r\n*1\r\n:1\r\n"});
  }
}

TEST_CASE("elements come back into the order of their keys", "[merger]") {
  const Merged merged = merge(Merge::Interleave,
                              {"*3\r\n$1\r\na\r\n$-1\r\n$4\r\n\r\n\r\n\r\n",
                               "*2\r\n_\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", "*1\r\n%1\r\n+k\r\n~1\r\n#t\r\n"},
                              {{0, 2, 5}, {1, 4}, {3}});
  CHECK(merged.good);
  CHECK(
      merged.reply ==
      "*6\r\n$1\r\na\r\n_\r\n$-1\r\n%1\r\n+k\r\n~1\r\n#t\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n$4\r\n\r\n\r\n\r\n");
}

TEST_CASE("a part with more or fewer elements than keys does not fit", "[merger]") {
  const std::vector<std::vector<std::uint32_t>> keys = {{0, 1}, {2}};
  for (const std::string reply :
       {"*0\r\n", "*2\r\n:1\r\n:2\r\n", "*-1\r\n", "$-1\r\n", "+OK\r\n", ":1\r\n", "%1\r\n+a\r\n+b\r\n",
        "*99999999999\r\n:1\r\n", "*9223372036854775807\r\n:1\r\n", "*18446744073709551616\r\n:1\r\n"}) {
    INFO(reply);
    CHECK(merge(Merge::Interleave, {"*2\r\n:1\r\n:2\r\n", reply}, keys).reply == kMisfit);
    CHECK(merge(Merge::Interleave, {reply, "*1\r\n:1\r\n"}, {{0, 2, 3}, {1}}).reply == kMisfit);
  }
}

TEST_CASE("an error inside an array is an element like others", "[merger]") {
  const Merged merged = merge(Merge::Interleave, {"*1\r\n-WRONGTYPE no\r\n", "*1\r\n:1\r\n"}, {{1}, {0}});
  CHECK(merged.good);
  CHECK(merged.reply == "*2\r\n:1\r\n-WRONGTYPE no\r\n");
}

TEST_CASE("arrays are put one after the other", "[merger]") {
  good(Merge::Concatenate, {"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*0\r\n", "*1\r\n$-1\r\n"},
       "*3\r\n$1\r\na\r\n*1\r\n:1\r\n$-1\r\n");
  good(Merge::Concatenate, {"~1\r\n+a\r\n", "~1\r\n+b\r\n"}, "~2\r\n+a\r\n+b\r\n");
  good(Merge::Concatenate, {"*0\r\n", "*0\r\n"}, "*0\r\n");
  std::string large = "*100000\r\n";
  for (int i = 0; i < 100000; ++i) large += ":1\r\n";
  const Merged merged = merge(Merge::Concatenate, {large, large});
  CHECK(merged.reply == "*200000\r\n" + large.substr(9) + large.substr(9));
}

TEST_CASE("what is no array cannot be put behind one", "[merger]") {
  for (const std::string reply : {"*-1\r\n", "$-1\r\n", "_\r\n", "+OK\r\n", ":1\r\n", "$1\r\na\r\n"}) {
    INFO(reply);
    misfit(Merge::Concatenate, {"*1\r\n:1\r\n", reply});
    misfit(Merge::Concatenate, {reply, "*1\r\n:1\r\n"});
  }
}

TEST_CASE("the first reply, or the first that says something", "[merger]") {
  good(Merge::First, {"+OK\r\n", "+OTHER\r\n"}, "+OK\r\n");
  good(Merge::None, {"$3\r\nabc\r\n"}, "$3\r\nabc\r\n");
  good(Merge::FirstNonNull, {"$-1\r\n", "*-1\r\n", "_\r\n", "$1\r\na\r\n", "$1\r\nb\r\n"}, "$1\r\na\r\n");
  good(Merge::FirstNonNull, {"$-1\r\n", "*-1\r\n"}, "$-1\r\n");
  good(Merge::FirstNonNull, {"$0\r\n\r\n", "$1\r\nb\r\n"}, "$0\r\n\r\n");
}

TEST_CASE("the first error is the answer, whole, whatever the merge", "[merger]") {
  std::vector<Merge> all = kFolds;
  all.insert(all.end(), {Merge::Interleave, Merge::Concatenate, Merge::First, Merge::FirstNonNull});
  for (const Merge how : all) {
    for (const std::string error : {"-OOM command not allowed\r\n", "!9\r\nERR a\r\nb\r\n"}) {
      const Merged merged = merge(how, {":1\r\n", error, "-ERR second\r\n", "*1\r\n:1\r\n"});
      CHECK(merged.reply == error);
      CHECK_FALSE(merged.good);
    }
  }
}

TEST_CASE("where one success is enough, errors count only if all are errors", "[merger]") {
  good(Merge::FirstSuccess, {"-NOTBUSY a\r\n", "+OK\r\n", "-ERR b\r\n"}, "+OK\r\n");
  good(Merge::FirstSuccess, {"!5\r\nERR a\r\n", "$-1\r\n"}, "$-1\r\n");
  const Merged merged = merge(Merge::FirstSuccess, {"-ERR a\r\n", "-ERR b\r\n"});
  CHECK(merged.reply == "-ERR a\r\n");
  CHECK_FALSE(merged.good);
}

}  // namespace
}  // namespace slotless::routing
