// A database counted, listed, emptied and chosen from by SCAN and UNLINK alone.
#include "proxy/databases/plain_walk.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"
#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {
namespace {

using protocol::WholeDatabase;

std::string page(std::string_view cursor, const std::vector<std::string>& keys) {
  std::string reply;
  protocol::appendArrayHeader(reply, 2);
  protocol::appendBulk(reply, cursor);
  protocol::appendArrayHeader(reply, keys.size());
  for (const std::string& key : keys) protocol::appendBulk(reply, key);
  return reply;
}

std::string requestOf(const std::vector<std::string_view>& words) {
  std::string request;
  protocol::appendRequest(request, words);
  return request;
}

// Two masters; the database has the prefix "~3:".
struct Bench {
  Bench() {
    database.index = 3;
    database.prefix = "~3:";
    masters.slots = {5, 9000};
    masters.version = 1;
  }
  void begin(WholeDatabase what) {
    options.what = what;
    planPlainWalk(
        options, database, [this] { return masters; }, plan);
    composer = std::move(plan.composer);
  }
  bool goOn(const std::vector<std::string>& replies) {
    kept = replies;
    return composer->goOn(parts(), plan);
  }
  std::vector<routing::PartReply> parts() const {
    std::vector<routing::PartReply> found;
    for (const std::string& reply : kept) found.push_back({reply, {}});
    return found;
  }
  std::string composed() {
    std::string out;
    composer->compose(parts(), out);
    return out;
  }
  std::vector<std::string> requests() const {
    std::vector<std::string> found;
    for (std::size_t i = 0; i < plan.partCount; ++i) found.push_back(plan.parts[i].request);
    return found;
  }
  static std::string scan(std::string_view cursor, std::string_view pattern = "~3:*") {
    return requestOf({"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"});
  }

  PlainWalkOptions options;
  Database database;
  Masters masters;
  routing::Plan plan;
  std::unique_ptr<routing::Composer> composer;
  std::vector<std::string> kept;
};

TEST_CASE_METHOD(Bench, "all masters are gone through page by page, each to its end") {
  begin(WholeDatabase::Count);
  CHECK(requests() == std::vector{scan("0"), scan("0")});
  CHECK(plan.parts[0].slot == 5);
  CHECK(plan.parts[1].slot == 9000);
  REQUIRE(goOn({page("17", {"~3:a", "other", "~3:b"}), page("0", {"~3:c"})}));
  CHECK(requests() == std::vector{scan("17")});
  CHECK(plan.parts[0].slot == 5);
  CHECK_FALSE(goOn({page("0", {"~3:d"})}));
  CHECK(composed() == ":4\r\n");
}

TEST_CASE_METHOD(Bench, "where all keys are the database's none is left out") {
  database = Database{};
  options.ownsAll = true;
  begin(WholeDatabase::Count);
  CHECK(requests()[0] == scan("0", "*"));
  CHECK_FALSE(goOn({page("0", {"a", "~1{x}b"}), page("0", {"c"})}));
  CHECK(composed() == ":3\r\n");
}

TEST_CASE_METHOD(Bench, "keys are listed once by the names that the database has for them") {
  options.pattern = "a*";
  begin(WholeDatabase::List);
  CHECK(requests()[0] == scan("0", "~3:a*"));
  CHECK_FALSE(goOn({page("0", {"~3:a1", "~3:a1", "~3:b"}), page("0", {})}));
  CHECK(composed() == "*1\r\n$2\r\na1\r\n");
}

TEST_CASE_METHOD(Bench, "a long list is written in pieces") {
  begin(WholeDatabase::List);
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) keys.push_back("~3:" + std::to_string(i));
  CHECK_FALSE(goOn({page("0", keys), page("0", {})}));
  REQUIRE(composer->composesInPieces(parts()));
  std::string out;
  int pieces = 1;
  while (composer->composePiece(parts(), out, 1000) == routing::Composer::Piece::More) ++pieces;
  CHECK(pieces >= 5);
  CHECK(routing::elementsOf(out)->size() == 5000);
}

TEST_CASE_METHOD(Bench, "keys are deleted slot by slot after each page") {
  begin(WholeDatabase::Flush);
  REQUIRE(goOn({page("3", {"~3:{t}1", "~3:{t}2", "~3:{u}1"}), page("0", {})}));
  CHECK(plan.writes);
  auto deletions = requests();
  std::sort(deletions.begin(), deletions.end());
  std::vector<std::string> expected = {requestOf({"UNLINK", "~3:{t}1", "~3:{t}2"}),
                                       requestOf({"UNLINK", "~3:{u}1"})};
  std::sort(expected.begin(), expected.end());
  CHECK(deletions == expected);
  REQUIRE(goOn({":2\r\n", ":1\r\n"}));
  CHECK(requests() == std::vector{scan("3")});
  CHECK_FALSE(plan.writes);
  CHECK_FALSE(goOn({page("0", {})}));
  CHECK(composed() == "+OK\r\n");
}

TEST_CASE_METHOD(Bench, "keys that a node does not delete are told of") {
  begin(WholeDatabase::Flush);
  REQUIRE(goOn({page("0", {"~3:a"}), page("0", {})}));
  CHECK_FALSE(goOn({"-READONLY no\r\n"}));
  CHECK(composed() == "-READONLY no\r\n");
}

TEST_CASE_METHOD(Bench, "a key is chosen as soon as there is one, and nil if there is none") {
  options.random = 7;
  begin(WholeDatabase::Random);
  REQUIRE(goOn({page("5", {}), page("0", {"other"})}));
  CHECK_FALSE(goOn({page("9", {"~3:k"})}));
  CHECK(composed() == "$1\r\nk\r\n");
  begin(WholeDatabase::Random);
  CHECK_FALSE(goOn({page("0", {}), page("0", {})}));
  CHECK(composed() == "$-1\r\n");
}

TEST_CASE_METHOD(Bench, "when the cluster changes meanwhile the walk begins anew, but not for ever") {
  begin(WholeDatabase::Count);
  int rounds = 0;
  for (; rounds < 20; ++rounds) {
    ++masters.version;
    if (!goOn(std::vector<std::string>(plan.partCount, page("0", {"~3:a"})))) break;
  }
  CHECK(rounds >= 1);
  CHECK(rounds < 10);
  CHECK(composed() == ":2\r\n");
}

TEST_CASE_METHOD(Bench, "an error and an answer that is no page end the walk") {
  for (const std::string reply : {"-NOPERM no\r\n", "+OK\r\n", "*1\r\n$1\r\n0\r\n", "*2\r\n:1\r\n*0\r\n"}) {
    INFO(reply);
    begin(WholeDatabase::Count);
    CHECK_FALSE(goOn({reply, page("0", {})}));
    CHECK(composed().front() == '-');
  }
}

TEST_CASE_METHOD(Bench, "a cluster that is not known yet is waited for") {
  masters.slots.clear();
  begin(WholeDatabase::Count);
  REQUIRE(plan.partCount == 1);
  CHECK(plan.parts[0].slot == protocol::kNoSlot);
}

}  // namespace
}  // namespace slotless::databases
