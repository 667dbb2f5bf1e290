// The timeouts of blocking commands: where each stands, and how it is written anew.
#include "proxy/dispatch/blocking.h"

#include <sstream>
#include <string>
#include <vector>

#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/encoder.h"

namespace slotless::test {

using namespace std::chrono_literals;
using session::blockTimeoutOf;

namespace {

std::vector<std::string> wordsOf(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

struct Command {
  explicit Command(const std::string& text) : words(wordsOf(text)), argv(words.begin(), words.end()) {
    spec = table->find(argv[0]);
    REQUIRE(spec != nullptr);
  }
  std::string bytes() const {
    std::string encoded;
    protocol::appendRequest(encoded, argv);
    return encoded;
  }
  std::optional<net::Millis> timeout() const { return blockTimeoutOf(*spec, argv); }
  std::string rewritten(net::Millis left) const {
    net::BlockPool pool;
    net::ByteChain chain(pool);
    chain.append(bytes());
    session::rewriteBlockTimeout(*spec, left, chain);
    return chain.toString();
  }

  std::shared_ptr<const protocol::CommandTable> table = protocol::CommandTable::builtIn();
  std::vector<std::string> words;
  std::vector<std::string_view> argv;
  const protocol::CommandSpec* spec = nullptr;
};

struct Row {
  const char* command;    // waits for 2.5 seconds
  const char* rewritten;  // with 1.007 seconds left
};

constexpr Row kRows[] = {
    {"BLPOP a b 2.5", "BLPOP a b 1.007"},
    {"BRPOP a 2.5", "BRPOP a 1.007"},
    {"BRPOPLPUSH a b 2.5", "BRPOPLPUSH a b 1.007"},
    {"BLMOVE a b LEFT RIGHT 2.5", "BLMOVE a b LEFT RIGHT 1.007"},
    {"BLMPOP 2.5 2 a b LEFT COUNT 3", "BLMPOP 1.007 2 a b LEFT COUNT 3"},
    {"BZPOPMIN a b 2.5", "BZPOPMIN a b 1.007"},
    {"BZPOPMAX a 2.5", "BZPOPMAX a 1.007"},
    {"BZMPOP 2.5 1 a MIN", "BZMPOP 1.007 1 a MIN"},
    {"XREAD COUNT 2 BLOCK 2500 STREAMS a $", "XREAD COUNT 2 BLOCK 1007 STREAMS a $"},
    {"XREAD block 2500 STREAMS a b $ $", "XREAD block 1007 STREAMS a b $ $"},
    {"XREADGROUP GROUP block 5 BLOCK 2500 STREAMS block >",
     "XREADGROUP GROUP block 5 BLOCK 1007 STREAMS block >"},
    {"XREADGROUP GROUP g c BLOCK 2500 NOACK STREAMS a >",
     "XREADGROUP GROUP g c BLOCK 1007 NOACK STREAMS a >"},
};

}  // namespace

TEST_CASE("the timeout of every blocking command is found and can be written anew") {
  for (const Row& row : kRows) {
    INFO(row.command);
    const Command command(row.command);
    CHECK(command.timeout() == std::optional<net::Millis>(2500ms));
    CHECK(command.rewritten(1007ms) == Command(row.rewritten).bytes());
  }
}

TEST_CASE("a timeout of zero, or one that is none, has no end") {
  for (const char* text :
       {"BLPOP a 0", "BLPOP a 0.0", "BLPOP a -1", "BLPOP a soon", "BLPOP a 1x", "BLPOP a inf", "BLPOP a nan",
        "BLPOP a 1e300", "XREAD BLOCK 0 STREAMS a $", "XREAD STREAMS a $"}) {
    INFO(text);
    CHECK(Command(text).timeout() == std::nullopt);
  }
}

TEST_CASE("a timeout shorter than a millisecond is one millisecond, not for ever") {
  CHECK(Command("BLPOP a 0.0001").timeout() == std::optional<net::Millis>(1ms));
  CHECK(Command("BLPOP a 5").rewritten(0ms) == Command("BLPOP a 0.001").bytes());
  CHECK(Command("BLPOP a 5").rewritten(-20ms) == Command("BLPOP a 0.001").bytes());
  CHECK(Command("XREAD BLOCK 5 STREAMS a $").rewritten(0ms) == Command("XREAD BLOCK 1 STREAMS a $").bytes());
}

TEST_CASE("a timeout that is longer than the clock can tell has no end") {
  CHECK(Command("BLPOP a 1e12").timeout() == std::nullopt);
  CHECK(Command("XREAD BLOCK 9000000000000000 STREAMS a $").timeout() == std::nullopt);
}

TEST_CASE("long timeouts keep their seconds and milliseconds") {
  CHECK(Command("BLPOP a 100000").timeout() == std::optional<net::Millis>(100000s));
  CHECK(Command("BLPOP a 100000").rewritten(99999999ms) == Command("BLPOP a 99999.999").bytes());
  CHECK(Command("BLPOP a 9").rewritten(60ms) == Command("BLPOP a 0.060").bytes());
}

}  // namespace slotless::test
