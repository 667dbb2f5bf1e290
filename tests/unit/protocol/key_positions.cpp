// Where the keys of representative calls are. The expectations agree with COMMAND GETKEYS of Redis 7.0.15
// except where a comment says why not.
#include <sstream>
#include <string>
#include <vector>

#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/key_extraction.h"

namespace slotless::protocol {
namespace {

using Indexes = std::vector<std::uint32_t>;

std::vector<std::string> split(std::string_view call) {
  std::istringstream in{std::string(call)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word == "''" ? "" : word);
  return words;
}

KeyResult extract(const std::vector<std::string>& words, Indexes& positions) {
  const std::vector<std::string_view> argv(words.begin(), words.end());
  const CommandSpec* spec = CommandTable::builtIn()->find(Argv(argv));
  REQUIRE(spec != nullptr);
  REQUIRE(spec->arityFits(argv.size()));
  return keyPositions(*spec, argv, positions);
}

struct Row {
  std::string_view call;
  Indexes keys;
};

TEST_CASE("keys stand where the key specifications say", "[keys]") {
  // clang-format off
  const Row rows[] = {
    // one key
    {"GET k", {1}}, {"set k v", {1}}, {"SET k v EX 10 NX GET", {1}}, {"GETEX k PERSIST", {1}}, {"APPEND k v", {1}},
    {"INCRBYFLOAT k 1.5", {1}}, {"SETRANGE k 0 v", {1}}, {"LPUSH k a b c", {1}}, {"LRANGE k 0 -1", {1}},
    {"LPOS k a RANK 1", {1}}, {"LINSERT k BEFORE a b", {1}}, {"HSET k f v g w", {1}}, {"HMGET k f g", {1}},
    {"HRANDFIELD k 2 WITHVALUES", {1}}, {"HSCAN k 0 MATCH x COUNT 10", {1}}, {"SADD k a b", {1}},
    {"SMISMEMBER k a b", {1}}, {"SPOP k 3", {1}}, {"ZADD k NX 1 a 2 b", {1}}, {"ZRANGE k 0 -1 BYSCORE REV", {1}},
    {"ZRANGEBYSCORE k 0 1 LIMIT 0 1", {1}}, {"ZPOPMIN k 2", {1}}, {"EXPIRE k 10 NX", {1}}, {"TYPE k", {1}},
    {"DUMP k", {1}}, {"RESTORE k 0 data REPLACE", {1}}, {"PERSIST k", {1}}, {"PFADD k a b", {1}},
    {"BITCOUNT k 0 1 BIT", {1}}, {"BITFIELD k GET u4 0", {1}}, {"GEOADD k 1 2 m", {1}},
    {"GEOSEARCH k FROMMEMBER m BYRADIUS 1 km", {1}}, {"XADD k * f v", {1}}, {"XADD k MAXLEN 10 * f v", {1}},
    {"XRANGE k - +", {1}}, {"XACK k g 1-1", {1}}, {"XCLAIM k g c 0 1-1", {1}}, {"XAUTOCLAIM k g c 0 0", {1}},
    {"XPENDING k g - + 10", {1}}, {"XSETID k 1-1", {1}}, {"SPOP k", {1}}, {"MOVE k 1", {1}},
    // one key behind a subcommand
    {"OBJECT ENCODING k", {2}}, {"object freq k", {2}}, {"MEMORY USAGE k SAMPLES 5", {2}}, {"XGROUP CREATE k g $", {2}},
    {"XGROUP DESTROY k g", {2}}, {"XINFO STREAM k FULL", {2}}, {"XINFO CONSUMERS k g", {2}}, {"PFDEBUG ENCODING k", {2}},
    // two keys
    {"RENAME a b", {1, 2}}, {"RENAMENX a b", {1, 2}}, {"COPY a b DB 1 REPLACE", {1, 2}}, {"LMOVE a b LEFT RIGHT", {1, 2}},
    {"RPOPLPUSH a b", {1, 2}}, {"SMOVE a b m", {1, 2}}, {"LCS a b IDX", {1, 2}}, {"ZRANGESTORE a b 0 -1", {1, 2}},
    {"GEOSEARCHSTORE a b FROMMEMBER m BYRADIUS 1 km", {1, 2}}, {"BLMOVE a b LEFT RIGHT 0", {1, 2}},
    {"BRPOPLPUSH a b 0", {1, 2}},
    // all that follow
    {"DEL a", {1}}, {"DEL a b c", {1, 2, 3}}, {"UNLINK a b", {1, 2}}, {"EXISTS a a", {1, 2}}, {"TOUCH a b", {1, 2}},
    {"MGET a b c", {1, 2, 3}}, {"WATCH a b", {1, 2}}, {"PFCOUNT a b", {1, 2}}, {"PFMERGE d a b", {1, 2, 3}},
    {"SDIFF a b", {1, 2}}, {"SINTERSTORE d a b", {1, 2, 3}}, {"SUNIONSTORE d a", {1, 2}}, {"BITOP AND d a b", {2, 3, 4}},
    {"BITOP NOT d a", {2, 3}},
    // every second one
    {"MSET a 1 b 2", {1, 3}}, {"MSETNX a 1", {1}}, {"MSET a 1 a 2", {1, 3}},
    // all but the last
    {"BLPOP a 0", {1}}, {"BRPOP a b c 0", {1, 2, 3}}, {"BZPOPMIN a b 1.5", {1, 2}}, {"BZPOPMAX a 0", {1}},
    // counted
    {"ZUNION 2 a b WITHSCORES", {2, 3}}, {"ZINTER 1 a", {2}}, {"ZDIFF 3 a b c", {2, 3, 4}}, {"ZINTERCARD 2 a b LIMIT 1", {2, 3}},
    {"ZUNIONSTORE d 2 a b WEIGHTS 1 2", {1, 3, 4}}, {"ZINTERSTORE d 1 a", {1, 3}}, {"ZDIFFSTORE d 2 a b", {1, 3, 4}},
    {"SINTERCARD 2 a b", {2, 3}}, {"LMPOP 2 a b LEFT COUNT 3", {2, 3}}, {"ZMPOP 1 a MIN", {2}},
    {"BLMPOP 0 2 a b LEFT", {3, 4}}, {"BZMPOP 0 1 a MAX", {3}}, {"EVAL s 2 a b x y", {3, 4}}, {"EVALSHA h 1 a", {3}},
    {"ZDIFF 1.5e3 a", {2}}, {"EVAL s 2x a b", {3, 4}}, {"ZUNIONSTORE d 01 a", {1, 3}},
    {"EVAL_RO s 1 a", {3}}, {"EVALSHA_RO h 2 a b", {3, 4}}, {"FCALL f 1 a x", {3}}, {"FCALL_RO f 2 a b", {3, 4}},
    // behind a keyword
    {"XREAD STREAMS a 0", {2}}, {"XREAD COUNT 2 BLOCK 0 STREAMS a b 0 0", {6, 7}}, {"XREAD streams STREAMS 0", {2}},
    {"XREADGROUP GROUP g c STREAMS a >", {5}}, {"XREADGROUP GROUP g c COUNT 1 NOACK STREAMS a b > >", {8, 9}},
    {"XREADGROUP GROUP STREAMS STREAMS STREAMS a >", {5}},
    {"GEORADIUS k 1 2 3 km", {1}}, {"GEORADIUS k 1 2 3 km STORE d", {1, 7}}, {"GEORADIUS k 1 2 3 km COUNT 1 STOREDIST d", {1, 9}},
    {"GEORADIUS k 1 2 3 km STOREDIST d STORE e", {1, 7, 9}}, {"GEORADIUS_RO k 1 2 3 km", {1}},
    // of two STOREs some versions hash the first and use the last
    {"GEORADIUS k 1 2 3 km STORE d STORE e", {1, 7, 9}}, {"GEORADIUS k 1 2 3 km COUNT store STORE d", {1, 9}},
    {"GEORADIUS k 1 2 3 km STORE STOREDIST", {1, 7}}, {"GEORADIUS k 1 2 3 km STORE", {1}},
    {"GEORADIUSBYMEMBER k k k km", {1}}, {"XREAD COUNT STREAMS STREAMS a 0", {4}}, {"XREAD COUNT x STREAMS STREAMS 0", {4}},
    {"XREADGROUP GROUP g c CLAIM 10 STREAMS a >", {7}},
    {"GEORADIUSBYMEMBER k m 3 km store d", {1, 6}}, {"GEORADIUSBYMEMBER_RO k m 3 km", {1}},
    // by a procedure
    {"SORT k", {1}}, {"SORT k BY nosort GET # LIMIT 0 1 DESC ALPHA STORE d", {1, 12}}, {"SORT k BY store GET store", {1}},
    {"SORT k STORE a STORE b", {1, 5}}, {"SORT k STORE", {1}}, {"SORT k LIMIT store 1 STORE d", {1, 6}}, {"SORT_RO k BY w_*", {1}},
    {"MIGRATE h 1 k 0 5", {3}}, {"MIGRATE h 1 k 0 5 COPY REPLACE AUTH keys", {3}}, {"MIGRATE h 1 '' 0 5 KEYS a b", {7, 8}},
    {"MIGRATE h 1 '' 0 5 AUTH2 keys keys KEYS a", {10}},
  };
  // clang-format on
  Indexes positions;
  for (const auto& [call, keys] : rows) {
    INFO(call);
    CHECK(extract(split(call), positions) == KeyResult::Ok);
    CHECK(positions == keys);
  }
}

// COMMAND GETKEYS replies to these with an error, but they are routed nevertheless.
TEST_CASE("calls without keys are valid, channels are positions too", "[keys]") {
  const Row rows[] = {
      {"EVAL s 0", {}},
      {"EVALSHA h 0 x y", {}},
      {"FCALL f 0", {}},
      {"PFMERGE d", {1}},
      {"SPUBLISH ch message", {1}},
      {"SSUBSCRIBE a b", {1, 2}},
      {"SUNSUBSCRIBE", {}},
      {"PING", {}},
      {"XREAD COUNT 1 BLOCK 0", {}},
      {"XREAD COUNT 1 STREAMS", {}},
      {"ZUNIONSTORE d 0 a", {1}},
  };
  Indexes positions;
  for (const auto& [call, keys] : rows) {
    INFO(call);
    CHECK(extract(split(call), positions) == KeyResult::Ok);
    CHECK(positions == keys);
  }
}

TEST_CASE("numbers that contradict the arguments are invalid, whatever their size", "[keys]") {
  const std::string_view counts[] = {"3",
                                     "-1",
                                     "2147483647",
                                     "2147483648",
                                     "4294967298",
                                     "9223372036854775807",
                                     "9223372036854775808",
                                     "-9223372036854775808",
                                     "18446744073709551617",
                                     "''",
                                     "one"};
  Indexes positions;
  for (const std::string_view count : counts) {
    for (const std::string_view before :
         {"EVAL s", "FCALL f", "ZUNION", "ZUNIONSTORE d", "LMPOP", "BLMPOP 0", "SINTERCARD"}) {
      const std::string call = std::string(before) + " " + std::string(count) + " a b";
      INFO(call);
      CHECK(extract(split(call), positions) == KeyResult::Invalid);
      CHECK(positions.empty());
    }
  }
}

// COMMAND GETKEYS lists what it can of these; a server refuses them all.
TEST_CASE("unbalanced arguments are invalid", "[keys]") {
  Indexes positions;
  for (const std::string_view call : {"MSET a 1 b", "MSETNX a 1 b", "XREAD STREAMS a b 0", "XREAD STREAMS a",
                                      "XREADGROUP GROUP g c STREAMS a b >", "MIGRATE h 1 k 0 5 KEYS a"}) {
    INFO(call);
    const std::vector<std::string> words = split(call);
    const std::vector<std::string_view> argv(words.begin(), words.end());
    CHECK(keyPositions(*CommandTable::builtIn()->find(Argv(argv)), argv, positions) == KeyResult::Invalid);
  }
}

TEST_CASE("a session is needed only where BLOCK is an option", "[keys]") {
  struct Case {
    std::string_view call;
    bool expected;
  };
  for (const Case& row : std::initializer_list<Case>{{"XREAD BLOCK 0 STREAMS a 0", true},
                                                     {"xread count 1 block 5 streams a 0", true},
                                                     {"XREAD COUNT 1 STREAMS a 0", false},
                                                     {"XREAD STREAMS block 0", false},
                                                     {"XREADGROUP GROUP block c STREAMS a >", false},
                                                     {"XREADGROUP GROUP g BLOCK STREAMS a >", false},
                                                     {"XREADGROUP GROUP g c NOACK BLOCK 0 STREAMS a >", true},
                                                     {"GET block", false}}) {
    INFO(row.call);
    const std::vector<std::string> words = split(row.call);
    const std::vector<std::string_view> argv(words.begin(), words.end());
    CHECK(hasSessionKeyword(*CommandTable::builtIn()->find(Argv(argv)), argv) == row.expected);
  }
}

TEST_CASE("where a command's keys are without looking at its arguments is where keyPositions() finds them",
          "[keys]") {
  std::size_t plain = 0;
  for (const CommandSpec& spec : CommandTable::builtIn()->commands()) {
    for (std::size_t count = 1; count < 8; ++count) {
      const auto range = plainKeyRange(spec, count);
      if (!range) continue;
      ++plain;
      const std::vector<std::string_view> argv(count, "1");
      Indexes positions;
      CAPTURE(spec.name, count);
      REQUIRE(keyPositions(spec, argv, positions) == KeyResult::Ok);
      Indexes expected;
      for (std::size_t i = 0; i < range->count; ++i)
        expected.push_back(static_cast<std::uint32_t>(range->first + i * range->step));
      CHECK(positions == expected);
    }
  }
  CHECK(plain > 20);
  const CommandSpec& mset = *CommandTable::builtIn()->find("mset");
  CHECK(plainKeyRange(mset, 5)->count == 2);
  CHECK_FALSE(plainKeyRange(mset, 4).has_value());
  CHECK_FALSE(plainKeyRange(*CommandTable::builtIn()->find("eval"), 5).has_value());
}

}  // namespace
}  // namespace slotless::protocol
