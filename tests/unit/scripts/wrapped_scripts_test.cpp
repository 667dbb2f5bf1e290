#include "proxy/scripts/wrapped_scripts.h"

#include <string>

#include "catch.h"

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

}  // namespace
}  // namespace slotless
