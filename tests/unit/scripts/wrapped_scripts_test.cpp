#include "proxy/scripts/wrapped_scripts.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "catch.h"
#include "proxy/net/heap_account.h"

namespace slotless {
namespace {

using session::ScriptCache;

TEST_CASE("a script is sent wrapped as long as it is known, and what is sent can be given to nodes") {
  const auto commands = protocol::CommandTable::builtIn();
  const std::string script = "return 1";
  const std::string sha = ScriptCache::sha1Of(script);
  session::WrappedScripts scripts;
  const std::string wrapped = scripts.textFor(script, commands);
  ScriptCache cache(ScriptCache::costOf(wrapped) + 100);
  CHECK_FALSE(scripts.shaFor(sha, commands, cache));
  cache.remember(script);
  const auto sent = scripts.shaFor(sha, commands, cache);
  REQUIRE(sent);
  CHECK(*sent == ScriptCache::sha1Of(wrapped));
  REQUIRE(cache.find(*sent));
  CHECK(cache.find(*sent)->text == wrapped);

  SECTION("others have displaced it in the cache, and the client has sent it again") {
    cache.remember(std::string(wrapped.size(), 'x'));
    REQUIRE_FALSE(cache.find(*sent));
    cache.remember(script);
    const auto again = scripts.shaFor(sha, commands, cache);
    REQUIRE(again);
    CHECK(*again == ScriptCache::sha1Of(wrapped));
    CHECK(cache.find(*again));
  }
  SECTION("others have displaced it, and nobody has sent it again: nodes may have it yet") {
    cache.remember(std::string(wrapped.size() + 50, 'x'));
    cache.remember(std::string(wrapped.size() + 60, 'y'));
    REQUIRE_FALSE(cache.find(sha));
    CHECK(scripts.shaFor(sha, commands, cache) == ScriptCache::sha1Of(wrapped));
  }
}

TEST_CASE("a script that all masters are to run is read once, and again when the commands are others") {
  const auto commands = protocol::CommandTable::builtIn();
  session::WrappedScripts scripts;
  ScriptCache cache(1024 * 1024);
  const auto counts = cache.remember("return redis.call('dbsize')");
  const session::ForMasters* known = &scripts.forMasters(*counts, commands);
  CHECK(known->whole.yield == databases::ScriptYield::Count);
  CHECK_FALSE(known->whole.writes);
  const std::string text = scripts.textForMasters(*counts);
  CHECK(text.ends_with(counts->text));
  CHECK(known->sha == ScriptCache::sha1Of(text));
  CHECK(&scripts.forMasters(*counts, commands) == known);

  const auto untold = cache.remember("return redis.call('dbsize') > 5");
  CHECK(scripts.forMasters(*untold, commands).whole.yield == databases::ScriptYield::Untold);
  CHECK(scripts.forMasters(*untold, commands).sha.empty());

  const auto none = std::make_shared<const protocol::CommandTable>(std::vector<protocol::CommandSpec>{});
  CHECK(scripts.forMasters(*counts, none).whole.yield == databases::ScriptYield::Untold);
  CHECK(scripts.forMasters(*counts, commands).whole.yield == databases::ScriptYield::Count);
  scripts.setDialect({true, false});
  const std::string before = scripts.forMasters(*counts, commands).sha;
  CHECK(before == ScriptCache::sha1Of(scripts.textForMasters(*counts)));
  CHECK(before != ScriptCache::sha1Of(text));
}

TEST_CASE("neither SCRIPT FLUSH nor an endless series of different scripts makes what is remembered grow") {
  const auto commands = protocol::CommandTable::builtIn();
  session::WrappedScripts scripts;
  ScriptCache cache(1024 * 1024);
  const auto use = [&](const std::string& script) {
    static_cast<void>(scripts.forMasters(*cache.remember(script), commands));
    for (const auto wrapping :
         {session::Wrapping::Names, session::Wrapping::GroupedNames, session::Wrapping::Guard}) {
      static_cast<void>(scripts.textFor(script, commands, wrapping));
      cache.remember(script);
      REQUIRE(scripts.shaFor(ScriptCache::sha1Of(script), commands, cache, wrapping));
    }
  };
  // What lags in the account of the heap is less.
  constexpr std::size_t kNothing = 192U * 1024;

  SECTION("the same scripts, sent again after each SCRIPT FLUSH") {
    const auto round = [&] {
      for (int i = 0; i < 20; ++i) use("return " + std::to_string(i));
      cache.clear();
    };
    round();
    const std::size_t before = net::heapBytes();
    for (int i = 0; i < 50; ++i) round();
    CHECK(net::heapBytes() < before + kNothing);
  }
  SECTION("different scripts") {
    // By then some have been forgotten to make room.
    constexpr int kFull = 4096;
    std::size_t mostAtFirst = 0;
    std::size_t mostLater = 0;
    for (int i = 0; i < 2 * kFull; ++i) {
      use("return " + std::to_string(i));
      if (i % 16 != 15) continue;
      cache.clear();
      std::size_t& most = i < kFull ? mostAtFirst : mostLater;
      most = std::max(most, net::heapBytes());
    }
    CHECK(mostLater < mostAtFirst + kNothing);
  }
}

TEST_CASE("what is remembered of wrapped scripts is told at what it costs") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr double kSlack = 2.5;  // their allocators add to each piece of memory
#else
  constexpr double kSlack = 1.25;
#endif
  const auto commands = protocol::CommandTable::builtIn();
  session::WrappedScripts scripts;
  ScriptCache cache(16 * 1024 * 1024);
  static_cast<void>(scripts.textFor("return 0", commands));  // what stands in front is made once
  const std::size_t before = net::heapBytes() - cache.bytes();
  const std::size_t toldBefore = scripts.bytes();
  for (int i = 0; i < 3000; ++i) {
    const std::string script = "return " + std::to_string(i);
    static_cast<void>(scripts.textFor(script, commands));
    cache.remember(script);
    static_cast<void>(scripts.shaFor(ScriptCache::sha1Of(script), commands, cache));
    cache.clear();
  }
  const auto grown = static_cast<double>(net::heapBytes() - cache.bytes() - before);
  auto told = static_cast<double>(scripts.bytes() - toldBefore);
  INFO("allocated " << grown << ", told " << told);
  CHECK(told > grown / kSlack);
  CHECK(told < grown * kSlack);
}

}  // namespace
}  // namespace slotless
