// Which differences of streams a digest shows, on servers that are tables of what they reply.
#include "proxy/migrate/value_digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.h"

namespace slotless::migrate {
namespace {

using subcommand::Reply;

Reply textOf(std::string text) {
  return {Reply::Kind::Text, std::move(text)};
}
Reply numberOf(std::int64_t number) {
  return {Reply::Kind::Integer, {}, number};
}
Reply listOf(std::vector<Reply> items) {
  return {Reply::Kind::Array, {}, 0, std::move(items)};
}

struct Group {
  std::string name;
  std::string delivered;
  std::vector<std::string> consumers;
  // Entry, consumer, times delivered.
  std::vector<std::tuple<std::string, std::string, std::int64_t>> pending;
};

struct StreamServer {
  std::string last = "3-0";
  std::vector<Group> groups{{"workers", "2-0", {"one", "two"}, {{"1-0", "one", 1}, {"2-0", "two", 3}}},
                            {"others", "0-0", {}, {}}};
  std::string error;  // of XINFO CONSUMERS
  std::size_t questions = SIZE_MAX;

  DigestResult digest() {
    return digestOf(
        "stream", "stream",
        [this](const std::vector<std::string>& words) -> std::optional<Reply> { return answer(words); });
  }

 private:
  const Group& groupIn(const std::string& name) const {
    for (const Group& each : groups) {
      if (each.name == name) return each;
    }
    FAIL("no such group: " << name);
    return groups.front();
  }

  std::optional<Reply> answer(const std::vector<std::string>& words) {
    if (questions-- == 0) return std::nullopt;
    if (words[0] == "XRANGE")
      return listOf({listOf({textOf("3-0"), listOf({textOf("field"), textOf("value")})})});
    if (words[0] == "XPENDING") {
      std::vector<Reply> rows;
      if (words[3] != "-") return listOf({});
      for (const auto& [entry, consumer, times] : groupIn(words[2]).pending)
        rows.push_back(listOf({textOf(entry), textOf(consumer), numberOf(17), numberOf(times)}));
      return listOf(std::move(rows));
    }
    if (words[1] == "STREAM") return listOf({textOf("last-generated-id"), textOf(last)});
    if (words[1] == "GROUPS") {
      std::vector<Reply> rows;
      for (const Group& each : groups)
        rows.push_back(
            listOf({textOf("name"), textOf(each.name), textOf("last-delivered-id"), textOf(each.delivered)}));
      return listOf(std::move(rows));
    }
    if (!error.empty()) return Reply{Reply::Kind::Error, error};
    std::vector<Reply> rows;
    for (const std::string& each : groupIn(words[3]).consumers)
      rows.push_back(listOf({textOf("name"), textOf(each), textOf("idle"), numberOf(5)}));
    return listOf(std::move(rows));
  }
};

bool sameGroups(StreamServer other) {
  StreamServer one;
  const DigestResult ours = one.digest();
  const DigestResult theirs = other.digest();
  CHECK(ours.error.empty());
  CHECK(theirs.error.empty());
  CHECK(ours.number == theirs.number);
  return ours.groups == theirs.groups;
}

TEST_CASE("groups are the same whatever the order in which they are told") {
  StreamServer other;
  std::swap(other.groups[0], other.groups[1]);
  std::swap(other.groups[1].consumers[0], other.groups[1].consumers[1]);
  CHECK(sameGroups(other));
}

TEST_CASE("a score is the same number however many digits a server writes") {
  const auto digest = [](const std::string& score) {
    return digestOf("key", "zset", [&](std::vector<std::string>) -> std::optional<Reply> {
      return listOf({textOf("0"), listOf({textOf("member"), textOf(score)})});
    });
  };
  const auto same = [&](const std::string& one, const std::string& other) {
    return digest(one).number == digest(other).number;
  };
  CHECK(same("150.09999999999999", "150.1"));
  CHECK(same("0.10000000000000001", "0.1"));
  CHECK(same("1e+20", "100000000000000000000"));
  CHECK(same("-0", "0"));
  CHECK(same("inf", "inf"));
  CHECK_FALSE(same("inf", "-inf"));
  CHECK_FALSE(same("0.1", "0.2"));
  CHECK_FALSE(same("odd", "odder"));
}

TEST_CASE("a consumer counts, also one that has nothing pending") {
  StreamServer other;
  other.groups[1].consumers.emplace_back("idle");
  CHECK_FALSE(sameGroups(other));
  // It is that group's.
  StreamServer elsewhere;
  elsewhere.groups[0].consumers.emplace_back("idle");
  CHECK(other.digest().groups != elsewhere.digest().groups);
}

TEST_CASE("where a group stands counts, and what is pending, with whom, and how often it was delivered") {
  StreamServer moved;
  moved.groups[1].delivered = "1-0";
  CHECK_FALSE(sameGroups(moved));
  StreamServer done;
  done.groups[0].pending.pop_back();
  CHECK_FALSE(sameGroups(done));
  StreamServer claimed;
  std::get<1>(claimed.groups[0].pending[0]) = "two";
  CHECK_FALSE(sameGroups(claimed));
  StreamServer again;
  std::get<2>(again.groups[0].pending[0]) = 2;
  CHECK_FALSE(sameGroups(again));
  StreamServer lacking;
  lacking.groups.pop_back();
  CHECK_FALSE(sameGroups(lacking));
}

TEST_CASE("a stream's own data is told apart from its groups") {
  StreamServer one;
  StreamServer other;
  other.last = "9-0";
  CHECK(one.digest().number != other.digest().number);
  CHECK(one.digest().groups == other.digest().groups);
}

TEST_CASE("an answer that is an error, or does not come, ends the digest") {
  StreamServer refuses;
  refuses.error = "NOPERM no";
  CHECK(refuses.digest().error == "NOPERM no");
  CHECK_FALSE(refuses.digest().stopped);
  for (std::size_t questions = 0; questions < 5; ++questions) {
    StreamServer stopped;
    stopped.questions = questions;
    CHECK(stopped.digest().stopped);
  }
}

}  // namespace
}  // namespace slotless::migrate
