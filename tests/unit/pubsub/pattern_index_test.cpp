// Which patterns match a channel: the same as trying each of them, without trying them all.
#include "proxy/pubsub/pattern_index.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "proxy/pubsub/census.h"

using namespace slotless;
using namespace slotless::pubsub;

namespace {

const net::Address kFirst{"10.0.0.1", 7001};

std::set<std::string> found(const PatternIndex& index, std::string_view channel) {
  std::set<std::string> patterns;
  index.visitMatches(channel, [&](const void* of) { patterns.insert(*static_cast<const std::string*>(of)); });
  return patterns;
}

}  // namespace

TEST_CASE("a pattern is found by what it begins with, by what it ends with, or by neither") {
  const std::vector<std::string> patterns = {"news.*", "news.sport", "*",        "*.sport", "*sp*",
                                             "new?.*", "[mn]ews.*",  "news.\\*", "*[p]ort", "?ews.spor?"};
  PatternIndex index;
  for (const std::string& pattern : patterns) index.add(pattern, &pattern);
  CHECK(found(index, "news.sport") == std::set<std::string>{"news.*", "news.sport", "*", "*.sport", "*sp*",
                                                            "new?.*", "[mn]ews.*", "*[p]ort", "?ews.spor?"});
  CHECK(found(index, "news.*") == std::set<std::string>{"news.*", "news.\\*", "*", "new?.*", "[mn]ews.*"});
  CHECK(found(index, "x") == std::set<std::string>{"*"});
  for (const std::string& pattern : patterns) index.remove(pattern);
  CHECK(found(index, "news.sport").empty());
}

TEST_CASE("random patterns and channels: the index finds what comparing each finds") {
  std::minstd_rand random(11);
  const auto text = [&](std::string_view letters, std::size_t most) {
    std::string made;
    for (std::size_t i = random() % (most + 1); i > 0; --i) made += letters[random() % letters.size()];
    return made;
  };
  for (int round = 0; round < 50; ++round) {
    std::set<std::string> patterns;
    for (int i = 0; i < 60; ++i) patterns.insert(text("ab*?[]\\^-", 6));
    PatternIndex index;
    for (const std::string& pattern : patterns) index.add(pattern, &pattern);
    for (int i = 0; i < 60; ++i) {
      const std::string channel = text("ab*]", 5);
      std::set<std::string> expected;
      for (const std::string& pattern : patterns) {
        if (protocol::matchesGlob(pattern, channel)) expected.insert(pattern);
      }
      CAPTURE(channel);
      CHECK(found(index, channel) == expected);
    }
  }
}

TEST_CASE("publishing is not compared with the thousands of patterns that begin or end otherwise") {
  Census census;
  for (int i = 0; i < 5000; ++i) {
    census.addListeners(TopicKind::Pattern, "user:" + std::to_string(i) + ":*", 1);
    census.addListeners(TopicKind::Pattern, "*:of:" + std::to_string(i), 1);
  }
  CHECK(census.reachedBy("user:17:x:of:4", kFirst).listeners == 2);
  CHECK(census.comparisons() < 10);
}

TEST_CASE("patterns that have to be compared are compared once, however often is published to a channel") {
  Census census;
  for (int i = 0; i < 5000; ++i) census.addListeners(TopicKind::Pattern, "*a" + std::to_string(i) + "*", 1);
  for (int i = 0; i < 100; ++i) CHECK(census.reachedBy("xa17x", kFirst).listeners == 2);  // a1 and a17
  CHECK(census.comparisons() <= 5000);
  census.addListeners(TopicKind::Pattern, "*x", 2);
  CHECK(census.reachedBy("xa17x", kFirst).listeners == 4);
  census.addListeners(TopicKind::Pattern, "*x", -2);
  CHECK(census.reachedBy("xa17x", kFirst).listeners == 2);
}
